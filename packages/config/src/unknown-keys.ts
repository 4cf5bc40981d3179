import { didYouMean, type JsonObject, nearest, parametersOf } from '@tianjillm/core'
import { sectionOf, sectionPath, toMap, toMaps } from './coerce.ts'
import { entryKeys, keyFields, modelFieldKeys, modelGatewayKeys, modelProviderKeys, sectionKeys } from './known-keys.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/**
 * Warns of keys that nobody knows at the root and in the settings, and of those that look mistyped where any key is
 * allowed. They are kept all the same: the file may be ahead of us.
 */
export function warnOfUnknownKeys(file: JsonObject, source: Source): void {
  for (const [section, known] of Object.entries(sectionKeys))
    for (const key of Object.keys(sectionOf(file, section)))
      if (!known.has(key) && !isFree(section, key))
        source.warn([...sectionPath(section), key], `unknown key.${advice(section, key)}`)
  for (const [list, known] of Object.entries(entryKeys))
    toMaps(file[list]).forEach((entry, index) => {
      warnOfMistyped(entry, known, [list, index], source)
    })
  // Unlike a vendor's option, a limit that nobody knows is one that nobody keeps.
  toMaps(file.keys).forEach((entry, index) => {
    for (const key of Object.keys(entry))
      if (!keyFields.has(key))
        source.warn(['keys', index, key], `unknown key, without effect.${didYouMean(key, keyFields)}`)
  })
  toMaps(file.model_list).forEach(({ litellm_params }, index) => {
    warnOfMistyped(toMap(litellm_params), paramKeys, ['model_list', index, 'litellm_params'], source)
  })
}

/** Any callback may have `<name>_params`. */
function isFree(section: string, key: string): boolean {
  return section === 'litellm_settings' && key.endsWith('_params')
}

function advice(section: string, key: string): string {
  const home = Object.keys(sectionKeys).find((name) => sectionKeys[name]!.has(key))
  if (home !== undefined) return home === '' ? ' It belongs to the root of the file.' : ` It belongs to ${home}.`
  const near = nearest(key, sectionKeys[section]!)
  return near === undefined ? '' : ` Did you mean ${near}?`
}

const paramKeys: ReadonlySet<string> = new Set([
  ...modelFieldKeys,
  ...modelGatewayKeys,
  ...modelProviderKeys,
  ...(['chat', 'completion', 'embedding', 'image', 'speech', 'transcription'] as const).flatMap(parametersOf),
])

function warnOfMistyped(map: JsonObject, known: ReadonlySet<string>, path: Path, source: Source): void {
  for (const key of Object.keys(map)) {
    const near = known.has(key) ? undefined : nearest(key, known)
    if (near !== undefined) source.warn([...path, key], `unknown key, passed on as it is. Did you mean ${near}?`)
  }
}
