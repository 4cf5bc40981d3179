import {
  type AuthorizationServerMetadata,
  checkResourceAllowed,
  discoverOAuthProtectedResourceMetadata,
  discoverOAuthServerInfo,
  type FetchLike,
  type OAuthProtectedResourceMetadata,
  resourceUrlFromServerUrl,
} from '@modelcontextprotocol/client'
import { GatewayError, type Host, isSafeUrl, type JsonObject } from '@tianjillm/core'
import type { AuthorizationCode } from '../../settings.ts'
import { askChallenge, type Challenge } from './challenge.ts'
import { createSafeFetch } from './safe-fetch.ts'

/** Who gives out tokens for a server. */
export interface Authority {
  /** Whom answers must come from; undefined when it was not discovered, so that nobody can tell. */
  readonly issuer: string | undefined
  /** Its address, which tells it from others. */
  readonly url: string
  readonly metadata: AuthorizationServerMetadata | undefined
  readonly resource: string | undefined
  /** What to ask for; undefined: whatever it gives. */
  readonly scope: string | undefined
}

/**
 * The authority that is configured, or the one that the server names (RFC 9728, RFC 8414, OpenID Connect Discovery);
 * what is configured wins. Rejects with what the SDK throws, and with GatewayError when it is of no use.
 */
export async function findAuthority(
  { name, url: serverUrl }: { readonly name: string; readonly url: string },
  settings: AuthorizationCode,
  challenge: Challenge,
  fetch: FetchLike,
): Promise<Authority> {
  const { resourceMetadataUrl } = challenge
  const known = configured(settings)
  const found = known
    ? { ...known, resourceMetadata: await resourceMetadataOf(serverUrl, resourceMetadataUrl, fetch) }
    : await discoverOAuthServerInfo(serverUrl, {
        ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl: new URL(resourceMetadataUrl) }),
        fetchFn: fetch,
      })
  const { authorizationServerUrl: url, resourceMetadata } = found
  const metadata = merged(found.authorizationServerMetadata, settings)
  for (const address of [metadata?.authorization_endpoint ?? url, metadata?.token_endpoint ?? url])
    if (!isSafeUrl(address)) throw useless(name, 'its authorization server is not https')
  return {
    issuer: known ? undefined : metadata?.issuer,
    url,
    metadata,
    resource: resourceOf({ name, url: serverUrl }, resourceMetadata),
    scope: scopeOf(settings, challenge, resourceMetadata, metadata),
  }
}

/** What a server says of itself as a protected resource (RFC 9728), in its own words; undefined when it says nothing. */
export async function describeServer(
  { name, url: serverUrl }: { readonly name: string; readonly url: string },
  host: Pick<Host, 'fetch' | 'fetchWithin'>,
): Promise<JsonObject | undefined> {
  const fetch = createSafeFetch({ server: name, serverUrl, known: [] }, host)
  const { resourceMetadataUrl } = await askChallenge(serverUrl, fetch)
  const metadata = await resourceMetadataOf(serverUrl, resourceMetadataUrl, fetch)
  return metadata && { ...metadata }
}

/** Both addresses are needed to ask nobody. */
function configured({ authorizationUrl, tokenUrl, registrationUrl }: AuthorizationCode) {
  if (authorizationUrl === undefined || tokenUrl === undefined) return undefined
  const { origin } = new URL(authorizationUrl)
  const authorizationServerMetadata: AuthorizationServerMetadata = {
    issuer: origin,
    authorization_endpoint: authorizationUrl,
    token_endpoint: tokenUrl,
    response_types_supported: ['code'],
    ...(registrationUrl !== undefined && { registration_endpoint: registrationUrl }),
  }
  return { authorizationServerUrl: origin, authorizationServerMetadata }
}

function merged(
  metadata: AuthorizationServerMetadata | undefined,
  { authorizationUrl, tokenUrl, registrationUrl }: AuthorizationCode,
): AuthorizationServerMetadata | undefined {
  return (
    metadata && {
      ...metadata,
      ...(authorizationUrl !== undefined && { authorization_endpoint: authorizationUrl }),
      ...(tokenUrl !== undefined && { token_endpoint: tokenUrl }),
      ...(registrationUrl !== undefined && { registration_endpoint: registrationUrl }),
    }
  )
}

/** Not every server has it. */
async function resourceMetadataOf(
  serverUrl: string,
  resourceMetadataUrl: string | undefined,
  fetch: FetchLike,
): Promise<OAuthProtectedResourceMetadata | undefined> {
  const options = resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }
  return discoverOAuthProtectedResourceMetadata(serverUrl, options, fetch).catch(() => undefined)
}

/** In the server's own words: authorization servers compare them letter by letter. */
function resourceOf(
  { name, url }: { readonly name: string; readonly url: string },
  metadata: OAuthProtectedResourceMetadata | undefined,
): string | undefined {
  if (metadata === undefined) return undefined
  const { resource: configuredResource } = metadata
  if (checkResourceAllowed({ requestedResource: resourceUrlFromServerUrl(url), configuredResource }))
    return configuredResource
  throw useless(name, 'it says that it is another resource')
}

function useless(server: string, why: string): GatewayError {
  return new GatewayError('upstream_auth_failed', `Signing in to the MCP server ${server} failed: ${why}.`)
}

function scopeOf(
  { scopes }: AuthorizationCode,
  challenge: Challenge,
  resource: OAuthProtectedResourceMetadata | undefined,
  metadata: AuthorizationServerMetadata | undefined,
): string | undefined {
  if (scopes.length > 0) return scopes.join(' ')
  const wanted = challenge.scope ?? resource?.scopes_supported?.join(' ')
  const isOffered = metadata?.scopes_supported?.includes('offline_access') === true
  // Some give tokens that can be renewed to those alone who ask for that.
  return wanted && isOffered && !wanted.split(' ').includes('offline_access') ? `${wanted} offline_access` : wanted
}
