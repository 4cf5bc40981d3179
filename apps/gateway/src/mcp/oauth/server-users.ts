import type { Host } from '@tianjillm/core'
import type {
  AuthorizationCode,
  GrantStore,
  McpAuth,
  McpServerSettings,
  PersonalUsers,
  ProtocolTransport,
  TokenExchange,
} from '@tianjillm/mcp'
import type { Visitor } from '../../inner-call.ts'
import type { Brought, KnownByHeaders } from './brought.ts'
import { configuredOrigin } from './origin.ts'
import { ownerOf, titleOf } from './owner.ts'
import type { Tickets } from './tickets.ts'

/** What tells who the users of a server are. */
export interface UserRooms {
  readonly library: typeof import('@tianjillm/mcp')
  readonly host: Pick<Host, 'env' | 'now'>
  readonly tickets: Tickets
  readonly grants: GrantStore
  readonly brought: Brought
  /** What an identity provider let this owner in with. */
  tokenOfUser(owner: string): string | undefined
}

/** Who uses a server, by what it knows its users by; undefined for one that cannot tell them apart. `its`: how it is asked. */
export type UsersOf = (settings: McpServerSettings, its: Host) => PersonalUsers | undefined

/** Where users sign in to a server. */
export function signInPath(server: string): string {
  return `/v1/mcp/server/${encodeURIComponent(server)}/authorize`
}

/** A server over HTTP that speaks the protocol. */
type Remote = Exclude<ProtocolTransport, { readonly type: 'stdio' }>

/** The users of servers of every kind. */
export function createUsers({ library, host, tickets, grants, brought, tokenOfUser }: UserRooms): UsersOf {
  const visitorOf = (caller: unknown) => caller as Visitor | undefined
  const ownerIn = (caller: unknown) => {
    const visitor = visitorOf(caller)
    return visitor && (visitor.owner ?? ownerOf(visitor.identity))
  }

  /** Those who sign in themselves. */
  const signingIn = (server: string, transport: Remote, settings: AuthorizationCode, its: Host): PersonalUsers => {
    const { url: serverUrl } = transport
    const path = signInPath(server)
    const key = library.keyOfServer({ name: server, url: serverUrl })
    const known = [settings.authorizationUrl, settings.tokenUrl, settings.registrationUrl]
    return {
      ownerOf: ownerIn,
      knownAs: brought.ownerOf,
      async reach(name, onEnd) {
        const owner = brought.ownerOf(name)
        if ((await grants.find(key, owner)) === undefined) return undefined
        const tokens = library.createGrantedTokens({ server, serverUrl, owner, known, onEnd }, grants, its)
        return { ...transport, auth: { type: 'tokens', tokens } }
      },
      areJudged: false,
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
  const exchanging = (server: string, transport: Remote, settings: TokenExchange, its: Host): PersonalUsers => ({
    ownerOf: ownerIn,
    knownAs: brought.ownerOf,
    reach(name) {
      const subject = () => tokenOfUser(brought.ownerOf(name))
      if (subject() === undefined) return undefined
      const tokens = library.createExchangedTokens(server, settings, { host: its, subject })
      return { ...transport, auth: { type: 'tokens', tokens } }
    },
    areJudged: false,
    linkFor: () => undefined,
    otherwise: 'come with a token of your identity provider',
  })

  /** Those who bring what it takes. */
  const bringing = (server: string, transport: ProtocolTransport, wants: KnownByHeaders): PersonalUsers => ({
    ownerOf: ownerIn,
    knownAs: (owner) => brought.find(owner, server)?.known,
    reach(owner, onEnd) {
      const { values = {} } = brought.find(owner, server) ?? {}
      if (transport.type === 'stdio') return { ...transport, env: { ...transport.env, ...values } }
      const { authorization } = values
      return { ...transport, auth: authorization === undefined ? undefined : authOf(server, authorization, onEnd) }
    },
    areJudged: wants.type === 'passthrough',
    linkFor: () => undefined,
    otherwise:
      wants.type === 'passthrough'
        ? `send a token that it accepts as the header x-mcp-${server.toLowerCase()}-authorization: Bearer <token>`
        : `send these headers: ${Object.values(wants.variables).join(', ')}`,
  })

  const authOf = (server: string, authorization: string, onEnd: () => void): McpAuth => {
    const [, token] = /^Bearer\s+(\S+)\s*$/i.exec(authorization) ?? []
    if (token === undefined) return { type: 'authorization', value: authorization }
    return { type: 'tokens', tokens: library.createBroughtToken(server, token, onEnd) }
  }

  return ({ name, transport, personal }, its) => {
    if (transport.type === 'openapi') return undefined
    if (personal?.type === 'passthrough' || personal?.type === 'header_variables')
      return bringing(name, transport, personal)
    if (transport.type === 'stdio') return undefined
    if (personal?.type === 'token_exchange') return exchanging(name, transport, personal, its)
    return personal && signingIn(name, transport, personal, its)
  }
}
