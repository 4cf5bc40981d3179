import { didYouMean, GatewayError } from '@tianjillm/core'
import type { Candidate, Route } from './candidate.ts'
import { capturedBy, type Wildcard, wildcardIn } from './wildcard.ts'

/** Which deployments serve which model name. */
export interface Groups<Deployment> {
  readonly exact: ReadonlyMap<string, readonly Deployment[]>
  /** Groups with a `*` in their name, the most specific first. */
  readonly wildcards: readonly (Wildcard & { readonly deployments: readonly Deployment[] })[]
}

/** Deployments by the group they serve. */
export function groupDeployments<Deployment extends Candidate>(deployments: readonly Deployment[]): Groups<Deployment> {
  const byName = Map.groupBy(deployments, ({ group }) => group)
  const exact = new Map([...byName].filter(([name]) => !name.includes('*')))
  const wildcards = [...byName]
    .sort(([one], [other]) => other.length - one.length)
    .flatMap(([name, members]) => {
      const wildcard = wildcardIn(name)
      return wildcard ? [{ ...wildcard, deployments: members }] : []
    })
  return { exact, wildcards }
}

/** The deployments that serve a model name, with the models to ask them for; undefined when there are none. */
export function findGroup<Deployment extends Candidate>(
  groups: Groups<Deployment>,
  name: string,
): readonly Route<Deployment>[] | undefined {
  const exact = groups.exact.get(name)
  if (exact !== undefined) return exact.map((deployment) => ({ deployment, model: deployment.model }))
  for (const wildcard of groups.wildcards) {
    const captured = capturedBy(wildcard, name)
    if (captured === undefined) continue
    return wildcard.deployments.map((deployment) => ({
      deployment,
      model: deployment.model.replace('*', () => captured),
    }))
  }
  return undefined
}

/** The error for a model that nobody serves. */
export function modelNotFound(groups: Groups<unknown>, model: string): GatewayError {
  const exact = [...groups.exact.keys()]
  const names = [...exact, ...groups.wildcards.map(({ before, after }) => `${before}*${after}`)]
  const hint =
    didYouMean(model, exact) || (names.length > 0 ? ` Configured are ${listed(names)}.` : ' No model is configured.')
  return new GatewayError('model_not_found', `The model "${model.slice(0, 100)}" is not configured.${hint}`, {
    param: 'model',
  })
}

/** The first of many names. */
export function listed(names: readonly string[]): string {
  return names.length > 10 ? `${names.slice(0, 10).join(', ')} and ${names.length - 10} more` : names.join(', ')
}
