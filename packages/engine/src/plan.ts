import { didYouMean, GatewayError } from '@tianjillm/core'
import type { Deployment } from './deployment.ts'
import type { Route } from './send.ts'

/** Which deployments serve which model name. */
export interface Groups {
  readonly exact: ReadonlyMap<string, readonly Deployment[]>
  /** Groups with a `*` in their name, the most specific first. */
  readonly wildcards: readonly {
    readonly before: string
    readonly after: string
    readonly deployments: readonly Deployment[]
  }[]
}

/** Deployments by the group they serve. */
export function groupDeployments(deployments: readonly Deployment[]): Groups {
  const byName = Map.groupBy(deployments, ({ group }) => group)
  const exact = new Map([...byName].filter(([name]) => !name.includes('*')))
  const wildcards = [...byName]
    .filter(([name]) => name.includes('*'))
    .sort(([one], [other]) => other.length - one.length)
    .map(([name, members]) => {
      const star = name.indexOf('*')
      return { before: name.slice(0, star), after: name.slice(star + 1), deployments: members }
    })
  return { exact, wildcards }
}

/**
 * The deployments to ask for a model, in order of preference: a random one first, for all are equal.
 * Throws GatewayError `model_not_found`.
 */
export function plan(groups: Groups, model: string, random: () => number = Math.random): readonly Route[] {
  const exact = groups.exact.get(model)
  if (exact !== undefined) return shuffle(exact, random).map((deployment) => ({ deployment, model: deployment.model }))
  for (const { before, after, deployments } of groups.wildcards) {
    if (model.length < before.length + after.length || !model.startsWith(before) || !model.endsWith(after)) continue
    const captured = model.slice(before.length, model.length - after.length)
    return shuffle(deployments, random).map((deployment) => ({
      deployment,
      model: deployment.model.replace('*', () => captured),
    }))
  }
  throw notFound(groups, model)
}

/** The deployments of a search tool. Throws GatewayError `no_search_provider` or `search_tool_not_found`. */
export function planSearch(tools: Groups, name: string): readonly Route[] {
  const names = [...tools.exact.keys()]
  if (names.length === 0)
    throw new GatewayError(
      'no_search_provider',
      'No search provider is configured. Add search_tools to the configuration.',
    )
  if (tools.exact.has(name)) return plan(tools, name)
  const hint = didYouMean(name, names) || ` Configured are ${listed(names)}.`
  throw new GatewayError('search_tool_not_found', `The search tool "${name.slice(0, 100)}" is not configured.${hint}`)
}

function notFound(groups: Groups, model: string): GatewayError {
  const names = [...groups.exact.keys()]
  const hint =
    didYouMean(model, names) || (names.length > 0 ? ` Configured are ${listed(names)}.` : ' No model is configured.')
  return new GatewayError('model_not_found', `The model "${model.slice(0, 100)}" is not configured.${hint}`, {
    param: 'model',
  })
}

function listed(names: readonly string[]): string {
  return names.length > 10 ? `${names.slice(0, 10).join(', ')} and ${names.length - 10} more` : names.join(', ')
}

function shuffle<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  if (items.length < 2) return items
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
  }
  return shuffled
}
