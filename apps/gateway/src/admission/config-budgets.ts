import type { BudgetConfig, Config } from '@tianjillm/config'
import type { CallReport } from '@tianjillm/core'
import type { Budget } from '@tianjillm/tenancy'
import { termsOf } from './holder.ts'
import type { Share } from './holds.ts'

/** The budgets of the file, but for those of keys. */
export interface ConfigBudgets {
  /** Of all calls together. */
  readonly ofAll: readonly Budget[]
  readonly ofTags: ReadonlyMap<string, Budget>
  /** Of where a call went: the deployment, and its provider. */
  ofDeployment(where: Pick<CallReport, 'provider' | 'deploymentId'>): readonly Budget[]
  /** Of deployments and providers, all of them. */
  readonly ofDeployments: readonly Budget[]
  /** Whether there is any, of keys too. */
  readonly isAny: boolean
}

/** The budgets of a configuration. `idOf` tells a deployment's id; `share` is this process's part when each keeps its own book. */
export function configBudgetsOf(
  { settings, router, models, keys }: Config,
  idOf: (model: Config['models'][number]) => string,
  share: Share,
): ConfigBudgets {
  const of = (kind: string, id: string, owner: string, config: BudgetConfig): Budget => {
    const { max, ...terms } = termsOf(config)
    return { kind, id, owner, ...terms, max: max === undefined ? undefined : share(max) }
  }
  const ofTags = new Map(
    [...settings.tagBudgets].map(([tag, config]) => [tag, of('tag', tag, `the tag "${tag}"`, config)]),
  )
  const ofProviders = new Map(
    [...router.providerBudgets].map(([name, config]) => [name, of('provider', name, `the provider ${name}`, config)]),
  )
  const ofDeployments = new Map(
    models.flatMap((model) => {
      const { budget, name } = model
      const id = idOf(model)
      return budget === undefined ? [] : [[id, of('deployment', id, `a deployment of ${name}`, budget)] as const]
    }),
  )
  const isAny =
    ofTags.size + ofProviders.size + ofDeployments.size > 0 ||
    settings.budget !== undefined ||
    keys.some(({ budget, modelBudgets }) => budget !== undefined || modelBudgets.size > 0)
  const none: readonly Budget[] = []
  const hasNone = ofProviders.size + ofDeployments.size === 0
  return {
    ofAll: settings.budget === undefined ? none : [of('gateway', '', 'the whole gateway', settings.budget)],
    ofTags,
    ofDeployments: [...ofProviders.values(), ...ofDeployments.values()],
    ofDeployment({ provider, deploymentId }) {
      if (hasNone) return none
      return [ofProviders.get(provider ?? ''), ofDeployments.get(deploymentId ?? '')].filter(
        (budget) => budget !== undefined,
      )
    },
    isAny,
  }
}
