import type { IncomingMessage } from 'node:http'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import { asGatewayError } from '@tianjillm/engine'
import type { CallbackPlace, SignIn, Upstream } from '@tianjillm/mcp'
import type { Gateway } from '../gateway.ts'
import { clientOf, namesIn } from '../mcp/client-of.ts'
import { demandOwnSite } from '../mcp/foreign.ts'
import { originOf } from '../mcp/oauth/origin.ts'
import { ownerOf, titleOf } from '../mcp/oauth/owner.ts'
import { consentPage, resultPage } from '../mcp/oauth/pages.ts'
import { describeNamed } from '../mcp/oauth/passthrough.ts'
import type { PersonalServers } from '../mcp/oauth/personal-servers.ts'
import { signInPath } from '../mcp/oauth/server-users.ts'
import { hashOfMark, newBrowserMark, TICKET_LIFE, type Ticket } from '../mcp/oauth/tickets.ts'
import { errorResponse, type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'

const CALLBACK = '/mcp/oauth/callback'
const CLIENT = '/client-metadata.json'

type Handler = (gateway: Gateway, context: GatewayContext) => Promise<Response> | Response

/** Where users sign in to MCP servers, and what clients find who look for a place to sign in to the gateway. */
export function mcpOAuthRoutes(app: GatewayApp, gateway: () => Gateway): void {
  const answer = (path: string, handlers: Readonly<Record<string, Handler>>) =>
    app.all(path, (context) => {
      const method = String(context.env.incoming.method)
      const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined
      return handler?.(gateway(), context) ?? refuseMethod(method, Object.keys(handlers).join(', '))
    })
  answer('/v1/mcp/server/:server/authorize', { GET: offerSignIn, POST: leave, DELETE: signOut })
  answer(CALLBACK, { GET: comeBack })
  answer(CLIENT, { GET: describeGateway })
  answer('/.well-known/oauth-protected-resource', { GET: describeResource })
  answer('/.well-known/oauth-protected-resource/:path{.+}', { GET: describeResource })
  answer('/register', { POST: () => noSignIn() })
}

/** A server that a ticket is for. */
interface Place {
  readonly personal: PersonalServers
  readonly upstream: Upstream
  readonly signIn: SignIn
}

/** With a ticket the page that leads on; with a key a ticket. */
async function offerSignIn(gateway: Gateway, context: GatewayContext): Promise<Response> {
  const { incoming } = context.env
  const origin = originOf(incoming, gateway.engine.host.env)
  const text = context.req.query('ticket')
  if (text !== undefined)
    return whenGood(gateway, context, text, async (ticket) => withMark(incoming, origin, consentPage(ticket)))
  const { personal, ticket } = await admitted(gateway, context)
  const url = `${origin}${signInPath(ticket.server)}?ticket=${personal.tickets.close(ticket)}`
  return Response.json({ url, expires_in: TICKET_LIFE / 1000 }, { status: 302, headers: { ...secret, location: url } })
}

/** Sends the browser to the server's own sign-in. */
function leave(gateway: Gateway, context: GatewayContext): Promise<Response> {
  return whenGood(gateway, context, context.req.query('ticket') ?? '', async (ticket, { personal, signIn }) => {
    const { incoming } = context.env
    const origin = originOf(incoming, gateway.engine.host.env)
    const mark = markIn(incoming, origin)
    // Other sites can make a browser send a form, but not with this cookie.
    if (mark === undefined || !isFrom(incoming, origin))
      return resultPage('Not this way', 'Open the link again, in a browser that takes cookies.', 403)
    const { scope } = ticket
    const { url, pending } = await signIn.begin(placeAt(origin), { scope })
    url.searchParams.set('state', personal.tickets.closeJourney({ ticket, pending, browserHash: hashOfMark(mark) }))
    return new Response(null, { status: 303, headers: { ...secret, location: url.href } })
  })
}

/** The browser is back from there. */
async function comeBack(gateway: Gateway, context: GatewayContext): Promise<Response> {
  const { code, state = '', iss } = context.req.query()
  const personal = (await gateway.mcp?.open())?.personal
  const journey = personal?.tickets.openJourney(state)
  const { incoming } = context.env
  const mark = markIn(incoming, originOf(incoming, gateway.engine.host.env))
  // Whoever brings another's journey would give them their own account.
  if (journey === undefined || mark === undefined || hashOfMark(mark) !== journey.browserHash) return tooLate()
  return withPlace(gateway, journey.ticket, async ({ upstream, signIn }) => {
    const { server, owner } = journey.ticket
    if (code === undefined || code === '')
      return resultPage(
        `Not signed in to ${server}`,
        'The server did not let the gateway in. You can close this page.',
        403,
      )
    await signIn.finish(owner, journey.pending, { code, iss })
    upstream.personal?.renew(owner)
    // Its tools are there when somebody asks for them; that they are not yet is seen then.
    upstream.personal?.find(owner).catch(() => {})
    return resultPage(`Signed in to ${server}`, 'You can close this page, and go on where you came from.')
  })
}

async function signOut(gateway: Gateway, context: GatewayContext): Promise<Response> {
  const { upstream, signIn, ticket } = await admitted(gateway, context)
  await signIn.end(ticket.owner)
  upstream.personal?.renew(ticket.owner)
  return Response.json({ server: ticket.server, signed_in: false })
}

/** Somebody with a key, and the server of the path if they may see it. Rejects with GatewayError. */
async function admitted(gateway: Gateway, context: GatewayContext): Promise<Place & { readonly ticket: Ticket }> {
  const { incoming } = context.env
  demandOwnSite(incoming, gateway.access.isOpen)
  const identity = await gateway.access.authenticate(incoming)
  const server = context.req.param('server') ?? ''
  const hub = await gateway.mcp?.open()
  const { sources = [] } = hub?.catalog.peek(clientOf(identity).filter) ?? {}
  const place = sources.some(({ upstream }) => upstream.name === server) ? await placeOf(gateway, server) : undefined
  if (place === undefined) throw unknownServer(server)
  const madeAt = gateway.engine.host.now()
  return { ...place, ticket: { server, owner: ownerOf(identity), title: titleOf(identity), madeAt } }
}

/** For a ticket that is good still, and for the server of the path. */
async function whenGood(
  gateway: Gateway,
  context: GatewayContext,
  text: string,
  work: (ticket: Ticket, place: Place) => Promise<Response>,
): Promise<Response> {
  const ticket = (await gateway.mcp?.open())?.personal?.tickets.open(text)
  if (ticket === undefined || ticket.server !== context.req.param('server')) return tooLate()
  return withPlace(gateway, ticket, (place) => work(ticket, place))
}

/** A ticket has been used when its owner has signed in since. What goes wrong is told to a person. */
async function withPlace(
  gateway: Gateway,
  ticket: Ticket,
  work: (place: Place) => Promise<Response>,
): Promise<Response> {
  try {
    const place = await placeOf(gateway, ticket.server)
    if (place === undefined) throw unknownServer(ticket.server)
    const { personal, upstream } = place
    const last = await personal.signedInAt(upstream, ticket.owner)
    return last !== undefined && last >= ticket.madeAt ? tooLate() : await work(place)
  } catch (cause) {
    const { message, status } = gateway.redact(asGatewayError(cause))
    return resultPage('Not signed in', message, status)
  }
}

async function placeOf({ mcp }: Gateway, server: string): Promise<Place | undefined> {
  const hub = await mcp?.open()
  const upstream = hub?.catalog.sources.find((source) => source.upstream.name === server)?.upstream
  const signIn = upstream && hub?.personal?.signInAt(upstream)
  return upstream && signIn && { upstream, signIn, personal: hub!.personal! }
}

function placeAt(origin: string): CallbackPlace {
  return {
    redirectUrl: `${origin}${CALLBACK}`,
    // Authorization servers fetch it, which they do from public places alone.
    ...(origin.startsWith('https:') && { clientMetadataUrl: `${origin}${CLIENT}` }),
  }
}

/** What the gateway is to authorization servers that know clients by their addresses. */
async function describeGateway(
  { engine: { host } }: Gateway,
  { env: { incoming } }: GatewayContext,
): Promise<Response> {
  const { clientMetadata } = await import('@tianjillm/mcp')
  const origin = originOf(incoming, host.env)
  const metadata = clientMetadata({ redirectUrl: `${origin}${CALLBACK}` })
  return Response.json({ client_id: `${origin}${CLIENT}`, token_endpoint_auth_method: 'none', ...metadata }, open)
}

/** https://www.rfc-editor.org/rfc/rfc9728#section-3.2 */
async function describeResource(gateway: Gateway, { req, env }: GatewayContext): Promise<Response> {
  const { engine, issuers = [], mcp } = gateway
  const { host } = engine
  const path = `/${req.param('path') ?? 'mcp'}`
  if (!isOfClients(path)) return errorResponse(new GatewayError('not_found', 'There is no such resource.'))
  try {
    const names = namesIn(/^\/mcp\/([^/]+)$|^\/([^/]+)\/mcp$/.exec(path)?.slice(1).find(Boolean))
    const own = names && mcp && (await describeNamed(await mcp.open(), names, mcp.offer.isOutside(env.incoming)))
    if (own !== undefined) return Response.json(own, open)
  } catch (cause) {
    return errorResponse(gateway.redact(asGatewayError(cause)))
  }
  const metadata: JsonObject = {
    resource: `${originOf(env.incoming, host.env)}${path}`,
    resource_name: 'TianjiLLM',
    ...(issuers.length > 0 && { authorization_servers: issuers }),
    bearer_methods_supported: ['header'],
  }
  return Response.json(metadata, open)
}

/** What a 401 says of where to sign in. `isToken`: a token was there, and is not good. */
export function challengeOf({ engine: { host } }: Gateway, incoming: IncomingMessage): string {
  const path = URL.parse(incoming.url ?? '', 'http://localhost')?.pathname.replace(/\/$/, '') ?? ''
  const metadata = `${originOf(incoming, host.env)}/.well-known/oauth-protected-resource${isOfClients(path) ? path : '/mcp'}`
  const error = incoming.headers.authorization === undefined ? '' : 'error="invalid_token", '
  return `Bearer ${error}resource_metadata="${metadata}"`
}

/** Whether MCP clients come to this path. */
function isOfClients(path: string): boolean {
  return /^(\/mcp|\/mcp\/[\w.,~%-]+|\/[\w.,~%-]+\/mcp|\/sse)$/.test(path)
}

/** For clients that look for a place to register at the gateway itself. https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2 */
function noSignIn(): Response {
  const remedy = 'This gateway registers no clients. Send one of its keys as "Authorization: Bearer <key>".'
  return Response.json({ error: 'access_denied', error_description: remedy }, { status: 403 })
}

function tooLate(): Response {
  return resultPage(
    'This link is not good any more',
    'Links are good for one sign-in, for ten minutes. Get another.',
    410,
  )
}

function unknownServer(server: string): GatewayError {
  return new GatewayError('not_found', `There is no MCP server "${server.slice(0, 100)}" to sign in to.`)
}

/** Metadata is for pages of all sites. */
const open = { headers: { 'access-control-allow-origin': '*', 'cache-control': 'max-age=300' } }

const secret = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }

/** The page, and a mark by which the browser is known when it is back. */
function withMark(incoming: IncomingMessage, origin: string, page: Response): Response {
  const mark = markIn(incoming, origin) ?? newBrowserMark()
  const isSecure = origin.startsWith('https:') ? '; Secure' : ''
  page.headers.set('set-cookie', `${cookieAt(origin)}=${mark}; HttpOnly; SameSite=Lax; Path=/; Max-Age=900${isSecure}`)
  return page
}

function markIn({ headers: { cookie = '' } }: IncomingMessage, origin: string): string | undefined {
  return new RegExp(`(?:^|;\\s*)${cookieAt(origin)}=([\\w-]{43})(?:;|$)`).exec(cookie)?.[1]
}

/** One of https that no other machine of the domain can put in its place. */
function cookieAt(origin: string): string {
  return origin.startsWith('https:') ? '__Host-tianji_sign_in' : 'tianji_sign_in'
}

/** Browsers say with each form which page it is from. */
function isFrom({ headers }: IncomingMessage, own: string): boolean {
  const { origin, 'sec-fetch-site': site = 'same-origin' } = headers
  return site === 'same-origin' && (origin === undefined || origin === new URL(own).origin)
}
