import { type Awaitable, GatewayError, type Host, type JsonObject } from '@tianjillm/core'
import type { McpServerSettings } from '../../settings.ts'
import type { Conversation, Health, Offer, Peer, RequestOptions, Upstream } from '../../upstream.ts'
import { createUpstream } from '../create.ts'
import type { TokenSource } from '../token-source.ts'
import { askToSignIn, isRetry, withoutRetry } from './ask-to-sign-in.ts'
import { isSignInNeeded, signInNeeded } from './sign-in-needed.ts'

/** Those who use a personal server. */
export interface PersonalUsers {
  /** Who this caller is to the server; undefined: nobody who could sign in. */
  ownerOf(caller: unknown): string | undefined
  /** Their tokens; undefined as long as they have none. `onEnd` is for when they have others, or none any more. */
  tokensOf(owner: string, onEnd: () => void): Awaitable<TokenSource | undefined>
  /** Where this caller signs in, with this scope if it is known; undefined when there is no such place. */
  linkFor(caller: unknown, scope: string | undefined): string | undefined
  /** What they can do when there is none: `sign in at …`. */
  readonly otherwise: string
}

/** How many users a server is kept connected for, and for how many milliseconds without a request. */
const MOST = 1_000
const IDLE = 60 * 60_000
/** Milliseconds for those who still wait for an answer. */
const FAREWELL = 60_000

/** Offered to those who have not signed in: a client shows its user nothing of a server that has no tools. */
const SIGN_IN = 'sign_in'

interface Entry {
  readonly upstream: Upstream
  /** As the catalog sees it. */
  readonly shown: Upstream
  readonly timer: NodeJS.Timeout
}

/**
 * A server that is another for each of its users: everybody has connections, lists and tokens of their own, and who has
 * some finds them in `personal`. To all others it offers a tool `sign_in`; that, and a call of any other, tells where to.
 */
export function createPersonalUpstream(
  settings: McpServerSettings,
  host: Pick<Host, 'now' | 'log' | 'fetch'>,
  users: PersonalUsers,
): Upstream {
  const { name } = settings
  // The least recently used ones come first.
  const entries = new Map<string, Entry>()
  const opening = new Map<string, Promise<Entry | undefined>>()
  const leaving = new Set<Upstream>()
  const listeners = new Set<() => void>()
  let isStopped = false
  let health: Health = {
    ...{ status: 'connecting', failure: undefined, healthyAt: undefined, failedAt: undefined, restarts: 0 },
  }

  const offer = offerToOthers(name)

  const changed = () => {
    for (const listener of [...listeners]) listener()
  }

  const drop = (owner: string) => {
    const entry = entries.get(owner)
    if (entry === undefined) return
    entries.delete(owner)
    clearTimeout(entry.timer)
    const { upstream } = entry
    leaving.add(upstream)
    const leave = () => upstream.close().finally(() => leaving.delete(upstream))
    setTimeout(() => void leave(), FAREWELL).unref()
  }

  const touch = (owner: string): Entry | undefined => {
    const entry = entries.get(owner)
    if (entry === undefined) return undefined
    entries.delete(owner)
    entries.set(owner, entry)
    entry.timer.refresh()
    return entry
  }

  const renew = (owner: string) => {
    drop(owner)
    changed()
  }

  async function begin(owner: string): Promise<Entry | undefined> {
    const tokens = await users.tokensOf(owner, () => renew(owner))
    if (tokens === undefined || isStopped) return undefined
    const [oldest] = entries.keys()
    if (entries.size >= MOST && oldest !== undefined) drop(oldest)
    const upstream = createUpstream(settingsWith(tokens, settings), host)
    upstream.onChange(() => {
      if (upstream.health.status !== 'stopped') health = upstream.health
    })
    const timer = setTimeout(() => drop(owner), IDLE).unref()
    const entry = { upstream, shown: shownAs(upstream, async (peer) => converse(peer)), timer }
    entries.set(owner, entry)
    changed()
    return entry
  }

  const find = async (owner: string): Promise<Entry | undefined> => {
    const known = touch(owner)
    if (known !== undefined || isStopped) return known
    const begun = opening.get(owner) ?? begin(owner).finally(() => opening.delete(owner))
    opening.set(owner, begun)
    return begun
  }

  /** Whose request it is decides whose connection it takes. `isOwn`: whether this tool is one of ours. */
  function converse(peer: Peer, isOwn: (method: string, params: JsonObject) => boolean = () => false): Conversation {
    const conversations = new Map<Upstream, Promise<Conversation>>()
    const talk = async (method: string, params: JsonObject, options: RequestOptions) => {
      const owner = users.ownerOf(options.caller)
      const entry = owner === undefined ? undefined : await find(owner)
      if (entry === undefined) throw signInNeeded(name)
      if (isOwn(method, params)) return { content: [{ type: 'text', text: `Signed in to ${name}.` }] }
      const { upstream } = entry
      const conversation = conversations.get(upstream) ?? upstream.open(peer)
      conversations.set(upstream, conversation)
      return (await conversation).request(method, withoutRetry(params), options)
    }
    return {
      async request(method, params, options = {}) {
        try {
          return await talk(method, params, options)
        } catch (error) {
          if (!isSignInNeeded(error)) throw error
          const link = users.linkFor(options.caller, error.facts.details?.scope as string | undefined)
          return askToSignIn({
            ...{ server: name, peer, link, otherwise: users.otherwise, signal: options.signal, error },
            mayAsk: method === 'tools/call' && !isRetry(params),
            again: () => talk(method, params, options),
          })
        }
      },
      async close() {
        const all = [...conversations.values()]
        conversations.clear()
        await Promise.all(all.map((opened) => opened.then((one) => one.close()).catch(() => {})))
      },
    }
  }

  return {
    name,
    get health() {
      return isStopped ? { ...health, status: 'stopped' as const } : health
    },
    known: offer,
    offer: async () => offer,
    open: async (peer) => converse(peer, (method, params) => method === 'tools/call' && params.name === SIGN_IN),
    personal: {
      of: (owner) => touch(owner)?.shown,
      find: async (owner) => (await find(owner))?.shown,
      renew,
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async close() {
      isStopped = true
      const all = [...entries.values()]
      entries.clear()
      for (const { timer } of all) clearTimeout(timer)
      await Promise.all([...all.map(({ upstream }) => upstream), ...leaving].map((upstream) => upstream.close()))
    },
  }
}

function offerToOthers(server: string): Offer {
  const description = `Tells where to sign in to ${server}, which is needed before its other tools can be used.`
  return Object.freeze({
    tools: [{ name: SIGN_IN, description, inputSchema: { type: 'object', properties: {} } }],
    ...{ prompts: [], resources: [], resourceTemplates: [], capabilities: { tools: {} }, instructions: undefined },
  })
}

function settingsWith(tokens: TokenSource, { transport, personal: _personal, ...rest }: McpServerSettings) {
  if (transport.type === 'stdio' || transport.type === 'openapi')
    throw new GatewayError(
      'misconfigured',
      'Only a server over HTTP that speaks the protocol can tell its users apart.',
    )
  return { ...rest, transport: { ...transport, auth: { type: 'tokens', tokens } } } satisfies McpServerSettings
}

/** One user's server, whose requests go the way of all. */
function shownAs(upstream: Upstream, open: Upstream['open']): Upstream {
  return {
    name: upstream.name,
    get health() {
      return upstream.health
    },
    get known() {
      return upstream.known
    },
    offer: () => upstream.offer(),
    open,
    onChange: (listener) => upstream.onChange(listener),
    close: () => upstream.close(),
  }
}
