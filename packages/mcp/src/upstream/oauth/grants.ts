import { hash } from 'node:crypto'
import { type Awaitable, putLatest } from '@tianjillm/core'

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
  /**
   * Takes a grant for so many milliseconds, in which `holder` alone renews it; false when there is none, or another has
   * taken it. Saving or removing it ends that.
   */
  claim(server: string, owner: string, holder: string, life: number): Awaitable<boolean>
  /** Gives it back, renewed if `grant` is there; false, and nothing is saved, when it is not theirs any more. */
  release(server: string, owner: string, holder: string, grant?: Grant): Awaitable<boolean>
  /** `place` tells authorization servers and callbacks apart. */
  findClient(server: string, place: string): Awaitable<OAuthClient | undefined>
  saveClient(server: string, place: string, client: OAuthClient): Awaitable<void>
  removeClient(server: string, place: string): Awaitable<void>
}

/** A server to a store: what was allowed at one address is for no other that gets the same name. */
export function keyOfServer({ name, url }: { readonly name: string; readonly url: string }): string {
  return `${name}@${hash('sha256', url)}`
}

interface Kept {
  readonly grant: Grant
  readonly claim?: { readonly holder: string; readonly until: number }
}

/** Grants and clients that are remembered by one process; of too many the oldest go. */
export function createMemoryGrants(most = 10_000, now: () => number = Date.now): GrantStore {
  const grants = new Map<string, Kept>()
  const clients = new Map<string, OAuthClient>()
  return {
    find: (...at) => grants.get(keyOf(at))?.grant,
    save: (server, owner, grant) => putLatest(grants, keyOf([server, owner]), { grant }, most),
    remove: (...at) => void grants.delete(keyOf(at)),
    claim(server, owner, holder, life) {
      const key = keyOf([server, owner])
      const { grant, claim } = grants.get(key) ?? {}
      const isTaken = claim !== undefined && claim.holder !== holder && now() < claim.until
      if (grant === undefined || isTaken) return false
      grants.set(key, { grant, claim: { holder, until: now() + life } })
      return true
    },
    release(server, owner, holder, renewed) {
      const key = keyOf([server, owner])
      const { grant, claim } = grants.get(key) ?? {}
      if (grant === undefined || claim?.holder !== holder) return false
      putLatest(grants, key, { grant: renewed ?? grant }, most)
      return true
    },
    findClient: (...at) => clients.get(keyOf(at)),
    saveClient: (server, place, client) => putLatest(clients, keyOf([server, place]), client, most),
    removeClient: (...at) => void clients.delete(keyOf(at)),
  }
}

function keyOf(parts: readonly string[]): string {
  return JSON.stringify(parts)
}
