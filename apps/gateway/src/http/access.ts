import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyConfig } from '@tianjillm/config'
import { type Awaitable, GatewayError } from '@tianjillm/core'
import type { Standing } from '@tianjillm/tenancy'
import {
  type Admitted,
  admittedByConfig,
  admittedByStanding,
  type Identity,
  type IdentityRooms,
  stranger,
  unlimited,
} from '../admission/identity.ts'

/** Decides who may call. */
export interface Access {
  /** Whether no key is needed at all. */
  readonly isOpen: boolean
  /** Whoever has the configuration: the holder of the master key, or anybody of an open gateway; undefined: nobody. */
  readonly operator: Identity | undefined
  /**
   * Who makes this request; a promise only where somebody else has to be asked. Throws, or rejects with, GatewayError
   * `invalid_api_key`, or `permission_denied` when the key is not for this route.
   */
  authenticate(request: Asking): Awaitable<Identity>
  /** Headers that may hold the key, in lower case, in the order they are looked at. */
  readonly keyHeaders: readonly string[]
  /** Whoever comes with none of the gateway's keys to where somebody else judges them. */
  readonly stranger: Identity
  /** The end user that these headers name. */
  endUserOf(headers: IncomingHttpHeaders): string | undefined
}

/** What of a request decides who makes it. */
export interface Asking {
  readonly headers: IncomingHttpHeaders
  /** Path and query. */
  readonly url?: string | undefined
}

/** What access is given by. */
export interface AccessSettings {
  /** May call everything, without limits. */
  readonly masterKey: string | undefined
  readonly keys: readonly KeyConfig[]
  /** Keys that are kept elsewhere, by their hash. Default: there are none. */
  readonly find?: ((keyHash: string) => Awaitable<Standing | undefined>) | undefined
  /** Tokens of identity providers: whom one stands for; undefined when it is no such token. Default: there are none. */
  readonly readToken?: ((token: string) => Promise<Admitted> | undefined) | undefined
  /** Default: nothing is limited for everybody. */
  readonly rooms?: IdentityRooms | undefined
  /** An additional header that may hold the key. */
  readonly header?: string | undefined
  /** The header that names the end user. */
  readonly userHeader?: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Those of LiteLLM, OpenAI, Azure, Anthropic and Google. */
export const keyHeaders: readonly string[] = [
  'x-litellm-api-key',
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
]

const noRooms: IdentityRooms = { share: (total) => total, accessGroups: new Map(), budgets: [] }

/** Access by the master key and the configured ones; when there are none everybody may call. */
export function createAccess(settings: AccessSettings): Access {
  const { masterKey, keys, find, readToken, rooms = noRooms, header, userHeader, now } = settings
  const endUserOf = (headers: IncomingHttpHeaders) => {
    const named = userHeader === undefined ? undefined : headers[userHeader]
    return typeof named === 'string' && named !== '' ? named : undefined
  }
  const isOpen = masterKey === undefined && keys.length === 0
  const anybody = unlimited({}, rooms)
  const names = header === undefined ? keyHeaders : [header.toLowerCase(), ...keyHeaders]
  const common = { keyHeaders: names, stranger: stranger(rooms), endUserOf }
  if (isOpen && readToken === undefined) return { ...common, isOpen, operator: anybody, authenticate: () => anybody }
  const records = recordsOf(masterKey, keys, rooms)
  // No more than there are records, for only the right keys get in.
  const found = new Map<string, Admitted>()
  const kept = new WeakMap<Standing, Admitted>()
  const enter = (admitted: Admitted, { url }: Asking) => {
    demandValid(admitted, now)
    admitted.identity.demandRoute?.(pathOf(url))
    return admitted.identity
  }
  const enterFrom = (standing: Standing | undefined, request: Asking) => {
    if (standing === undefined) throw new GatewayError('invalid_api_key', 'The API key is not valid.')
    const admitted = kept.get(standing) ?? admittedByStanding(standing, rooms)
    kept.set(standing, admitted)
    return enter(admitted, request)
  }
  return {
    ...common,
    isOpen: false,
    operator: masterKey === undefined ? undefined : records.get(sha256(masterKey))?.identity,
    authenticate(request) {
      const key = keyIn(request.headers, names)
      if (key === undefined)
        throw new GatewayError('invalid_api_key', 'No API key. Send it as "Authorization: Bearer <key>".')
      const known = found.get(key)
      if (known !== undefined) return enter(known, request)
      // Nobody can bring a hash closer to another, so how long this takes tells nothing of a key, the master's neither.
      const keyHash = sha256(key)
      const own = records.get(keyHash)
      if (own !== undefined) {
        found.set(key, own)
        return enter(own, request)
      }
      const reading = readToken?.(key)
      if (reading !== undefined) return reading.then((admitted) => enter(admitted, request))
      const elsewhere = find?.(keyHash)
      return elsewhere instanceof Promise
        ? elsewhere.then((standing) => enterFrom(standing, request))
        : enterFrom(elsewhere, request)
    },
  }
}

function recordsOf(
  masterKey: string | undefined,
  keys: readonly KeyConfig[],
  rooms: IdentityRooms,
): ReadonlyMap<string, Admitted> {
  const records = new Map(keys.map((key) => [key.keyHash, admittedByConfig(key, rooms)]))
  if (masterKey !== undefined) {
    const keyHash = sha256(masterKey)
    const identity = unlimited({ keyHash, keyAlias: 'master_key' }, rooms)
    records.set(keyHash, { identity, owner: 'the master key', isBlocked: false, expires: undefined })
  }
  return records
}

function demandValid({ owner, isBlocked, expires }: Admitted, now: () => number): void {
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

function pathOf(url = '/'): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
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
