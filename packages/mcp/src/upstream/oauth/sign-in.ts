import {
  type AuthorizationServerMetadata,
  computeScopeUnion,
  exchangeAuthorization,
  IssuerMismatchError,
  type OAuthClientMetadata,
  OAuthError,
  OAuthErrorCode,
  type OAuthTokens,
  RegistrationRejectedError,
  registerClient,
  startAuthorization,
} from '@modelcontextprotocol/client'
import { GatewayError, type Host, isGatewayError } from '@tianjillm/core'
import type { AuthorizationCode } from '../../settings.ts'
import { type Authority, findAuthority } from './authority.ts'
import { askChallenge, type Challenge } from './challenge.ts'
import { type Grant, type GrantStore, keyOfServer, type OAuthClient } from './grants.ts'
import { createSafeFetch } from './safe-fetch.ts'

/** Where browsers come back to, and as what the gateway makes itself known. */
export interface CallbackPlace {
  readonly redirectUrl: string
  /**
   * Where the gateway's own description is, which https alone makes good for a name.
   * https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
   */
  readonly clientMetadataUrl?: string | undefined
}

/** What has to be remembered of a sign-in until the browser is back: plain data, and secret. */
export interface Pending {
  readonly issuer: string | undefined
  readonly url: string
  readonly tokenUrl: string
  readonly authMethods: readonly string[]
  /** Whether its answers say whom they are from. https://www.rfc-editor.org/rfc/rfc9207 */
  readonly saysIssuer: boolean
  readonly clientId: string
  readonly verifier: string
  readonly redirectUrl: string
  readonly resource: string | undefined
  readonly scope: string | undefined
}

/** What the browser brought. */
export interface AuthorizationAnswer {
  readonly code: string
  readonly iss: string | undefined
}

/** Signing in to one server. All reject with GatewayError `upstream_auth_failed` that names the server. */
export interface SignIn {
  /** Where the owner's browser goes, but for its `state`. `challenge` is what they were refused with, if they were. */
  begin(place: CallbackPlace, challenge?: Challenge): Promise<{ readonly url: URL; readonly pending: Pending }>
  /** Keeps what the owner has allowed. */
  finish(owner: string, pending: Pending, answer: AuthorizationAnswer): Promise<void>
  /** Forgets it. */
  end(owner: string): Promise<void>
}

/** What signing in takes. */
export interface SignInRooms {
  readonly grants: GrantStore
  readonly host: Pick<Host, 'now' | 'fetch' | 'fetchWithin'>
}

/** How the gateway describes itself to authorization servers. https://www.rfc-editor.org/rfc/rfc7591#section-2 */
export function clientMetadata({ redirectUrl }: CallbackPlace): OAuthClientMetadata {
  const isLoopback = redirectUrl.startsWith('http:')
  return {
    client_name: 'TianjiLLM',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: isLoopback ? 'native' : 'web',
  }
}

/** Signing in to the server of these settings. */
export function createSignIn(
  server: { readonly name: string; readonly url: string },
  settings: AuthorizationCode,
  { grants, host }: SignInRooms,
): SignIn {
  const { name, url } = server
  const key = keyOfServer(server)
  const known = [settings.authorizationUrl, settings.tokenUrl, settings.registrationUrl]
  const fetch = createSafeFetch({ server: name, serverUrl: url, known }, host)
  const registering = new Map<string, Promise<OAuthClient>>()

  async function begin(place: CallbackPlace, refused?: Challenge) {
    const challenge = { ...(await askChallenge(url, fetch)), ...present(refused) }
    const authority = await findAuthority(server, settings, challenge, fetch)
    const client = await clientFor(authority, place)
    const scope = computeScopeUnion(authority.scope, refused?.scope)
    const { authorizationUrl, codeVerifier } = await startAuthorization(authority.url, {
      ...(authority.metadata && { metadata: authority.metadata }),
      clientInformation: clientInformation(client),
      redirectUrl: place.redirectUrl,
      ...(scope && { scope }),
      ...(authority.resource && { resource: authority.resource }),
    })
    return { url: authorizationUrl, pending: pendingOf(authority, { client, place, verifier: codeVerifier, scope }) }
  }

  async function finish(owner: string, pending: Pending, { code, iss }: AuthorizationAnswer) {
    const client = await knownClient(pending)
    try {
      const tokens = await exchangeAuthorization(pending.url, {
        metadata: metadataOf(pending),
        clientInformation: clientInformation(client),
        authorizationCode: code,
        // Of whom nothing is known, anybody may be.
        ...(pending.issuer !== undefined && iss !== undefined && { iss }),
        codeVerifier: pending.verifier,
        redirectUri: pending.redirectUrl,
        ...(pending.resource && { resource: pending.resource }),
        fetchFn: fetch,
      })
      const { issuer = pending.url, tokenUrl, authMethods, resource } = pending
      const before = { issuer, tokenUrl, authMethods, resource, client, refreshToken: undefined, scope: pending.scope }
      await grants.save(key, owner, grantOf(tokens, { ...before, signedInAt: host.now() }, host.now()))
    } catch (error) {
      // It has forgotten the gateway, which makes itself known the next time.
      if (isUnknownClient(error)) await grants.removeClient(key, placeOf(pending.issuer ?? pending.url, pending))
      throw error
    }
  }

  /** The gateway as this authority knows it; those who want that at the same time wait for one registration. */
  async function clientFor(authority: Authority, place: CallbackPlace): Promise<OAuthClient> {
    const own = configuredClient(settings)
    if (own !== undefined) return own
    const { metadata } = authority
    const { clientMetadataUrl } = place
    if (metadata?.client_id_metadata_document_supported === true && clientMetadataUrl !== undefined)
      return { client_id: clientMetadataUrl }
    const at = placeOf(authority.issuer ?? authority.url, place)
    const before = await grants.findClient(key, at)
    if (before !== undefined) return before
    const registration = registering.get(at) ?? register(authority, place, at).finally(() => registering.delete(at))
    registering.set(at, registration)
    return registration
  }

  async function register(authority: Authority, place: CallbackPlace, at: string): Promise<OAuthClient> {
    const { client_id, client_secret, token_endpoint_auth_method } = await registerClient(authority.url, {
      ...(authority.metadata && { metadata: authority.metadata }),
      clientMetadata: clientMetadata(place),
      ...(authority.scope && { scope: authority.scope }),
      fetchFn: fetch,
    })
    const client = { client_id, client_secret, token_endpoint_auth_method }
    await grants.saveClient(key, at, client)
    return client
  }

  async function knownClient({ issuer, url: authority, clientId, redirectUrl }: Pending): Promise<OAuthClient> {
    const client =
      configuredClient(settings) ?? (await grants.findClient(key, placeOf(issuer ?? authority, { redirectUrl })))
    return client?.client_id === clientId ? client : { client_id: clientId }
  }

  const told = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      throw isGatewayError(error) ? error : failed(name, error)
    }
  }

  return {
    begin: (place, challenge) => told(begin(place, challenge)),
    finish: (owner, pending, answer) => told(finish(owner, pending, answer)),
    end: async (owner) => grants.remove(key, owner),
  }
}

/** What tokens allow; what they do not say is as it was before. */
export function grantOf(
  { access_token, refresh_token, expires_in, scope }: OAuthTokens,
  before: Omit<Grant, 'accessToken' | 'expiresAt' | 'renewAt'>,
  now: number,
): Grant {
  const life = expires_in === undefined ? undefined : expires_in * 1000
  return {
    ...before,
    accessToken: access_token,
    refreshToken: refresh_token ?? before.refreshToken,
    scope: scope ?? before.scope,
    expiresAt: life && now + life,
    renewAt: life && now + Math.max(life - MARGIN, life / 2),
  }
}

/** The metadata as far as tokens need it. */
export function metadataOf({
  issuer,
  tokenUrl,
  authMethods,
  saysIssuer = false,
}: Pick<Grant, 'tokenUrl' | 'authMethods'> & {
  readonly issuer: string | undefined
  readonly saysIssuer?: boolean
}): AuthorizationServerMetadata {
  return {
    issuer: issuer ?? tokenUrl,
    authorization_endpoint: tokenUrl,
    token_endpoint: tokenUrl,
    token_endpoint_auth_methods_supported: [...authMethods],
    authorization_response_iss_parameter_supported: saysIssuer,
    response_types_supported: ['code'],
  }
}

/** The client in the SDK's words. */
export function clientInformation({ client_id, client_secret, token_endpoint_auth_method }: OAuthClient): {
  readonly client_id: string
  readonly client_secret?: string
} {
  return {
    client_id,
    ...(client_secret !== undefined && { client_secret }),
    ...(token_endpoint_auth_method !== undefined && { token_endpoint_auth_method }),
  }
}

/** Whether the authorization server does not know the gateway, or not any more. */
export function isUnknownClient(error: unknown): boolean {
  return error instanceof OAuthError && unknownClient.has(error.code)
}

const unknownClient: ReadonlySet<string> = new Set([OAuthErrorCode.InvalidClient, OAuthErrorCode.UnauthorizedClient])

/** Milliseconds before its end a token is renewed, if it lasts that long. */
const MARGIN = 60_000

interface Made {
  readonly client: OAuthClient
  readonly place: CallbackPlace
  readonly verifier: string
  readonly scope: string | undefined
}

function pendingOf({ issuer, url, metadata, resource }: Authority, { client, place, verifier, scope }: Made): Pending {
  const { redirectUrl } = place
  return {
    ...{ issuer, url, redirectUrl, resource, scope, verifier },
    tokenUrl: metadata?.token_endpoint ?? new URL('/token', url).href,
    authMethods: metadata?.token_endpoint_auth_methods_supported ?? [],
    saysIssuer: issuer !== undefined && metadata?.authorization_response_iss_parameter_supported === true,
    clientId: client.client_id,
  }
}

function configuredClient({ clientId, clientSecret }: AuthorizationCode): OAuthClient | undefined {
  return clientId === undefined ? undefined : { client_id: clientId, client_secret: clientSecret }
}

/** An authorization server knows the gateway by where it is sent back to. */
function placeOf(issuer: string, { redirectUrl }: Pick<CallbackPlace, 'redirectUrl'>): string {
  return JSON.stringify([issuer, redirectUrl])
}

/** A challenge without what it does not say. */
function present(challenge: Challenge = {}): Challenge {
  return Object.fromEntries(Object.entries(challenge).filter(([, value]) => value !== undefined))
}

/** In words of ours: those of an authorization server are nobody's to read here. */
function failed(server: string, cause: unknown): GatewayError {
  const why =
    cause instanceof IssuerMismatchError
      ? 'the answer is not from its authorization server'
      : cause instanceof OAuthError
        ? `its authorization server says no (${cause.code})`
        : cause instanceof RegistrationRejectedError
          ? `its authorization server does not take the gateway as a client (${cause.status}); set client_id`
          : 'its authorization server cannot be used'
  return new GatewayError('upstream_auth_failed', `Signing in to the MCP server ${server} failed: ${why}.`, { cause })
}
