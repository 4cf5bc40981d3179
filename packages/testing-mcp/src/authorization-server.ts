import { hash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '@tianjillm/core'

/** How an authorization server behaves; can be changed while it runs. */
export interface AuthorizationBehaviour {
  /** Seconds that access tokens last; undefined: it does not say. */
  expiresIn?: number | undefined
  /** Whether it gives refresh tokens, each good for one use: one that comes again ends all that came of its sign-in. */
  refreshes: boolean
  registers: boolean
  takesClientDocuments: boolean
  authMethods: readonly string[]
  scopes?: readonly string[] | undefined
  /** What its answers to browsers say of where they are from. */
  iss: 'right' | 'wrong' | 'missing'
  saysIssuer: boolean
  /** In place of its own name in its metadata. */
  issuer?: string | undefined
  challengeMethods: readonly string[]
  /** Replaces addresses in its metadata. */
  metadata: JsonObject
  /** Status of all answers about tokens, when it is not 200. */
  down?: number | undefined
  /** Resolves before it gives a token. */
  wait: () => Promise<void>
}

/** A token that was given to somebody. */
export interface GivenToken {
  readonly user: string
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly clientId: string
}

/** An authorization server on loopback, where users are whom their browsers say: the cookie or header `x-user`. */
export interface AuthorizationServer {
  readonly url: string
  readonly behaviour: AuthorizationBehaviour
  /** Requests by `METHOD /path`, with their parameters. */
  readonly seen: readonly { readonly at: string; readonly params: Readonly<Record<string, string>> }[]
  given(token: string): GivenToken | undefined
  /** Nothing that it has given is good any more: access tokens alone, or all. */
  revoke(what: 'access' | 'all'): void
  /** It does not know its clients any more. */
  forgetClients(): void
  /** A token as if somebody had signed in. */
  tokenFor(user: string): string
  close(): Promise<void>
}

interface Client {
  readonly secret: string | undefined
  readonly redirects: readonly string[]
}

interface Code extends GivenToken {
  readonly challenge: string
  readonly redirect: string
}

/** Starts one. It follows RFC 6749, 7591, 7636, 8414, 8693, 8707 and 9207, unless it is told otherwise. */
export async function authorizationServer(
  behaviour: Partial<AuthorizationBehaviour> = {},
): Promise<AuthorizationServer> {
  const how: AuthorizationBehaviour = {
    ...{
      expiresIn: 3600,
      refreshes: true,
      registers: true,
      takesClientDocuments: false,
      iss: 'right',
      saysIssuer: true,
    },
    ...{ authMethods: ['client_secret_basic', 'client_secret_post', 'none'], challengeMethods: ['S256'], metadata: {} },
    wait: async () => {},
    ...behaviour,
  }
  const seen: { at: string; params: Record<string, string> }[] = []
  const clients = new Map<string, Client>([['known', { secret: 'known secret', redirects: [] }]])
  const codes = new Map<string, Code>()
  const access = new Map<string, GivenToken>()
  const refresh = new Map<string, GivenToken>()
  const used = new Map<string, GivenToken>()
  let url = ''

  const give = (given: GivenToken): JsonObject => {
    const token = `access-${randomUUID()}`
    const again = `refresh-${randomUUID()}`
    access.set(token, given)
    if (how.refreshes) refresh.set(again, given)
    return {
      ...{ access_token: token, token_type: 'Bearer' },
      ...(how.expiresIn !== undefined && { expires_in: how.expiresIn }),
      ...(how.refreshes && { refresh_token: again }),
      ...(given.scope !== undefined && { scope: given.scope }),
    }
  }

  /** What was given at a sign-in is handed on when it is renewed. https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2 */
  const end = (given: GivenToken) => {
    for (const tokens of [access, refresh])
      for (const [token, value] of tokens) if (value === given) tokens.delete(token)
  }

  const metadata = (): JsonObject => ({
    issuer: how.issuer ?? url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    ...(how.registers && { registration_endpoint: `${url}/register` }),
    response_types_supported: ['code'],
    code_challenge_methods_supported: how.challengeMethods,
    token_endpoint_auth_methods_supported: how.authMethods,
    authorization_response_iss_parameter_supported: how.saysIssuer,
    client_id_metadata_document_supported: how.takesClientDocuments,
    ...(how.scopes && { scopes_supported: how.scopes }),
    ...how.metadata,
  })

  const register = (body: JsonObject): JsonObject => {
    const id = `client-${randomUUID()}`
    const method = how.authMethods[0]
    const secret = method === 'none' ? undefined : `secret-${id}`
    clients.set(id, { secret, redirects: body.redirect_uris as readonly string[] })
    return { ...body, client_id: id, ...(secret && { client_secret: secret }), token_endpoint_auth_method: method }
  }

  /** Where the browser goes, or what is wrong. */
  const authorize = (params: Record<string, string>, user: string): URL | string => {
    const { client_id: clientId = '', redirect_uri: redirect = '', code_challenge: challenge = '', state } = params
    const client = clients.get(clientId)
    const isOwnDocument = how.takesClientDocuments && clientId.startsWith('https:')
    if (client === undefined && !isOwnDocument) return 'who is this client?'
    if (client !== undefined && client.redirects.length > 0 && !client.redirects.includes(redirect)) return 'not there'
    const target = new URL(redirect)
    if (state !== undefined) target.searchParams.set('state', state)
    if (how.iss !== 'missing') target.searchParams.set('iss', how.iss === 'right' ? url : 'http://127.0.0.1:1')
    if (user === 'nobody') target.searchParams.set('error', 'access_denied')
    else if (params.code_challenge_method !== 'S256' || challenge === '') return 'no PKCE'
    else {
      const code = `code-${randomUUID()}`
      codes.set(code, { user, scope: params.scope, resource: params.resource, clientId, challenge, redirect })
      target.searchParams.set('code', code)
    }
    return target
  }

  const token = (params: Record<string, string>, authorization: string | undefined): JsonObject | string => {
    const [basicId, basicSecret] = Buffer.from(authorization?.slice('Basic '.length) ?? '', 'base64')
      .toString()
      .split(':')
    const id = basicId || params.client_id || ''
    const client = clients.get(id)
    if (client === undefined && !id.startsWith('https:')) return 'invalid_client'
    if (client?.secret !== undefined && client.secret !== decodeURIComponent(basicSecret ?? params.client_secret ?? ''))
      return 'invalid_client'
    if (params.grant_type === 'refresh_token') {
      const again = used.get(params.refresh_token ?? '')
      if (again !== undefined) end(again)
      const given = refresh.get(params.refresh_token ?? '')
      if (given?.clientId !== id) return 'invalid_grant'
      refresh.delete(params.refresh_token!)
      used.set(params.refresh_token!, given)
      return give(given)
    }
    if (params.grant_type === 'urn:ietf:params:oauth:grant-type:token-exchange') {
      const { sub } = claimsOf(params.subject_token)
      if (typeof sub !== 'string') return 'invalid_request'
      return {
        ...give({ user: sub, scope: params.scope, resource: params.audience, clientId: id }),
        refresh_token: null,
      }
    }
    const code = codes.get(params.code ?? '')
    codes.delete(params.code ?? '')
    if (code === undefined || code.clientId !== id || code.redirect !== params.redirect_uri) return 'invalid_grant'
    if (hash('sha256', params.code_verifier ?? '', 'base64url') !== code.challenge) return 'invalid_grant'
    if (params.resource !== code.resource) return 'invalid_target'
    return give(code)
  }

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', url)
    const text = Buffer.concat(await Array.fromAsync(incoming)).toString()
    const isJson = incoming.headers['content-type']?.startsWith('application/json') === true
    const params = Object.fromEntries(isJson ? [] : [...searchParams, ...new URLSearchParams(text)])
    seen.push({ at: `${incoming.method} ${pathname}`, params })
    const send = (status: number, body: JsonObject) =>
      void outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (/^\/\.well-known\/(oauth-authorization-server|openid-configuration)$/.test(pathname)) send(200, metadata())
    else if (pathname === '/register' && how.registers) send(201, register(JSON.parse(text) as JsonObject))
    else if (pathname === '/authorize') {
      const user = String(
        incoming.headers['x-user'] ?? /x-user=(\w+)/.exec(incoming.headers.cookie ?? '')?.[1] ?? 'ada',
      )
      const target = authorize(params, user)
      if (typeof target === 'string') outgoing.writeHead(400).end(target)
      else outgoing.writeHead(302, { location: target.href }).end()
    } else if (pathname === '/token') {
      await how.wait()
      const given = how.down === undefined ? token(params, incoming.headers.authorization) : 'server_error'
      if (typeof given === 'string') send(how.down ?? (given === 'invalid_client' ? 401 : 400), { error: given })
      else send(200, given)
    } else outgoing.writeHead(404).end()
  }

  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  url = await listening(server)
  return {
    ...{ url, behaviour: how, seen },
    given: (value) => access.get(value),
    revoke(what) {
      access.clear()
      if (what === 'all') refresh.clear()
    },
    forgetClients: () => clients.clear(),
    tokenFor: (user) => String(give({ user, scope: undefined, resource: undefined, clientId: 'known' }).access_token),
    close: () => ended(server),
  }
}

/** Listens on loopback, and says where. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function ended(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}

function claimsOf(token = ''): JsonObject {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JsonObject
  } catch {
    return {}
  }
}
