import { isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import { DocumentFault } from './fault.ts'
import { parseYaml } from './parse-yaml.ts'

/** An OpenAPI document, as far as its first lines say. */
export interface ApiDocument {
  readonly version: '2.0' | '3'
  readonly root: JsonObject
}

/** The document in a text of JSON or YAML. Rejects with DocumentFault. https://spec.openapis.org/oas/ */
export async function parseDocument(text: string): Promise<ApiDocument> {
  const plain = text.replace(/^\ufeff/, '')
  const root = /^\s*\{/.test(plain) ? (parseJson(plain) ?? (await parseYaml(plain))) : await parseYaml(plain)
  if (!isJsonObject(root)) throw new DocumentFault('is no map')
  if (/^2(\.0)?$/.test(wordOf(root.swagger))) return { version: '2.0', root }
  if (/^3(\.|$)/.test(wordOf(root.openapi))) return { version: '3', root }
  throw new DocumentFault('is neither of OpenAPI 3 nor of Swagger 2.0')
}

/** A word of a document, which YAML may have taken for a number; nothing for what is none. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** The first value on the way of local references, if it is a map. Others are never fetched. */
export function resolved(root: JsonObject, value: unknown): JsonObject | undefined {
  let found = value
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    if (!isJsonObject(found)) return undefined
    if (typeof found.$ref !== 'string') return found
    found = valueAt(root, found.$ref)
  }
  return undefined
}

const MOST_STEPS = 20

/** What a local reference points to. https://www.rfc-editor.org/rfc/rfc6901 */
export function valueAt(root: JsonObject, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined
  const [first, ...keys] = reference.slice(1).split('/')
  if (first !== '') return undefined
  return keys.reduce<unknown>((value, key) => {
    const name = unescaped(key)
    return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as JsonObject)[name]
      : undefined
  }, root)
}

/** The name that a step of a reference stands for. */
export function unescaped(key: string): string {
  return decoded(key).replaceAll('~1', '/').replaceAll('~0', '~')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
