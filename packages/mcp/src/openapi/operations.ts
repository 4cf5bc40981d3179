import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { bodyOf, formBodyOf } from './bodies.ts'
import { type ApiDocument, resolved, wordOf } from './document.ts'
import { encodingOf, olderEncoding } from './encodings.ts'
import { type Method, methods, type Operation, type Parameter } from './operation.ts'

/** An operation that cannot be offered. */
export interface LeftOut {
  readonly what: string
  readonly why: string
}

/** Operations that are read; what comes after them is left out. */
const MOST = 2_000

/** All operations of a document in its order. */
export function operationsOf(document: ApiDocument): {
  readonly operations: readonly Operation[]
  readonly leftOut: readonly LeftOut[]
} {
  const { root } = document
  const operations: Operation[] = []
  const leftOut: LeftOut[] = []
  const paths = isJsonObject(root.paths) ? root.paths : {}
  for (const [path, item] of Object.entries(paths)) {
    const shared = resolved(root, item)
    if (shared === undefined || !path.startsWith('/')) continue
    for (const method of methods) {
      const said = resolved(root, shared[method])
      if (said === undefined) continue
      const what = `${method.toUpperCase()} ${path}`
      const found =
        operations.length < MOST ? operationOf(document, { method, path, shared, said }) : 'there are too many'
      if (typeof found === 'string') leftOut.push({ what, why: found })
      else operations.push(found)
    }
  }
  return { operations, leftOut }
}

interface Said {
  readonly method: Method
  readonly path: string
  /** What is said of all operations of the path. */
  readonly shared: JsonObject
  readonly said: JsonObject
}

/** The operation, or why it cannot be offered. */
function operationOf(document: ApiDocument, { method, path, shared, said }: Said): Operation | string {
  const { root, version } = document
  if (/[?#]/.test(path)) return 'its path is more than a path'
  const all = [...listOf(shared.parameters), ...listOf(said.parameters)].map((one) => resolved(root, one))
  if (all.includes(undefined)) return 'a parameter of it is in another document'
  const given = [...new Map(all.map((one) => [`${wordOf(one!.in)} ${wordOf(one!.name)}`, one!])).values()]
  const parameters = given.flatMap((one) => parameterOf(one, version) ?? [])
  if (given.some(({ in: place, style = 'simple' }) => place === 'path' && style !== 'simple'))
    return 'its path has a parameter of an unusual style'
  const inPath = placeholders(path)
  const sent = parameters.filter(({ place, name }) => place !== 'path' || inPath.includes(name))
  const untold = inPath.filter((name) => !sent.some((one) => one.place === 'path' && one.name === name))
  const body = method === 'get' ? undefined : version === '2.0' ? formBodyOf(document, said, given) : bodyOf(root, said)
  return {
    ...{ method, path, id: textOf(said.operationId), body },
    ...{ summary: textOf(said.summary ?? shared.summary), description: textOf(said.description) },
    isDeprecated: said.deprecated === true,
    parameters: [...sent, ...untold.map(pathText)],
    servers: said.servers ?? shared.servers,
  }
}

/** The names in a path, each once. */
export function placeholders(path: string): readonly string[] {
  return [...new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!))]
}

/** One of which the document says nothing. */
function pathText(name: string): Parameter {
  const encoding = { style: 'simple', explode: false } as const
  return { name, place: 'path', isRequired: true, description: undefined, schema: { type: 'string' }, encoding }
}

/** Undefined for cookies, which nobody may set, and for what is part of a body. */
function parameterOf(said: JsonObject, version: ApiDocument['version']): Parameter | undefined {
  const { name, in: place } = said
  if (typeof name !== 'string' || (place !== 'path' && place !== 'query' && place !== 'header')) return undefined
  const content = isJsonObject(said.content) ? Object.values(said.content)[0] : undefined
  return {
    ...{ name, place, isRequired: place === 'path' || said.required === true },
    description: textOf(said.description),
    // Before OpenAPI 3 a parameter was its own schema.
    schema: isJsonObject(content) ? content.schema : version === '2.0' ? withoutDescription(said) : said.schema,
    encoding: isJsonObject(content) ? 'json' : version === '2.0' ? olderEncoding(said) : encodingOf(said, place),
  }
}

function withoutDescription({ description: _, ...schema }: JsonObject): JsonObject {
  return schema
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
