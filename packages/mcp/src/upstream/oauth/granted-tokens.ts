import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { computeScopeUnion, OAuthError, OAuthErrorCode, refreshAuthorization } from '@modelcontextprotocol/client'
import { GatewayError, type Host, isGatewayError } from '@tianjillm/core'
import type { TokenSource } from '../token-source.ts'
import { type Grant, type GrantStore, keyOfServer } from './grants.ts'
import { createSafeFetch } from './safe-fetch.ts'
import { clientInformation, grantOf, isUnknownClient, metadataOf } from './sign-in.ts'
import { signInNeeded } from './sign-in-needed.ts'

/** Milliseconds for which a grant is not looked up again: others may have renewed it, or its owner signed out. */
const FRESH = 60_000

/** Milliseconds for which one process alone renews a grant: longer than it waits for an authorization server. */
const LEASE = 20_000
/** Milliseconds for which it is waited for others that renew it: for one that died, and for who took its place. */
const PATIENCE = 2 * LEASE
/** Milliseconds between two looks at what has become of it. */
const PAUSE = 100

/** Whose tokens these are. */
export interface TokenOwner {
  readonly server: string
  readonly serverUrl: string
  readonly owner: string
  /** Addresses for signing in that the server's operator has written down; default: none. */
  readonly known?: readonly (string | undefined)[]
  /** Hears that they have signed in anew, or have to. */
  readonly onEnd: () => void
}

/**
 * The tokens of somebody who has signed in, renewed before their end; calls that need a new one at the same time wait
 * for one request, also in several processes with one store. Both ways reject with `signInNeeded` once the grant is used up, and with GatewayError
 * `upstream_auth_failed` while the authorization server is away.
 */
export function createGrantedTokens(
  { server, serverUrl, owner, known = [], onEnd }: TokenOwner,
  grants: GrantStore,
  host: Pick<Host, 'now' | 'fetch' | 'fetchWithin'>,
): TokenSource {
  const key = keyOfServer({ name: server, url: serverUrl })
  const holder = randomUUID()
  let current: { readonly grant: Grant; readonly readAt: number } | undefined
  let renewing: Promise<Grant> | undefined
  /** Made because the one before was refused: if it is refused as well, another will be too. */
  let lastChance: string | undefined

  async function read(life: number): Promise<Grant> {
    if (current !== undefined && host.now() - current.readAt < life) return current.grant
    const grant = await grants.find(key, owner)
    if (grant === undefined) return end()
    // They may be somebody else to the server now, so that these connections are not theirs any more.
    if (current !== undefined && current.grant.signedInAt !== grant.signedInAt) onEnd()
    return keep(grant)
  }

  function keep(grant: Grant): Grant {
    current = { grant, readAt: host.now() }
    return grant
  }

  function end(scope?: string): never {
    current = undefined
    onEnd()
    throw signInNeeded(server, scope)
  }

  async function giveUp(scope?: string): Promise<never> {
    await grants.remove(key, owner)
    return end(scope)
  }

  function renew(grant: Grant): Promise<Grant> {
    renewing ??= renewed(grant).finally(() => {
      renewing = undefined
    })
    return renewing
  }

  async function renewed(stale: Grant): Promise<Grant> {
    const patience = host.now() + PATIENCE
    try {
      while (!(await grants.claim(key, owner, holder, LEASE))) {
        const grant = await read(0)
        if (grant.accessToken !== stale.accessToken) return grant
        if (host.now() >= patience) throw new Error('Others renew it, and do not come to an end.')
        await pause(PAUSE)
      }
      return await renewedAlone(stale)
    } catch (error) {
      return otherwise(error, stale)
    }
  }

  async function renewedAlone(stale: Grant): Promise<Grant> {
    let next: Grant
    try {
      const grant = await read(0)
      // With a refresh token that another process has used, all tokens of its family would end.
      next = grant.accessToken === stale.accessToken ? await refreshed(grant) : grant
    } catch (error) {
      await grants.release(key, owner, holder)
      throw error
    }
    const isOurs = await grants.release(key, owner, holder, next)
    return isOurs ? keep(next) : read(0)
  }

  async function refreshed(grant: Grant): Promise<Grant> {
    const { refreshToken, issuer, client, resource } = grant
    if (refreshToken === undefined) return giveUp()
    try {
      const tokens = await refreshAuthorization(issuer, {
        metadata: metadataOf(grant),
        clientInformation: clientInformation(client),
        refreshToken,
        ...(resource && { resource }),
        fetchFn: createSafeFetch({ server, serverUrl, known }, host),
      })
      return grantOf(tokens, grant, host.now())
    } catch (error) {
      if (!isUsedUp(error)) throw error
      // They may have signed in anew meanwhile.
      const stored = await grants.find(key, owner)
      return stored === undefined || stored.refreshToken === refreshToken ? giveUp() : stored
    }
  }

  /** What is done when a grant could not be renewed. */
  function otherwise(error: unknown, { accessToken, expiresAt = 0 }: Grant): Grant {
    if (current?.grant.accessToken === accessToken && host.now() < expiresAt) return current.grant
    if (isGatewayError(error)) throw error
    const message = `The MCP server ${server}: its authorization server does not renew the token of this user now.`
    throw new GatewayError('upstream_auth_failed', message, { cause: error })
  }

  return {
    async token() {
      const grant = await read(FRESH)
      const isDue = grant.renewAt !== undefined && host.now() >= grant.renewAt
      const canWait = grant.refreshToken === undefined && host.now() < (grant.expiresAt ?? Number.POSITIVE_INFINITY)
      return isDue && !canWait ? (await renew(grant)).accessToken : grant.accessToken
    },
    async refused(token, { status, scope }) {
      const grant = await read(0)
      if (grant.accessToken !== token) return true
      if (status === 403) throw signInNeeded(server, computeScopeUnion(grant.scope, scope))
      if (token === lastChance) return giveUp(scope)
      const { accessToken } = await renew(grant)
      // It is the same still while the authorization server is away.
      if (accessToken === token) return false
      lastChance = accessToken
      return true
    },
  }
}

function isUsedUp(error: unknown): boolean {
  return isUnknownClient(error) || (error instanceof OAuthError && error.code === OAuthErrorCode.InvalidGrant)
}
