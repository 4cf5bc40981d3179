import type { JsonObject } from '@tianjillm/core'
import { pluginName } from './aliases.ts'
import { toMap, toMaps, toNumber, toText, valueAt } from './coerce.ts'
import type { SearchToolConfig } from './config.ts'
import type { WithCredential } from './credentials.ts'
import { priceKey } from './known-keys.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'
import { camelCased, respelled } from './spelling.ts'

const places: readonly (readonly string[])[] = [
  ['search_tools'],
  ['router_settings', 'search_tools'],
  ['general_settings', 'search_tools'],
]

/** The search tools of all the places a file may list them in. */
export function readSearchTools(
  file: JsonObject,
  withCredential: WithCredential,
  source: Source,
): readonly SearchToolConfig[] {
  return places.flatMap((place) =>
    toMaps(valueAt(file, place)).map((entry, index) =>
      readSearchTool(entry, withCredential, [...place, index], source),
    ),
  )
}

function readSearchTool(
  entry: JsonObject,
  withCredential: WithCredential,
  path: Path,
  source: Source,
): SearchToolConfig {
  const paramsPath = [...path, 'litellm_params']
  const { search_provider, timeout, max_retries, ...rest } = withCredential(toMap(entry.litellm_params), paramsPath)
  return {
    name: toText(entry.search_tool_name) ?? '',
    provider: pluginName('search', toText(search_provider) ?? ''),
    options: camelCased(keysOf(rest, (key) => !priceKey.test(key))),
    prices: keysOf(rest, (key) => priceKey.test(key)),
    timeout: toNumber(timeout),
    maxRetries: toNumber(max_retries),
    info: toMap(entry.search_tool_info),
    position: source.positionOf(path),
    positionOf: (key) => source.positionOf([...paramsPath, respelled(key)]),
  }
}

function keysOf(map: JsonObject, isWanted: (key: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(map).filter(([key]) => isWanted(key)))
}
