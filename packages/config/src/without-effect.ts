import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { sectionOf, sectionPath, toMap, toMaps } from './coerce.ts'
import { effectiveKeys, effectiveModelKeys, idleModelInfo, protectiveKeys, withoutEffect } from './effects.ts'
import { modelGatewayKeys, sectionKeys } from './known-keys.ts'
import type { Path } from './problem.ts'
import { isPythonKey } from './python.ts'
import type { Source } from './source.ts'

/**
 * Notes what LiteLLM acts on and the gateway does not yet, and warns of what would protect something. What is switched
 * off or empty is not missed.
 */
export function noteWithoutEffect(file: JsonObject, source: Source): void {
  const note = (map: JsonObject, path: Path, isIdle: (key: string) => boolean) => {
    for (const [key, value] of Object.entries(map))
      if (isIdle(key) && asksForSomething(value)) {
        const tell = protectiveKeys.has(key) ? source.warn : source.note
        tell([...path, key], withoutEffect(key), 'effect')
      }
  }
  for (const [section, known] of Object.entries(sectionKeys)) {
    const isIdle = (key: string) => known.has(key) && !effectiveKeys[section]!.has(key) && !isPythonKey(section, key)
    note(sectionOf(file, section), sectionPath(section), isIdle)
  }
  toMaps(file.model_list).forEach(({ litellm_params, model_info }, index) => {
    const path = ['model_list', index]
    note(toMap(litellm_params), [...path, 'litellm_params'], isIdleModelKey)
    note(toMap(model_info), [...path, 'model_info'], (key) => idleModelInfo.has(key))
  })
  toMaps(file.guardrails).forEach(({ litellm_params }, index) => {
    const { mode, weight } = toMap(litellm_params)
    const path = ['guardrails', index, 'litellm_params']
    if (isJsonObject(mode)) note(mode, [...path, 'mode'], (key) => key === 'tags')
    note({ weight }, path, () => true)
  })
}

function isIdleModelKey(key: string): boolean {
  return modelGatewayKeys.has(key) && !effectiveModelKeys.has(key)
}

function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
