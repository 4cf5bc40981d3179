import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Encoding, Style } from './operation.ts'

/** What stands between the parts of a value, as it is on the wire. */
const between: Readonly<Record<Style, string>> = {
  ...{ simple: ',', form: ',', deepObject: ',' },
  ...{ spaceDelimited: '%20', pipeDelimited: '%7C', tabDelimited: '%09' },
}

/** The pairs of a query, or of a form, that say this value; none for null. Throws URIError for half a character. */
export function pairsOf(name: string, value: unknown, encoding: Encoding): readonly string[] {
  if (value === null || value === undefined) return []
  if (encoding === 'json') return [pair(name, JSON.stringify(value))]
  const { style, explode } = encoding
  if (style === 'deepObject' && typeof value === 'object') return deepPairs(name, value)
  if (Array.isArray(value)) {
    if (explode) return value.map((item) => pair(name, plainText(item)))
    return value.length === 0 ? [] : [`${encodeURIComponent(name)}=${joined(value, between[style])}`]
  }
  if (!isJsonObject(value)) return [pair(name, plainText(value))]
  const entries = Object.entries(value)
  if (explode) return entries.map(([key, item]) => pair(key, plainText(item)))
  return entries.length === 0 ? [] : [`${encodeURIComponent(name)}=${joined(entries.flat(), between[style])}`]
}

/** A value within a path. Throws URIError for half a character. */
export function inPath(value: unknown, encoding: Encoding): string {
  if (encoding === 'json') return encodeURIComponent(JSON.stringify(value))
  if (Array.isArray(value)) return joined(value, ',')
  if (isJsonObject(value))
    return encoding.explode
      ? Object.entries(value)
          .map(([key, item]) => pair(key, plainText(item)))
          .join(',')
      : joined(Object.entries(value).flat(), ',')
  return encodeURIComponent(plainText(value))
}

/** A value as a header, which is not encoded. */
export function inHeader(value: unknown, encoding: Encoding): string {
  if (encoding === 'json') return JSON.stringify(value)
  if (Array.isArray(value)) return value.map(plainText).join(',')
  if (!isJsonObject(value)) return plainText(value)
  const parts = Object.entries(value).map(([key, item]) => [key, plainText(item)])
  return parts.map((part) => part.join(encoding.explode ? '=' : ',')).join(',')
}

/** Texts as they are, nothing for null, all else as JSON. */
export function plainText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function joined(items: readonly unknown[], separator: string): string {
  return items.map((item) => encodeURIComponent(plainText(item))).join(separator)
}

function pair(name: string, text: string): string {
  return `${encodeURIComponent(name)}=${encodeURIComponent(text)}`
}

/** `name[key][0]=value`. */
function deepPairs(name: string, value: object): readonly string[] {
  return Object.entries(value as JsonObject).flatMap(([key, item]) => {
    const inner = `${name}[${key}]`
    return typeof item === 'object' && item !== null ? deepPairs(inner, item) : [pair(inner, plainText(item))]
  })
}
