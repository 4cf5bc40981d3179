import { type Awaitable, type Host, isGatewayError, type JsonObject } from '@tianjillm/core'
import type { McpServerSettings, ProtocolTransport } from '../settings.ts'
import type { Conversation, Health, Offer, Peer, RequestOptions, Upstream } from '../upstream.ts'
import { createUpstream } from './create.ts'
import { askToSignIn, isRetry, withoutRetry } from './oauth/ask-to-sign-in.ts'
import { isSignInNeeded, signInNeeded } from './oauth/sign-in-needed.ts'

/** Those who use a personal server. */
export interface PersonalUsers {
  /** Whose request this is; undefined: of nobody who could have a server of their own. */
  ownerOf(caller: unknown): string | undefined
  /** As whom the server knows this owner: those who are the same to it share connections. Undefined: it does not. */
  knownAs(owner: string): string | undefined
  /** How it is reached for them; undefined as long as it cannot be. `onEnd` is for when it is otherwise, or not at all. */
  reach(owner: string, onEnd: () => void): Awaitable<ProtocolTransport | undefined>
  /** Whether the server judges whoever comes, so that only those count as its users whom it has let in. */
  readonly areJudged: boolean
  /** Where this caller signs in, with this scope if it is known; undefined when there is no such place. */
  linkFor(caller: unknown, scope: string | undefined): string | undefined
  /** What they can do when there is none: `sign in at …`. */
  readonly otherwise: string
}

/** How many users a server is kept connected for, or how many have a process, and for how many milliseconds without a request. */
const CONNECTED = { most: 1_000, idle: 60 * 60_000 }
const RUNNING = { most: 32, idle: 15 * 60_000 }
/** Milliseconds for those who still wait for an answer, and how many servers wait for them at once. */
const FAREWELL = { time: 60_000, most: 100 }

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
  const { most, idle } = settings.transport.type === 'stdio' ? RUNNING : CONNECTED
  // By what they are known as; the least recently used ones come first.
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

  const drop = (known: string) => {
    const entry = entries.get(known)
    if (entry === undefined) return
    entries.delete(known)
    clearTimeout(entry.timer)
    const { upstream } = entry
    const patience = leaving.size < FAREWELL.most ? FAREWELL.time : 0
    leaving.add(upstream)
    const leave = () => upstream.close().finally(() => leaving.delete(upstream))
    setTimeout(() => void leave(), patience).unref()
  }

  const touch = (known: string | undefined): Entry | undefined => {
    const entry = known === undefined ? undefined : entries.get(known)
    if (known === undefined || entry === undefined) return undefined
    entries.delete(known)
    entries.set(known, entry)
    entry.timer.refresh()
    return entry
  }

  const renew = (known: string | undefined) => {
    if (known !== undefined) drop(known)
    changed()
  }

  const noteHealth = (upstream: Upstream) => {
    if (upstream.health.status !== 'stopped') health = upstream.health
  }

  /** Whether the server takes them; whoever is refused changes nothing for others. Rejects with GatewayError when it does not say. */
  async function isLetIn(upstream: Upstream): Promise<boolean> {
    try {
      await upstream.offer()
      noteHealth(upstream)
      return true
    } catch (error) {
      if (!isRefusal(error)) noteHealth(upstream)
      await upstream.close()
      if (isRefusal(error)) return false
      throw error
    }
  }

  async function begin(owner: string, known: string): Promise<Entry | undefined> {
    const transport = await users.reach(owner, () => {
      if (entries.has(known)) renew(known)
    })
    if (transport === undefined || isStopped) return undefined
    const { personal: _personal, ...own } = settings
    const upstream = createUpstream({ ...own, transport }, host)
    if (users.areJudged && !(await isLetIn(upstream))) return undefined
    if (isStopped) {
      await upstream.close()
      return undefined
    }
    upstream.onChange(() => noteHealth(upstream))
    const [oldest] = entries.keys()
    if (entries.size >= most && oldest !== undefined) drop(oldest)
    const timer = setTimeout(() => drop(known), idle).unref()
    const entry = { upstream, shown: shownAs(upstream, async (peer) => converse(peer)), timer }
    entries.set(known, entry)
    changed()
    return entry
  }

  const find = async (owner: string): Promise<Entry | undefined> => {
    const known = users.knownAs(owner)
    const entry = touch(known)
    if (entry !== undefined || known === undefined || isStopped) return entry
    const begun = opening.get(known) ?? begin(owner, known).finally(() => opening.delete(known))
    opening.set(known, begun)
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
      of: (owner) => touch(users.knownAs(owner))?.shown,
      find: async (owner) => (await find(owner))?.shown,
      renew: (owner) => renew(users.knownAs(owner)),
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

/** Whether what a server does not offer it withholds. */
function isRefusal(error: unknown): boolean {
  if (!isGatewayError(error)) return false
  const { upstreamStatus: status, cause } = error.facts
  return isSignInNeeded(error) || status === 401 || status === 403 || isRefusal(cause)
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
