import type { Config } from '@tianjillm/config'
import type { Engine } from '@tianjillm/engine'
import { installedPlugins, type PluginPlaces } from '../plugins.ts'
import type { Catalog } from './catalog.ts'
import { type Document, documentOf } from './document.ts'

/**
 * What clients may ask for, as one configuration has it. Each part is made when it is first asked for, and does not
 * change afterwards.
 */
export interface Discovery {
  catalog(): Promise<Catalog>
  /** All that is known of models, as LiteLLM's `model_prices_and_context_window.json` has it. */
  costMap(): Promise<Document>
  /** Names of the providers that are installed, sorted. */
  providers(): readonly string[]
  /** Names of the groups that are told to anybody. */
  readonly publicGroups: readonly string[]
}

/** The discovery of a configuration, and of the engine that was composed from it. */
export function createDiscovery(
  { models, settings: { publicModelGroups: publicGroups } }: Config,
  engine: Engine,
  places: PluginPlaces,
): Discovery {
  return {
    catalog: once(async () => {
      const [{ createCatalog }, { loadModelMap }] = await Promise.all([
        import('./catalog.ts'),
        import('@tianjillm/models'),
      ])
      return createCatalog(models, engine, await loadModelMap(), new Set(publicGroups))
    }),
    costMap: once(async () => {
      const { loadModelMap } = await import('@tianjillm/models')
      return documentOf((await loadModelMap()).models)
    }),
    providers: once(() =>
      installedPlugins('provider', places)
        .map(({ name }) => name)
        .sort(),
    ),
    publicGroups,
  }
}

function once<Made>(make: () => Made): () => Made {
  let made: { readonly value: Made } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
