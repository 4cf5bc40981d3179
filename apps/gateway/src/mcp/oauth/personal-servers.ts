import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError, type Host } from '@tianjillm/core'
import type { McpServerSettings, PersonalUsers, SignIn, TokenExchange, Upstream } from '@tianjillm/mcp'
import type { McpTokens } from '@tianjillm/tenancy'
import type { Visitor } from '../../inner-call.ts'
import { configuredOrigin } from './origin.ts'
import { ownerOf, titleOf } from './owner.ts'
import { createGrants } from './stored-grants.ts'
import { createTickets, type Tickets } from './tickets.ts'

/** Servers to which each user of the gateway is somebody else. */
export interface PersonalServers {
  readonly tickets: Tickets
  /** A server of these settings, whose `personal` says how its users are known. */
  create(settings: McpServerSettings): Upstream
  /** How users sign in there; undefined where they do not. */
  signInAt(upstream: Upstream): SignIn | undefined
  /** When they last did so; undefined when they are not signed in. */
  signedInAt(upstream: Upstream, owner: string): Promise<number | undefined>
  /** Somebody has come, perhaps with a token of an identity provider, which can be exchanged. */
  notice(owner: string, headers: IncomingHttpHeaders): void
}

/** What they take. */
export interface PersonalRooms {
  readonly host: Host
  readonly masterKey: string | undefined
  /** Those of the database; undefined when there is none. */
  readonly tokens: () => McpTokens | undefined
}

/** Where users sign in to a server. */
export function signInPath(server: string): string {
  return `/v1/mcp/server/${encodeURIComponent(server)}/authorize`
}

/** Tokens of identity providers that are remembered. */
const MOST_TOKENS = 10_000

/** Personal servers, of which there are none yet. */
export async function createPersonalServers({ host, masterKey, tokens }: PersonalRooms): Promise<PersonalServers> {
  const [library, { createSeal }] = await Promise.all([import('@tianjillm/mcp'), import('@tianjillm/store')])
  // Without a secret that processes have in common each has its own.
  const tickets = createTickets(createSeal(masterKey ?? randomBytes(32).toString('hex')), () => host.now())
  const grants = createGrants(tokens, library.createMemoryGrants())
  const signIns = new WeakMap<Upstream, { readonly signIn: SignIn; readonly key: string }>()
  const subjects = new Map<string, string>()

  const visitorOf = (caller: unknown) => caller as Visitor | undefined

  /** Those who sign in themselves. */
  const signingIn = (server: string, serverUrl: string): PersonalUsers => {
    const path = signInPath(server)
    const key = library.keyOfServer({ name: server, url: serverUrl })
    return {
      ownerOf: (caller) => visitorOf(caller) && ownerOf(visitorOf(caller)!.identity),
      async tokensOf(owner, onEnd) {
        if ((await grants.find(key, owner)) === undefined) return undefined
        return library.createGrantedTokens({ server, serverUrl, owner, onEnd }, grants, host)
      },
      linkFor(caller, scope) {
        const { identity, origin = configuredOrigin(host.env) } = visitorOf(caller) ?? {}
        if (identity === undefined || origin === undefined) return undefined
        const ticket = { server, owner: ownerOf(identity), title: titleOf(identity), scope, madeAt: host.now() }
        return `${origin}${path}?ticket=${tickets.close(ticket)}`
      },
      otherwise: `sign in at ${path} of this gateway`,
    }
  }

  /** Those whose identity provider has signed them in. */
  const exchanging = (server: string, settings: TokenExchange): PersonalUsers => ({
    ownerOf: (caller) => visitorOf(caller) && ownerOf(visitorOf(caller)!.identity),
    tokensOf: (owner) =>
      subjects.has(owner)
        ? library.createExchangedTokens(server, settings, { host, subject: () => subjects.get(owner) })
        : undefined,
    linkFor: () => undefined,
    otherwise: 'come with a token of your identity provider',
  })

  return {
    tickets,
    create(settings) {
      const { name, transport, personal } = settings
      if (transport.type === 'stdio' || transport.url === undefined || personal === undefined)
        throw new GatewayError('misconfigured', `The MCP server ${name} cannot tell its users apart.`)
      const users = personal.type === 'token_exchange' ? exchanging(name, personal) : signingIn(name, transport.url)
      const upstream = library.createPersonalUpstream(settings, host, users)
      if (personal.type === 'authorization_code') {
        const server = { name, url: transport.url }
        const signIn = library.createSignIn(server, personal, { grants, host })
        signIns.set(upstream, { signIn, key: library.keyOfServer(server) })
      }
      return upstream
    },
    signInAt: (upstream) => signIns.get(upstream)?.signIn,
    async signedInAt(upstream, owner) {
      const at = signIns.get(upstream)
      return at && (await grants.find(at.key, owner))?.signedInAt
    },
    notice(owner, headers) {
      const token = tokenIn(headers)
      if (token === undefined) return
      subjects.delete(owner)
      const [oldest] = subjects.keys()
      if (subjects.size >= MOST_TOKENS && oldest !== undefined) subjects.delete(oldest)
      subjects.set(owner, token)
    },
  }
}

/** What they were let in with, if it has the shape of a token. */
function tokenIn({ 'x-litellm-api-key': own, authorization }: IncomingHttpHeaders): string | undefined {
  return /^Bearer\s+([\w-]+\.[\w-]+\.[\w-]+)\s*$/i.exec(own?.toString() ?? authorization ?? '')?.[1]
}
