import { computeScopeUnion, OAuthError, OAuthErrorCode, refreshAuthorization } from '@modelcontextprotocol/client'
import { GatewayError, type Host } from '@tianjillm/core'
import type { TokenSource } from '../token-source.ts'
import { type Grant, type GrantStore, keyOfServer } from './grants.ts'
import { createSafeFetch } from './safe-fetch.ts'
import { clientInformation, grantOf, isUnknownClient, metadataOf } from './sign-in.ts'
import { signInNeeded } from './sign-in-needed.ts'

/** Milliseconds for which a grant is not looked up again: others may have renewed it, or its owner signed out. */
const FRESH = 60_000

/** Whose tokens these are. */
export interface TokenOwner {
  readonly server: string
  readonly serverUrl: string
  readonly owner: string
  /** Hears that they have signed in anew, or have to. */
  readonly onEnd: () => void
}

/**
 * The tokens of somebody who has signed in, renewed before their end; calls that need a new one at the same time wait
 * for one request. Both ways reject with `signInNeeded` once the grant is used up, and with GatewayError
 * `upstream_auth_failed` while the authorization server is away.
 */
export function createGrantedTokens(
  { server, serverUrl, owner, onEnd }: TokenOwner,
  grants: GrantStore,
  host: Pick<Host, 'now' | 'fetch'>,
): TokenSource {
  const key = keyOfServer({ name: server, url: serverUrl })
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

  async function renewed(grant: Grant): Promise<Grant> {
    const { refreshToken, issuer, tokenUrl, client, resource } = grant
    if (refreshToken === undefined) return giveUp()
    const fetch = createSafeFetch({ server, serverUrl, known: [tokenUrl] }, host.fetch)
    try {
      const tokens = await refreshAuthorization(issuer, {
        metadata: metadataOf(grant),
        clientInformation: clientInformation(client),
        refreshToken,
        ...(resource && { resource }),
        fetchFn: fetch,
      })
      const next = grantOf(tokens, grant, host.now())
      await grants.save(key, owner, next)
      return keep(next)
    } catch (error) {
      return otherwise(error, grant)
    }
  }

  /** What is done when a grant could not be renewed. */
  async function otherwise(error: unknown, { refreshToken, accessToken, expiresAt = 0 }: Grant): Promise<Grant> {
    const isUsedUp =
      isUnknownClient(error) || (error instanceof OAuthError && error.code === OAuthErrorCode.InvalidGrant)
    if (isUsedUp) {
      // Another process may have been first.
      const stored = await grants.find(key, owner)
      if (stored !== undefined && stored.refreshToken !== refreshToken) return keep(stored)
      return giveUp()
    }
    if (current?.grant.accessToken === accessToken && host.now() < expiresAt) return current.grant
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
