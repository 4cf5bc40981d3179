import type { Config, ModelConfig } from '@tianjillm/config'
import type { ModelFacts } from '@tianjillm/models'
import { isAutoRouter } from './auto-routers.ts'
import type { ModelMaps } from './model-maps.ts'
import { routesByCost } from './routing.ts'

/** What is known of a configured model besides what its configuration says; nothing when nobody asks. */
export type KnownModels = (model: ModelConfig) => ModelFacts

const NOTHING: ModelFacts = {}

/** The map of models, where something in the configuration goes by it: reading it takes time and memory. */
export async function knownModels({ models, router }: Config, maps: ModelMaps): Promise<KnownModels> {
  if (!routesByCost(router) && !router.enablePreCallChecks && !models.some(isAutoRouter)) return () => NOTHING
  const { map } = await maps.load()
  return ({ provider, model, info: { base_model: base } }) =>
    map.find(provider, model, typeof base === 'string' ? base : undefined) ?? NOTHING
}
