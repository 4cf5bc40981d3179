import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Tool } from '../upstream.ts'
import type { Bases } from './base-url.ts'
import { type ApiDocument, resolved } from './document.ts'
import type { Operation, Parameter } from './operation.ts'
import { type LeftOut, operationsOf } from './operations.ts'
import { createSchemas, type Schemas } from './schemas.ts'
import { authNames } from './security.ts'

/** An operation as a tool, and how its arguments are sent. */
export interface ApiTool {
  readonly tool: Tool
  readonly operation: Operation
  readonly base: URL
  /** The parameters by the names of their arguments. */
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly body: BodyArguments | undefined
}

/** How a body is among the arguments: whole under one name, or by its fields. */
export type BodyArguments =
  | { readonly whole: string }
  | {
      /** Names of fields by those of their arguments, where they differ. Every argument that is no parameter is a field. */
      readonly renamed: ReadonlyMap<string, string>
      /** The argument with those fields that are called like a parameter. */
      readonly rest: string | undefined
    }

/** The tools of a document. Headers of these names, in lower case, are the gateway's to send. */
export function toolsOf(
  document: ApiDocument,
  bases: Bases,
  ownHeaders: ReadonlySet<string>,
): { readonly tools: readonly ApiTool[]; readonly leftOut: readonly LeftOut[] } {
  const { operations, leftOut } = operationsOf(document)
  const schemas = createSchemas(document)
  const secrets = authNames(document)
  const isOwn = ({ place, name }: Parameter) =>
    (place === 'header' && (ownHeaders.has(name.toLowerCase()) || reserved.has(name.toLowerCase()))) ||
    secrets.has(`${place} ${name.toLowerCase()}`)
  const names = new Set<string>()
  const away: LeftOut[] = []
  const tools = operations.flatMap((all) => {
    const base = bases.of(all.servers)
    if (base === undefined) {
      away.push({ what: `${all.method.toUpperCase()} ${all.path}`, why: 'it is on another server' })
      return []
    }
    const operation = { ...all, parameters: all.parameters.filter((one) => !isOwn(one)) }
    const name = unique(nameOf(operation), names)
    return [toolOf(operation, name, { root: document.root, schemas, base })]
  })
  return { tools, leftOut: [...leftOut, ...away] }
}

/** Headers that say who asks, how a request is made, or what is said elsewhere. */
const reserved: ReadonlySet<string> = new Set([
  ...['accept', 'content-type', 'authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'api-key'],
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive'],
])

interface Rooms {
  readonly root: JsonObject
  readonly schemas: Schemas
  readonly base: URL
}

function toolOf(operation: Operation, name: string, { root, schemas, base }: Rooms): ApiTool {
  const properties = new Map<string, JsonObject>()
  const required = new Set<string>()
  const parameters = new Map<string, Parameter>()
  for (const parameter of operation.parameters) {
    const argument = freeName(parameter.name, [parameter.name, `${parameter.place}_${parameter.name}`], properties)
    const { description } = parameter
    parameters.set(argument, parameter)
    properties.set(argument, { ...schemas.plain(parameter.schema), ...(description && { description }) })
    if (parameter.isRequired) required.add(argument)
  }
  const { body, open = false } = bodyArguments(operation, { root, schemas, properties, required })
  const inputSchema = {
    ...schemas.whole({ type: 'object', properties: Object.fromEntries(properties), additionalProperties: open }),
    ...(required.size > 0 && { required: [...required] }),
  }
  const tool = { name, description: descriptionOf(operation), inputSchema, annotations: hintsOf(operation) }
  return { tool, operation, base, parameters, body }
}

interface Arguments {
  readonly root: JsonObject
  readonly schemas: Schemas
  readonly properties: Map<string, JsonObject>
  readonly required: Set<string>
}

interface FoundBody {
  readonly body: BodyArguments | undefined
  /** What else may be in the body. */
  readonly open?: unknown
}

/** Puts the body among the arguments. */
function bodyArguments({ body }: Operation, { root, schemas, properties, required }: Arguments): FoundBody {
  if (body === undefined) return { body: undefined }
  const fields = body.kind === 'text' ? undefined : fieldsOf(root, body.schema)
  if (fields === undefined) {
    const whole = freeName('body', ['body', 'request_body'], properties)
    properties.set(whole, schemas.plain(body.schema))
    if (body.isRequired) required.add(whole)
    return { body: { whole } }
  }
  const plain = schemas.plain(fields)
  const all = Object.entries(isJsonObject(plain.properties) ? plain.properties : {})
  const needed = new Set(body.isRequired && Array.isArray(plain.required) ? plain.required : [])
  const isTaken = ([name]: readonly [string, unknown]) => properties.has(safeName(name))
  const collides = all.some(isTaken)
  const apart = all.filter((field) => isTaken(field) || (collides && safeName(field[0]) === 'body'))
  const renamed = new Map<string, string>()
  for (const field of all) {
    if (apart.includes(field)) continue
    const [name, schema] = field
    const argument = freeName(name, [name], properties)
    properties.set(argument, schema as JsonObject)
    if (argument !== name) renamed.set(argument, name)
    if (needed.has(name)) required.add(argument)
  }
  if (apart.length === 0) return { body: { renamed, rest: undefined }, open: plain.additionalProperties }
  const rest = freeName('body', ['body', 'request_body'], properties)
  const names = apart.map(([name]) => name).filter((name) => needed.has(name))
  properties.set(rest, {
    ...{ type: 'object', properties: Object.fromEntries(apart), additionalProperties: false },
    ...(names.length > 0 && { required: names }),
  })
  if (names.length > 0) required.add(rest)
  return { body: { renamed, rest }, open: plain.additionalProperties }
}

const MOST_PARTS = 50

/** A schema whose fields can be arguments: of an object, or of all of several; undefined for any other. */
function fieldsOf(root: JsonObject, schema: unknown): JsonObject | undefined {
  let parts = 0
  const join = (one: unknown): JsonObject | undefined => {
    const found = resolved(root, one)
    parts += 1
    if (found === undefined || parts > MOST_PARTS || hasKinds(found.anyOf) || hasKinds(found.oneOf)) return undefined
    if (found.type !== undefined && found.type !== 'object') return undefined
    const inner = (Array.isArray(found.allOf) ? found.allOf : []).map(join)
    if (inner.includes(undefined) || (!isJsonObject(found.properties) && inner.length === 0)) return undefined
    const all = [...(inner as JsonObject[]), found]
    const listed = all.flatMap(({ required }) => (Array.isArray(required) ? required : []))
    return {
      type: 'object',
      properties: Object.fromEntries(all.flatMap(({ properties }) => Object.entries(properties ?? {}))),
      ...(listed.length > 0 && { required: listed }),
      ...(found.additionalProperties !== undefined && { additionalProperties: found.additionalProperties }),
    }
  }
  return join(schema)
}

/** Whether it says more than which fields are needed together. */
function hasKinds(choices: unknown): boolean {
  return Array.isArray(choices) && !choices.every((one) => isJsonObject(one) && Object.keys(one).join() === 'required')
}

/** What models take as the name of an argument. */
function safeName(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '_').slice(0, LONGEST) || 'value'
}

function freeName(name: string, candidates: readonly string[], taken: ReadonlyMap<string, unknown>): string {
  const free = candidates.map(safeName).find((one) => !taken.has(one))
  if (free !== undefined) return free
  let count = 2
  while (taken.has(numbered(safeName(name), count))) count += 1
  return numbered(safeName(name), count)
}

const LONGEST = 64

function nameOf({ id, method, path }: Operation): string {
  const plain = (text: string) => text.replaceAll(/[^a-zA-Z0-9_-]+/g, '_').replaceAll(/^_+|_+$/g, '')
  return (plain(id ?? '') || plain(`${method}${path}`)).slice(0, LONGEST)
}

function unique(name: string, names: Set<string>): string {
  let found = name
  for (let count = 2; names.has(found); count++) found = numbered(name, count)
  names.add(found)
  return found
}

function numbered(name: string, count: number): string {
  const end = `_${count}`
  return `${name.slice(0, LONGEST - end.length)}${end}`
}

const LONGEST_DESCRIPTION = 4_000

function descriptionOf({ summary, description, isDeprecated, method, path }: Operation): string {
  const said = [summary, description === summary ? undefined : description].filter((text) => text !== undefined)
  const whole = said.length > 0 ? said.join('\n\n') : `${method.toUpperCase()} ${path}`
  return `${isDeprecated ? 'Deprecated. ' : ''}${whole}`.slice(0, LONGEST_DESCRIPTION)
}

/** https://modelcontextprotocol.io/specification/2025-11-25/schema#toolannotations */
function hintsOf({ method }: Operation): JsonObject {
  if (method === 'get') return { readOnlyHint: true, openWorldHint: true }
  const isRepeatable = method === 'put' || method === 'delete'
  return {
    readOnlyHint: false,
    destructiveHint: method === 'delete',
    idempotentHint: isRepeatable,
    openWorldHint: true,
  }
}
