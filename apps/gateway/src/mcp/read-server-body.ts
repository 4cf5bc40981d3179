import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { readBody } from '@tianjillm/tenancy'
import * as v from 'valibot'
import { type KeyShape, keysWithoutEffect, serverKeys } from './server-keys.ts'

/** What a body says of a server. What is null is to be taken away. */
export interface ServerBody {
  readonly id: string | undefined
  readonly name: string | undefined
  /** As `mcp_servers` of a file would say it. */
  readonly entry: JsonObject
}

/** What is told of servers, and cannot be said. */
const told: ReadonlySet<string> = new Set(
  `created_at created_by updated_at updated_by status last_health_check health_check_error source is_public teams
  tools changed_tools spec_version`.split(/\s+/),
)

const text = v.pipe(
  v.string('expected a text'),
  v.maxLength(8_192, 'must have at most 8,192 letters'),
  v.regex(/^[^\p{C}]*$/u, 'must not have control characters'),
)
const texts = v.pipe(v.array(text, 'expected a list of texts'), v.maxLength(1_000, 'must have at most 1,000 entries'))
const mapOf = <Value extends v.GenericSchema>(value: Value, expected: string) =>
  v.pipe(v.record(text, value, expected), v.maxEntries(1_000, 'must have at most 1,000 entries'))

const shapes: Readonly<Record<KeyShape, v.GenericSchema>> = {
  text,
  prose: v.pipe(
    v.string('expected a text'),
    v.maxLength(65_536, 'must have at most 65,536 letters'),
    v.regex(/^(?:[^\p{C}]|[\n\r\t])*$/u, 'must not have control characters'),
  ),
  texts,
  textMap: mapOf(text, 'expected an object of texts'),
  textLists: mapOf(texts, 'expected an object of lists of texts'),
  truth: v.boolean('expected true or false'),
  seconds: v.pipe(
    v.number('expected seconds'),
    v.gtValue(0, 'must be more than 0'),
    v.maxValue(86_400, 'must be at most a day'),
  ),
  map: v.pipe(
    v.record(v.string(), v.unknown(), 'expected an object'),
    v.check((value) => JSON.stringify(value).length <= 65_536, 'must have at most 64 KiB of JSON'),
  ),
}

/** Names and ids stand in paths and in lists with commas between. */
const label = v.pipe(
  text,
  v.minLength(1, 'must not be empty'),
  v.maxLength(128, 'must have at most 128 letters'),
  v.regex(/^(?!\s)[^,/*?#]+(?<!\s)$/, 'must not have , / * ? # nor begin or end with a space'),
  // There are routes of this name beside those with an id.
  v.notValue('health', 'cannot be health'),
)

const keys = Object.fromEntries(Object.entries(serverKeys).map(([key, shape]) => [key, v.nullish(shapes[shape])]))
const idle = Object.fromEntries([...keysWithoutEffect].map((key) => [key, v.nullish(v.unknown())]))

const schema = v.strictObject({
  ...idle,
  ...keys,
  alias: v.nullish(label),
  server_id: v.nullish(label),
  server_name: v.nullish(label),
  mcp_access_groups: v.nullish(texts),
  // LiteLLM has secrets apart; a file has them beside all else.
  credentials: v.nullish(v.strictObject({ ...idle, ...keys })),
})

/** A body of LiteLLM's about a server. Throws GatewayError `invalid_request` that names the field. */
export function readServerBody(body: unknown, read: typeof readBody): ServerBody {
  const said = read(schema, isJsonObject(body) ? withoutTold(body) : body) as JsonObject
  const { server_id: id, server_name, mcp_access_groups: groups, credentials, ...rest } = said
  const entry = isJsonObject(credentials) ? { ...rest, ...credentials } : rest
  demandValues(entry)
  return {
    // The schema saw to that.
    id: (id ?? undefined) as string | undefined,
    name: (server_name ?? undefined) as string | undefined,
    entry: { ...entry, ...(groups !== undefined && { access_groups: groups }) },
  }
}

/** Without what is told of servers. */
function withoutTold(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !told.has(key)))
}

/** Whoever may add a server may not read the gateway's environment by it. */
function demandValues(entry: JsonObject): void {
  for (const [key, value] of Object.entries(entry))
    if (JSON.stringify(value)?.includes('"os.environ/'))
      throw new GatewayError('invalid_request', `\`${key}\`: os.environ/… is for files. Give the value.`, {
        param: key,
      })
}
