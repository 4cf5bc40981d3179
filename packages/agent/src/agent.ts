import type { JsonObject } from '@tianjillm/core'
import { type AgentLimits, limitsOf } from './agent-limits.ts'
import type { AgentAnswer, HearEvent } from './answer.ts'
import { answerQuery } from './answer-query.ts'
import { agentError } from './error-codes.ts'
import { type AgentHost, ownHost } from './host.ts'
import type { AgentServer } from './mcp-servers.ts'
import { createMemorySessions } from './memory-sessions.ts'
import type { AgentProvider } from './provider.ts'
import { createQueue } from './queue.ts'
import { readQuery } from './read-query.ts'
import { withoutSecrets } from './redact-arguments.ts'
import type { Session, SessionStore } from './session.ts'
import { createSessions } from './sessions.ts'
import type { AgentTool, AgentTools, AgentTransport, ToolSelection } from './tools.ts'
import type { HearSpans } from './trace.ts'
import { transportsOf } from './transports.ts'
import { withDeadline } from './unless-aborted.ts'

/** What an agent is made of. */
export interface AgentSettings extends Partial<AgentHost> {
  /** Asked in this order, after the one that a query wants. */
  readonly providers: readonly AgentProvider[]
  /** Where tools are: MCP servers, which are connected when they are first needed, or something that knows tools. Default: none. */
  readonly mcp?: AgentTools | readonly AgentServer[] | undefined
  /** Default: memory, of 10,000 sessions at most. */
  readonly store?: SessionStore | undefined
  readonly limits?: Partial<AgentLimits> | undefined
  /** Ways to MCP servers that may be used; those that are not named may. */
  readonly transports?: Readonly<Partial<Record<AgentTransport, boolean>>> | undefined
  /** The arguments of a call as the log may have them. Default: without those whose names sound like secrets. */
  readonly redact?: ((input: JsonObject, tool: AgentTool) => JsonObject) | undefined
  /** Hears of each query when it is over, failed or not. */
  readonly trace?: HearSpans | undefined
}

/** What may come with a query. */
export interface QueryOptions {
  /** Goes on with this session. Default: a new one. */
  readonly sessionId?: string | undefined
  /** Whose session it is. Default: everybody's who says nothing. */
  readonly owner?: string | undefined
  /** Who is asked first. Default: whom the session prefers, else the first. */
  readonly provider?: string | undefined
  /** Another model of that provider. */
  readonly model?: string | undefined
  /** Tools of servers reached this way only. */
  readonly transport?: AgentTransport | undefined
  /** Ends it at once. */
  readonly signal?: AbortSignal | undefined
  /** Hears what happens; models stream for it. */
  readonly onEvent?: HearEvent | undefined
  /** For this query, in place of the agent's. */
  readonly providers?: readonly AgentProvider[] | undefined
  readonly tools?: AgentTools | undefined
}

/** What a session is begun with. */
export interface SessionOptions {
  readonly owner?: string | undefined
  readonly providerPreference?: string | undefined
  /** 1 to 100; default that of the limits. */
  readonly maxMessages?: number | undefined
  readonly context?: JsonObject | undefined
  /** Those whom it may prefer, in place of the agent's. */
  readonly providers?: readonly AgentProvider[] | undefined
}

/** Answers queries by models that use tools. What is rejected is a GatewayError; `agentErrorCode` has the agent's word for it. */
export interface Agent {
  query(text: string, options?: QueryOptions): Promise<AgentAnswer>
  tools(selection?: ToolSelection, signal?: AbortSignal): Promise<readonly AgentTool[]>
  createSession(options?: SessionOptions): Promise<Session>
  /** Rejects with `SESSION_NOT_FOUND` when there is none of this owner's. */
  session(owner: string, id: string): Promise<Session>
  /** Rejects likewise. */
  deleteSession(owner: string, id: string): Promise<void>
  /** Ends its MCP servers. */
  close(): Promise<void>
}

/** An agent. Nothing is asked, connected or started before the first query. Rejects when two providers have one name. */
export async function createAgent(settings: AgentSettings): Promise<Agent> {
  const { mcp, trace, redact = withoutSecrets } = settings
  demandDistinct(settings.providers)
  const limits = limitsOf(settings.limits)
  const host = { ...ownHost(), ...settings }
  const store = settings.store ?? createMemorySessions({ now: host.now, idle: limits.sessionIdle })
  const sessions = createSessions({ store, limits, host })
  const allTools = await toolsOf(mcp, host)
  const transports = transportsOf(settings.transports)
  const queue = createQueue()
  const setting = { limits, host, trace, redact }

  return {
    async query(text, { owner = '', sessionId, signal, tools = allTools, ...options } = {}) {
      const content = readQuery(text, limits.queryLength)
      transports.demand(options.transport)
      const { providers = settings.providers } = options
      if (options.provider !== undefined) demandKnown(options.provider, providers)
      const asked = { ...options, content, providers, tools: transports.narrow(tools) }
      return withDeadline(limits.queryTime, signal, (until) => {
        if (sessionId === undefined) {
          const session = sessions.blank({ owner })
          return answerQuery({ ...asked, session, keep: sessions.begin }, setting, until)
        }
        return queue.enter(`${sessionId} ${owner}`, until, async () => {
          const session = await sessions.find(owner, sessionId)
          return answerQuery({ ...asked, session, keep: sessions.append }, setting, until)
        })
      })
    },
    async tools(selection = {}, signal) {
      transports.demand(selection.transport)
      return transports.narrow(allTools).list(selection, signal)
    },
    async createSession(options = {}) {
      const { providerPreference, providers = settings.providers } = options
      if (providerPreference !== undefined) demandKnown(providerPreference, providers)
      const session = sessions.blank(options)
      await store.create(session)
      return session
    },
    session: sessions.find,
    async deleteSession(owner, id) {
      await sessions.find(owner, id)
      await store.delete(owner, id)
    },
    close: async () => allTools.close?.(),
  }
}

const noTools: AgentTools = {
  list: async () => [],
  call: async (name) => {
    throw agentError('not_found', 'TOOL_NOT_FOUND', `There is no tool "${name}".`)
  },
}

/** What it takes to talk to servers is loaded for those who have some. */
async function toolsOf(mcp: AgentSettings['mcp'], host: AgentHost): Promise<AgentTools> {
  if (mcp === undefined) return noTools
  if ('list' in mcp) return mcp
  const { createServerTools } = await import('./mcp-servers.ts')
  return createServerTools(mcp, host)
}

function demandDistinct(providers: readonly AgentProvider[]): void {
  const names = providers.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`Two providers are called ${twice}.`)
}

function demandKnown(name: string, providers: readonly AgentProvider[]): void {
  const names = providers.map((provider) => provider.name)
  if (names.includes(name)) return
  const known = names.length === 0 ? 'There is none.' : `There are: ${names.join(', ')}.`
  const message = `There is no provider "${String(name).slice(0, 100)}". ${known}`
  throw agentError('invalid_request', 'PROVIDER_UNAVAILABLE', message, { param: 'provider' })
}
