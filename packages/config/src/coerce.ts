import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** The number, or the number a text spells; undefined for anything else. */
export function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** The truth a flag spells; undefined for anything else. */
export function toFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const word = String(value).toLowerCase()
  if (/^(true|yes|on|1)$/.test(word)) return true
  return /^(false|no|off|0)$/.test(word) ? false : undefined
}

/** The text; undefined for anything else. */
export function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The texts of a list; one text is a list of one, anything else is none. */
export function toTexts(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
}

/** The map; an empty one for anything else. */
export function toMap(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** The maps of a list; none for anything else. */
export function toMaps(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(toMap) : []
}

/** What is at the end of a path of keys; undefined when there is nothing. */
export function valueAt(map: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => toMap(value)[key], map)
}

/** What is in a section; `''` is the whole file, and a dot leads from one section to one within it. */
export function sectionOf(file: JsonObject, section: string): JsonObject {
  return toMap(valueAt(file, sectionPath(section)))
}

/** Where a section is. */
export function sectionPath(section: string): readonly string[] {
  return section === '' ? [] : section.split('.')
}

/** The map with each value changed, without those that become undefined. */
export function mapValues<Value>(
  map: JsonObject,
  change: (value: unknown, key: string) => Value | undefined,
): ReadonlyMap<string, Value> {
  const changed = new Map<string, Value>()
  for (const [key, value] of Object.entries(map)) {
    const result = change(value, key)
    if (result !== undefined) changed.set(key, result)
  }
  return changed
}

/** The map without the keys that were left empty. */
export function withoutNulls(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null && value !== undefined))
}
