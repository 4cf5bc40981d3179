import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyConfig } from '@tianjillm/config'
import { type Awaitable, type Caller, GatewayError, type JsonObject } from '@tianjillm/core'
import type { Limit } from '@tianjillm/limits'
import type { Role } from '@tianjillm/tenancy'
import { matcherOf } from './matcher.ts'

/** Decides who may call. */
export interface Access {
  /** Whether no key is needed at all. */
  readonly isOpen: boolean
  /**
   * Who is behind the key in these headers; a promise only where a database has to be asked. Throws, or rejects with,
   * GatewayError `invalid_api_key`.
   */
  authenticate(headers: IncomingHttpHeaders): Awaitable<Identity>
  /** The end user that these headers name. */
  endUserOf(headers: IncomingHttpHeaders): string | undefined
}

/** Somebody who may call, and what they may. */
export interface Identity {
  readonly caller: Caller
  /** What it may do to the gateway itself; undefined: nothing. */
  readonly role: Role | undefined
  /** Whether it may change the gateway itself. */
  readonly isAdmin: boolean
  /** Added to the metadata of calls; undefined when there is none. */
  readonly metadata: JsonObject | undefined
  readonly requestLimit: RequestLimit | undefined
  readonly parallelLimit: ParallelLimit | undefined
  /** Models it is confined to, each perhaps with a `*`; none: all. */
  readonly models: readonly string[]
  mayUse(model: string): boolean
  /** Throws GatewayError `permission_denied` with the code `key_model_access_denied`. */
  demandUse(model: string): void
}

/** Rejects with GatewayError `permission_denied` unless the master key is in these headers, or nobody needs a key. */
export async function demandAdmin(access: Access, headers: IncomingHttpHeaders): Promise<void> {
  const { isAdmin } = await access.authenticate(headers)
  if (!isAdmin) throw new GatewayError('permission_denied', 'Only the master key may do this.')
}

/** How often a key may call. */
export interface RequestLimit extends Limit {
  /** Of its bucket. */
  readonly name: string
  /** Whose it is, as a message says it: `the key "ci"`. */
  readonly owner: string
}

/** How many calls of a key may be worked on at once. */
export interface ParallelLimit {
  /** Of whose calls are counted together. */
  readonly name: string
  readonly most: number
  readonly owner: string
}

/** What access is given by. */
export interface AccessSettings {
  /** May call everything, without limits. */
  readonly masterKey: string | undefined
  readonly keys: readonly KeyConfig[]
  /** Keys that are kept elsewhere, by their hash. Default: there are none. */
  readonly find?: ((keyHash: string) => Awaitable<KeyConfig | undefined>) | undefined
  /** This process's part of a number that several share. Default: all of it. */
  readonly share?: ((total: number) => number) | undefined
  /** An additional header that may hold the key. */
  readonly header?: string | undefined
  /** The header that names the end user. */
  readonly userHeader?: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Headers that may hold the key, in the order they are looked at: OpenAI's, Azure's, Anthropic's, Google's, LiteLLM's. */
const keyHeaders = [
  'x-litellm-api-key',
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
]

/** Access by the master key and the configured ones; when there are none everybody may call. */
export function createAccess(settings: AccessSettings): Access {
  const { masterKey, keys, find, share = (total) => total, header, userHeader, now } = settings
  const endUserOf = (headers: IncomingHttpHeaders) => {
    const named = userHeader === undefined ? undefined : headers[userHeader]
    return typeof named === 'string' && named !== '' ? named : undefined
  }
  const isOpen = masterKey === undefined && keys.length === 0
  const anybody = unlimited({})
  if (isOpen) return { isOpen, authenticate: () => anybody, endUserOf }
  const records = recordsOf(masterKey, keys, share)
  // No more than there are records, for only the right keys get in.
  const found = new Map<string, KeyRecord>()
  const names = header === undefined ? keyHeaders : [header.toLowerCase(), ...keyHeaders]
  const kept = new WeakMap<KeyConfig, KeyRecord>()
  const admitted = (record: KeyRecord) => {
    demandValid(record, now)
    return record.identity
  }
  const admittedFrom = (key: KeyConfig | undefined) => {
    if (key === undefined) throw new GatewayError('invalid_api_key', 'The API key is not valid.')
    const record = kept.get(key) ?? recordOf(key, share)
    kept.set(key, record)
    return admitted(record)
  }
  return {
    isOpen,
    endUserOf,
    authenticate(headers) {
      const key = keyIn(headers, names)
      if (key === undefined)
        throw new GatewayError('invalid_api_key', 'No API key. Send it as "Authorization: Bearer <key>".')
      const known = found.get(key)
      if (known !== undefined) return admitted(known)
      // Nobody can bring a hash closer to another, so how long this takes tells nothing of a key, the master's neither.
      const keyHash = sha256(key)
      const own = records.get(keyHash)
      if (own !== undefined) {
        found.set(key, own)
        return admitted(own)
      }
      const elsewhere = find?.(keyHash)
      return elsewhere instanceof Promise ? elsewhere.then(admittedFrom) : admittedFrom(elsewhere)
    },
  }
}

interface KeyRecord {
  readonly identity: Identity
  readonly owner: string
  readonly isBlocked: boolean
  readonly expires: number | undefined
}

type Share = (total: number) => number

function recordsOf(
  masterKey: string | undefined,
  keys: readonly KeyConfig[],
  share: Share,
): ReadonlyMap<string, KeyRecord> {
  const records = new Map(keys.map((key) => [key.keyHash, recordOf(key, share)]))
  if (masterKey !== undefined) {
    const keyHash = sha256(masterKey)
    const identity = unlimited({ keyHash, keyAlias: 'master_key' })
    records.set(keyHash, { identity, owner: 'the master key', isBlocked: false, expires: undefined })
  }
  return records
}

function recordOf(key: KeyConfig, share: Share): KeyRecord {
  const { keyHash, keyAlias, userId, teamId, models, rpmLimit, maxParallelRequests: most, metadata } = key
  const { isBlocked, expires } = key
  const owner = keyAlias === undefined ? 'this key' : `the key "${keyAlias}"`
  const caller: Caller = {
    keyHash,
    ...(keyAlias !== undefined && { keyAlias }),
    ...(userId !== undefined && { userId }),
    ...(teamId !== undefined && { teamId }),
  }
  const mayUse = models.length === 0 ? () => true : matcherOf(models)
  const identity: Identity = {
    caller,
    role: undefined,
    isAdmin: false,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    requestLimit: rpmLimit === undefined ? undefined : { name: `key:${keyHash}`, perMinute: rpmLimit, owner },
    parallelLimit: most === undefined ? undefined : { name: keyHash, most: share(most), owner },
    models,
    mayUse,
    demandUse(model) {
      if (mayUse(model)) return
      const message = `The gateway does not let ${owner} use the model "${model.slice(0, 100)}". It may use ${models.join(', ')}.`
      throw new GatewayError('permission_denied', message, { code: 'key_model_access_denied', param: 'model' })
    },
  }
  return { identity, owner, isBlocked, expires }
}

function unlimited(caller: Caller): Identity {
  const all = { models: [], mayUse: () => true, demandUse: () => {} }
  return {
    caller,
    role: 'proxy_admin',
    isAdmin: true,
    metadata: undefined,
    requestLimit: undefined,
    parallelLimit: undefined,
    ...all,
  }
}

function demandValid({ owner, isBlocked, expires }: KeyRecord, now: () => number): void {
  if (isBlocked) throw new GatewayError('invalid_api_key', `The gateway has blocked ${owner}.`, { code: 'key_blocked' })
  if (expires !== undefined && now() >= expires)
    throw new GatewayError(
      'invalid_api_key',
      `The gateway takes ${owner} no more: it expired on ${new Date(expires).toISOString()}.`,
      { code: 'expired_key' },
    )
}

function sha256(key: string): string {
  return hash('sha256', key)
}

function keyIn(headers: IncomingHttpHeaders, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers[name]
    if (typeof value !== 'string' || value === '') continue
    const [, token] = /^Bearer\s+(\S+)\s*$/i.exec(value) ?? []
    if (token !== undefined) return token
    if (name !== 'authorization') return value
  }
  return undefined
}
