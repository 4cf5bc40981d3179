import { type Agent, createAgent, createMemorySessions, type SessionStore } from '@tianjillm/agent'
import { GatewayError, type Log } from '@tianjillm/core'
import type { Sessions } from '@tianjillm/tenancy'
import { withoutSecrets } from '../mcp/argument-secrets.ts'
import { version } from '../version.ts'
import { spanExporter } from './export-spans.ts'
import type { AgentOffer } from './offer.ts'

/** Characters of a token, about. */
const LENGTH_OF_TOKEN = 4
const HOUR = 3_600_000

/** The agent of an offer. Whom it asks, and with which tools, comes with each query. */
export function openAgent(offer: AgentOffer): Promise<Agent> {
  const { settings, engine, desk, storedSessions } = offer
  const { transports, maxTurns, maxResultTokens, queryTimeout, toolTimeout, sessionIdle } = settings
  const { log } = engine.host
  const idle = sessionIdle * 1000
  desk.memory ??= storedSessions === undefined ? memoryFor(idle) : undefined
  return createAgent({
    providers: [],
    store: storedSessions === undefined ? desk.memory : sessionsIn(storedSessions, log),
    limits: {
      turns: maxTurns,
      resultLength: maxResultTokens * LENGTH_OF_TOKEN,
      queryTime: queryTimeout * 1000,
      callTime: toolTimeout * 1000,
      sessionIdle: idle,
    },
    ...{ transports, log, trace: spanExporter(engine.host, version) },
    redact: (input, { inputSchema }) => withoutSecrets(input, inputSchema, (text) => engine.redact(text)),
  })
}

/** Made apart, for it outlives the configuration that it began with. */
function memoryFor(idle: number): SessionStore {
  return createMemorySessions({ now: () => Date.now(), idle })
}

/** Sessions of a database, in which those that nobody uses are forgotten every hour that others are begun. */
function sessionsIn(sessions: Sessions, log: Log): SessionStore {
  let prunedAt = Number.NEGATIVE_INFINITY
  const prune = () => {
    if (performance.now() - prunedAt < HOUR) return
    prunedAt = performance.now()
    sessions.prune().catch(() => log.warn('Old sessions of the agent could not be forgotten.'))
  }
  return {
    async create(session) {
      await answered(sessions.create(session))
      prune()
    },
    find: (owner, id) => answered(sessions.find(owner, id)),
    save: (session) => answered(sessions.save(session)),
    delete: (owner, id) => answered(sessions.delete(owner, id)),
  }
}

function answered<Found>(found: Promise<Found>): Promise<Found> {
  return found.catch((cause: unknown) => {
    const message = 'The gateway cannot reach its database, where sessions are. Try again in a few seconds.'
    throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
  })
}
