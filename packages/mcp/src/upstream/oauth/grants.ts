import { hash } from 'node:crypto'
import type { Awaitable } from '@tianjillm/core'

/** A program as an authorization server knows it. https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1 */
export interface OAuthClient {
  readonly client_id: string
  readonly client_secret?: string | undefined
  readonly token_endpoint_auth_method?: string | undefined
}

/** What somebody let the gateway do in their name at a server, and all it takes to go on with that. */
export interface Grant {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Milliseconds since the epoch; undefined when nobody said. */
  readonly expiresAt: number | undefined
  /** From then on a new token is wanted, before this one ends. */
  readonly renewAt: number | undefined
  readonly scope: string | undefined
  readonly issuer: string
  readonly tokenUrl: string
  readonly authMethods: readonly string[]
  readonly client: OAuthClient
  /** For which server the tokens are. https://www.rfc-editor.org/rfc/rfc8707 */
  readonly resource: string | undefined
  /** When they signed in; milliseconds since the epoch. */
  readonly signedInAt: number
}

/** Where grants are kept, each for one server by `keyOfServer` and one owner, and what the gateway is to authorization servers. */
export interface GrantStore {
  find(server: string, owner: string): Awaitable<Grant | undefined>
  save(server: string, owner: string, grant: Grant): Awaitable<void>
  remove(server: string, owner: string): Awaitable<void>
  /** `place` tells authorization servers and callbacks apart. */
  findClient(server: string, place: string): Awaitable<OAuthClient | undefined>
  saveClient(server: string, place: string, client: OAuthClient): Awaitable<void>
  removeClient(server: string, place: string): Awaitable<void>
}

/** A server to a store: what was allowed at one address is for no other that gets the same name. */
export function keyOfServer({ name, url }: { readonly name: string; readonly url: string }): string {
  return `${name}@${hash('sha256', url)}`
}

/** Grants and clients that are remembered by one process; of too many the oldest go. */
export function createMemoryGrants(most = 10_000): GrantStore {
  const grants = new Map<string, Grant>()
  const clients = new Map<string, OAuthClient>()
  return {
    find: (...at) => grants.get(keyOf(at)),
    save: (server, owner, grant) => put(grants, keyOf([server, owner]), grant, most),
    remove: (...at) => void grants.delete(keyOf(at)),
    findClient: (...at) => clients.get(keyOf(at)),
    saveClient: (server, place, client) => put(clients, keyOf([server, place]), client, most),
    removeClient: (...at) => void clients.delete(keyOf(at)),
  }
}

function keyOf(parts: readonly string[]): string {
  return JSON.stringify(parts)
}

function put<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key)
  const [oldest] = map.keys()
  if (map.size >= most && oldest !== undefined) map.delete(oldest)
  map.set(key, value)
}
