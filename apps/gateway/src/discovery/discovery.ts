import type { Config } from '@tianjillm/config'
import type { Engine } from '@tianjillm/engine'
import type { ModelMap } from '@tianjillm/models'
import type { ModelMaps } from '../model-maps.ts'
import { installedPlugins, type PluginPlaces } from '../plugins.ts'
import type { Catalog } from './catalog.ts'
import { type Document, documentOf } from './document.ts'

/**
 * What clients may ask for, as one configuration has it. Each part is made when it is first asked for, and does not
 * change afterwards, unless a newer map of models comes.
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
  maps: ModelMaps,
): Discovery {
  return {
    catalog: ofEachMap(maps, async (map) => {
      const { createCatalog } = await import('./catalog.ts')
      return createCatalog(models, engine, map, new Set(publicGroups))
    }),
    costMap: ofEachMap(maps, async (map) => documentOf(map.models)),
    providers: once(() =>
      installedPlugins('provider', places)
        .map(({ name }) => name)
        .sort(),
    ),
    publicGroups,
  }
}

/** Made once of each map of models. */
function ofEachMap<Made>(maps: ModelMaps, make: (map: ModelMap) => Promise<Made>): () => Promise<Made> {
  const load = once(() => maps.load())
  let made: { readonly map: ModelMap; readonly value: Promise<Made> } | undefined
  return async () => {
    const { map } = await load()
    if (made?.map !== map) made = { map, value: make(map) }
    return made.value
  }
}

function once<Made>(make: () => Made): () => Made {
  let made: { readonly value: Made } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
