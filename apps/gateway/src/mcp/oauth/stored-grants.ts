import { hash } from 'node:crypto'
import { type Awaitable, GatewayError, type JsonObject } from '@tianjillm/core'
import type { Grant, GrantStore, OAuthClient } from '@tianjillm/mcp'
import type { McpTokens } from '@tianjillm/tenancy'

/** Grants in the database, as long as there is one, else in `memory`. Rejects with GatewayError `overloaded`. */
export function createGrants(tokens: () => McpTokens | undefined, memory: GrantStore): GrantStore {
  const either = async <Result>(
    inDatabase: (stored: McpTokens) => Promise<unknown>,
    inMemory: () => Awaitable<Result>,
  ): Promise<Result> => {
    const stored = tokens()
    if (stored === undefined) return inMemory()
    // It was written from what it is read as.
    return (await inDatabase(stored).catch(whenAway)) as Result
  }
  return {
    find: (server, owner) =>
      either(
        (stored) => stored.find(server, owner),
        () => memory.find(server, owner),
      ),
    save: (server, owner, grant) =>
      either(
        (stored) => stored.save(server, owner, plain(grant)),
        () => memory.save(server, owner, grant),
      ),
    remove: (server, owner) =>
      either(
        (stored) => stored.remove(server, owner),
        () => memory.remove(server, owner),
      ),
    claim: (...claim) =>
      either(
        (stored) => stored.claim(...claim),
        () => memory.claim(...claim),
      ),
    release: (server, owner, holder, grant) =>
      either(
        (stored) => stored.release(server, owner, holder, grant && plain(grant)),
        () => memory.release(server, owner, holder, grant),
      ),
    findClient: (server, place) =>
      either(
        (stored) => stored.find(server, clientAt(place)),
        () => memory.findClient(server, place),
      ),
    saveClient: (server, place, client) =>
      either(
        (stored) => stored.save(server, clientAt(place), plain(client)),
        () => memory.saveClient(server, place, client),
      ),
    removeClient: (server, place) =>
      either(
        (stored) => stored.remove(server, clientAt(place)),
        () => memory.removeClient(server, place),
      ),
  }
}

/** Among owners, none of whom is called so. */
function clientAt(place: string): string {
  return `client:${hash('sha256', place)}`
}

function plain(value: Grant | OAuthClient): JsonObject {
  return { ...value }
}

function whenAway(cause: unknown): never {
  const message = 'The gateway cannot reach its database to see who has signed in. Try again in a few seconds.'
  throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
}
