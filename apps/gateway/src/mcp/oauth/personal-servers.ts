import { randomBytes } from 'node:crypto'
import { GatewayError, type Host, type JsonObject, putLatest } from '@tianjillm/core'
import type { McpServerSettings, SignIn, Source, Upstream } from '@tianjillm/mcp'
import type { McpTokens } from '@tianjillm/tenancy'
import { type Arrival, createBrought, type KnownByHeaders } from './brought.ts'
import { createUsers } from './server-users.ts'
import { createGrants } from './stored-grants.ts'
import { createTickets, type Tickets } from './tickets.ts'

/** Servers to which each user of the gateway is somebody else. */
export interface PersonalServers {
  readonly tickets: Tickets
  /** A server of these settings, whose `personal` says how its users are known, and all it names, over this host. */
  create(settings: McpServerSettings, host: Host): Upstream
  /** How users sign in there; undefined where they do not. */
  signInAt(upstream: Upstream): SignIn | undefined
  /** When they last did so; undefined when they are not signed in. */
  signedInAt(upstream: Upstream, owner: string): Promise<number | undefined>
  /** How users of a server are known to it by their headers; undefined of others. */
  knownByHeaders(upstream: Upstream): KnownByHeaders | undefined
  /** Where users get tokens for a server of that kind, in its own words; undefined when it says nothing. */
  describe(upstream: Upstream): Promise<JsonObject | undefined>
  /**
   * Somebody has come, perhaps with a token of an identity provider, which can be exchanged. Gives the name by which
   * servers know them, with what they have brought along for some of these.
   */
  arrive(
    owner: string,
    arrival: Arrival & { readonly userToken: string | undefined },
    sources: readonly Source[],
  ): string
}

/** What they take. */
export interface PersonalRooms {
  readonly host: Host
  readonly masterKey: string | undefined
  /** Those of the database; undefined when there is none. */
  readonly tokens: () => McpTokens | undefined
}

type Description = () => Promise<JsonObject | undefined>

/** Milliseconds for which a server is not asked again what it is. */
const DESCRIBED = 5 * 60_000
/** Tokens of identity providers that are remembered. */
const MOST_TOKENS = 10_000

/** Personal servers, of which there are none yet. */
export async function createPersonalServers({ host, masterKey, tokens }: PersonalRooms): Promise<PersonalServers> {
  const [library, { createSeal }] = await Promise.all([import('@tianjillm/mcp'), import('@tianjillm/store')])
  // Without a secret that processes have in common each has its own.
  const tickets = createTickets(createSeal(masterKey ?? randomBytes(32).toString('hex')), () => host.now())
  const grants = createGrants(tokens, library.createMemoryGrants())
  const signIns = new WeakMap<Upstream, { readonly signIn: SignIn; readonly key: string }>()
  const byHeaders = new WeakMap<Upstream, KnownByHeaders>()
  const descriptions = new WeakMap<Upstream, Description>()
  const subjects = new Map<string, string>()
  const brought = createBrought()

  const usersOf = createUsers({ library, host, tickets, grants, brought, tokenOfUser: (owner) => subjects.get(owner) })

  return {
    tickets,
    create(settings, its) {
      const { name, transport, personal } = settings
      const users = usersOf(settings, its)
      if (users === undefined)
        throw new GatewayError('misconfigured', `The MCP server ${name} cannot tell its users apart.`)
      const upstream = library.createPersonalUpstream(settings, its, users)
      if (personal?.type === 'authorization_code' && 'url' in transport) {
        const server = { name, url: transport.url! }
        const signIn = library.createSignIn(server, personal, { grants, host: its })
        signIns.set(upstream, { signIn, key: library.keyOfServer(server) })
      }
      if (personal?.type === 'passthrough' || personal?.type === 'header_variables') byHeaders.set(upstream, personal)
      if (personal?.type === 'passthrough' && 'url' in transport)
        descriptions.set(
          upstream,
          keptFor(DESCRIBED, host, () => library.describeServer({ name, url: transport.url! }, its)),
        )
      return upstream
    },
    signInAt: (upstream) => signIns.get(upstream)?.signIn,
    async signedInAt(upstream, owner) {
      const at = signIns.get(upstream)
      return at && (await grants.find(at.key, owner))?.signedInAt
    },
    knownByHeaders: (upstream) => byHeaders.get(upstream),
    describe: async (upstream) => descriptions.get(upstream)?.(),
    arrive(owner, arrival, sources) {
      if (arrival.userToken !== undefined) putLatest(subjects, owner, arrival.userToken, MOST_TOKENS)
      const wanting = sources.flatMap((source) => {
        const wants = byHeaders.get(source.upstream)
        return wants === undefined ? [] : [{ source, wants }]
      })
      return brought.notice(owner, arrival, wanting)
    },
  }
}

/** The same answer to all who ask within this time; a failure is for those alone who waited for it. */
function keptFor(time: number, { now }: Pick<Host, 'now'>, ask: Description): Description {
  let last: { readonly answer: ReturnType<Description>; readonly at: number } | undefined
  return () => {
    if (last !== undefined && now() - last.at < time) return last.answer
    const answer = ask()
    last = { answer, at: now() }
    answer.catch(() => {
      if (last?.answer === answer) last = undefined
    })
    return answer
  }
}
