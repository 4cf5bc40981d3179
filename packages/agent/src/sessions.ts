import type { ChatMessage, GatewayError } from '@tianjillm/core'
import type { SessionOptions } from './agent.ts'
import type { AgentLimits } from './agent-limits.ts'
import { pruned } from './conversation.ts'
import { agentError } from './error-codes.ts'
import type { AgentHost } from './host.ts'
import type { Session, SessionStore } from './session.ts'

/** Keeps what was said in a session. What cannot be kept is logged: the answer is there all the same. */
export type KeepSaid = (session: Session, said: readonly ChatMessage[]) => Promise<void>

/** Sessions as queries have them. */
export interface Sessions {
  /** One that is in no store. Throws `INVALID_QUERY` for what it cannot have. */
  blank(options: SessionOptions): Session
  /** Rejects with `SESSION_NOT_FOUND` for one that is not there, not the owner's, or was left alone for too long. */
  find(owner: string, id: string): Promise<Session>
  /** For one that is in no store. */
  readonly begin: KeepSaid
  /** For one that is in the store, and that others may have gone on with. */
  readonly append: KeepSaid
}

/** What sessions are kept with. */
export interface SessionsSettings {
  readonly store: SessionStore
  readonly limits: AgentLimits
  readonly host: Pick<AgentHost, 'log' | 'now' | 'uuid'>
}

/** Messages that a session may keep. */
const MOST_MESSAGES = 100
/** Times that a session is saved on which others go on at the same time. */
const TRIES = 10

/** The sessions in a store. */
export function createSessions({ store, limits, host }: SessionsSettings): Sessions {
  const find = async (owner: string, id: string) => {
    const session = await store.find(owner, id)
    if (session === undefined || host.now() - session.updatedAt > limits.sessionIdle) throw unknown(id)
    return session
  }

  const grown = (session: Session, said: readonly ChatMessage[]): Session => ({
    ...session,
    messages: pruned([...session.messages, ...said], { messages: session.maxMessages, length: limits.sessionLength }),
    updatedAt: host.now(),
  })

  const logged = (keep: KeepSaid): KeepSaid => {
    return async (session, said) => {
      try {
        await keep(session, said)
      } catch (error) {
        host.log.error('What was said in a session could not be kept.', { session: session.id, error })
      }
    }
  }

  return {
    blank({ owner = '', maxMessages = limits.maxMessages, context = {}, providerPreference }) {
      if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > MOST_MESSAGES)
        throw invalid(`max_messages must be a whole number from 1 to ${MOST_MESSAGES}.`, 'max_messages')
      if (JSON.stringify(context).length > limits.contextLength)
        throw invalid(`The context must have at most ${limits.contextLength} characters of JSON.`, 'context')
      const at = host.now()
      return {
        ...{ id: host.uuid(), owner, createdAt: at, updatedAt: at, messages: [] },
        ...{ context, providerPreference, maxMessages, version: 1 },
      }
    },
    find,
    begin: logged(async (session, said) => store.create(grown(session, said))),
    append: logged(async (session, said) => {
      let current = session
      for (let tries = 0; tries < TRIES; tries++) {
        if (await store.save(grown(current, said))) return
        current = await find(session.owner, session.id)
      }
      throw new Error('Too many others go on with it.')
    }),
  }
}

function invalid(message: string, param: string): GatewayError {
  return agentError('invalid_request', 'INVALID_QUERY', message, { param })
}

function unknown(id: string): GatewayError {
  const message = `There is no session "${id.slice(0, 100)}", or no longer. Begin another.`
  return agentError('not_found', 'SESSION_NOT_FOUND', message, { param: 'session_id' })
}
