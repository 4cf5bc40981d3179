import type { ModelConfig, Problem, RouterSettings } from '@tianjillm/config'
import { GatewayError, isGatewayError } from '@tianjillm/core'
import type { Deployment } from '@tianjillm/engine'
import { leftOut, problemOf } from './problems.ts'

/** How deployments are built, and what takes the place of one that cannot be. */
export interface DeploymentBuilder {
  build(model: ModelConfig): Promise<Deployment>
  broken(model: ModelConfig, error: GatewayError): Deployment
}

/**
 * Builds deployments. One that cannot be built is a warning, and answers each call with its error where no other is of
 * its group; `ignore_invalid_deployments: false` makes it an error. It is one as well when none can be built.
 */
export async function buildDeployments(
  models: readonly ModelConfig[],
  { rest }: RouterSettings,
  problems: Problem[],
  { build, broken }: DeploymentBuilder,
): Promise<readonly Deployment[]> {
  const invalid: { readonly model: ModelConfig; readonly error: GatewayError }[] = []
  const deployments = await Promise.all(
    models.map((model) =>
      build(model).catch((error: unknown) => {
        if (!isGatewayError(error)) throw error
        invalid.push({ model, error })
        return broken(model, error)
      }),
    ),
  )
  const isIgnored = rest.ignore_invalid_deployments !== false && invalid.length < models.length
  for (const { model, error } of invalid) {
    const problem = problemOf('error', model, 'model', error)
    problems.push(isIgnored ? leftOut(problem) : problem)
  }
  return deployments
}

/** Throws GatewayError `misconfigured` for a model that is nothing but `*`, which names no provider. */
export function demandProvider({ provider }: ModelConfig): void {
  if (provider === '*')
    throw new GatewayError(
      'misconfigured',
      'The model "*" names no provider. Write an entry for each one: model_name: openai/* and model: openai/*.',
    )
}
