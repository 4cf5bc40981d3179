import { resolve } from 'node:path'
import type { Config, Problem } from '@tianjillm/config'
import type { Host, Log } from '@tianjillm/core'
import type { ModelMap, Models } from '@tianjillm/models'
import type { Carry } from './carry.ts'

/** What is known of models: the shipped map, under the operator's own. */
export interface ModelMaps {
  /** Loads the map; what it gives has the newest one from then on. */
  load(): Promise<LiveMap>
  /** Looks for a newer map where the operator's own comes from, in the background. */
  refresh(): void
}

/** A map that is replaced when a newer one has come. */
export interface LiveMap {
  readonly map: ModelMap
}

const settingNames = ['cost_map_path', 'model_cost_map_url'] as const

/** What a map is looked for with. */
interface MapSurroundings {
  readonly host: Host
  /** A map that was fetched stays in force when the configuration is read anew. */
  readonly carry: Carry
  /** What relative paths begin at. */
  readonly folder: string
}

/**
 * The maps of a configuration: `litellm_settings.cost_map_path` or `model_cost_map_url`, else what
 * `LITELLM_MODEL_COST_MAP_URL` names; a file or a URL. Nothing is fetched before it is asked to refresh, and nothing is
 * loaded before somebody asks. https://docs.litellm.ai/docs/proxy/sync_models_github
 */
export async function modelMapsOf(
  config: Config,
  { host, carry, folder }: MapSurroundings,
  problems: Problem[],
): Promise<ModelMaps> {
  const { settings } = config
  const name = settingNames.find((one) => typeof settings.rest[one] === 'string')
  const place = name === undefined ? urlInEnvironment(host) : String(settings.rest[name])
  if (place === undefined) return mapsOf(async () => [])
  if (/^https?:/i.test(place)) {
    const { fetch, log } = host
    return carry.take(['cost map', place], () => fetchedMaps(place, fetch, log))
  }
  const { readModels } = await import('@tianjillm/models')
  try {
    const own = await readModels(resolve(folder, place.replace(/^file:(\/\/(?=\/))?/, '')))
    return mapsOf(async () => [own])
  } catch (error) {
    const position = config.positionOf(name === undefined ? [] : ['litellm_settings', name])
    const path = name === undefined ? '' : `litellm_settings.${name}`
    problems.push({
      severity: 'error',
      ...position,
      path,
      message: `the map of models cannot be used: ${whyNot(error)}.`,
    })
    return mapsOf(async () => [])
  }
}

function urlInEnvironment({ env }: Host): string | undefined {
  if (/^(true|1)$/i.test(env('LITELLM_LOCAL_MODEL_COST_MAP') ?? '')) return undefined
  return env('TIANJI_MODEL_COST_MAP_URL') ?? env('LITELLM_MODEL_COST_MAP_URL')
}

function mapsOf(own: () => Promise<readonly Models[]>): ModelMaps {
  let loaded: Promise<LiveMap> | undefined
  const load = async () => {
    const { loadModelMap } = await import('@tianjillm/models')
    return { map: await loadModelMap(...(await own())) }
  }
  return {
    load() {
      loaded ??= load()
      return loaded
    },
    refresh() {},
  }
}

/** A function of its own, for what is carried over must not hold what it was made with. */
function fetchedMaps(url: string, fetch: typeof globalThis.fetch, log: Log): ModelMaps {
  let count: number | undefined
  let loaded: Promise<{ map: ModelMap }> | undefined
  let isFetching = false
  const load = () => {
    loaded ??= import('@tianjillm/models').then(async ({ loadModelMap }) => ({ map: await loadModelMap() }))
    return loaded
  }
  const refresh = async () => {
    try {
      const { fetchModels, loadModelMap } = await import('@tianjillm/models')
      const own = await fetchModels(url, { fetch, before: count })
      const [live, map] = await Promise.all([load(), loadModelMap(own)])
      live.map = map
      count = Object.keys(own).length
      log.info(`The map of models was fetched: ${count} models.`)
    } catch (error) {
      // Not the address, which may hold a token.
      const instead = count === undefined ? 'the one that came with the gateway' : 'the one before'
      log.warn(`The map of models cannot be fetched, so ${instead} goes on: ${whyNot(error)}.`)
    } finally {
      isFetching = false
    }
  }
  return {
    load,
    refresh() {
      if (!isFetching) void refresh()
      isFetching = true
    },
  }
}

/** Without paths and addresses, which errors of node and of fetch have in them. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string') return code
  if (error.name === 'TimeoutError') return 'it took too long'
  return error instanceof TypeError ? 'there is no answer, or it leads elsewhere' : error.message
}
