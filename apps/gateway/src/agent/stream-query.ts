import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { EventStream } from '../http/event-stream.ts'
import { drained } from '../http/respond.ts'
import { askAgent, type VisitorQuery } from './ask.ts'
import type { AgentRequest } from './serve.ts'
import { agentErrorBody, answerBody, eventBody } from './wire.ts'

/** Milliseconds without an event after which a comment is sent, so that nobody on the way takes the connection for dead. */
const QUIET = 15_000

const COMMENT = Buffer.from(': still working\n\n')

/**
 * Answers a query as a stream of events, the last of which is `done` or `error`. It begins with the first thing that
 * happens: what goes wrong before is an answer like any other, and rejects.
 */
export async function streamQuery(request: AgentRequest, query: VisitorQuery): Promise<Response> {
  const { offer, visitor, context, id, headers, fail } = request
  const { outgoing } = context.env
  let events: EventStream | undefined
  const stream = () => {
    events ??= new EventStream(outgoing, Object.entries(headers).flat())
    return events
  }
  const send = async (name: string, data: object) => {
    beat.refresh()
    // What is under way for it is being ended.
    if (outgoing.destroyed) return
    if (!stream().write(eventOf(name, data))) await drained(outgoing)
  }
  const beat = setInterval(() => outgoing.destroyed || stream().write(COMMENT), QUIET)
  try {
    const answer = await askAgent(visitor, offer, { ...query, onEvent: (event) => send(...eventBody(event)) })
    await send('done', answerBody(answer))
    if (!outgoing.destroyed) stream().end()
  } catch (cause) {
    if (events === undefined) throw cause
    const error = fail(cause)
    if (!outgoing.destroyed) events.end(eventOf('error', agentErrorBody(error, id)))
  } finally {
    clearInterval(beat)
  }
  return RESPONSE_ALREADY_SENT
}

function eventOf(name: string, data: object): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}
