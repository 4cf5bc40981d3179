import { Agent, request } from 'node:http'
import type { Outcome } from './behaviours.ts'
import type { PlannedCall } from './calls.ts'

/** Milliseconds after which a client goes away: more than two vendors need to time out. */
const PATIENCE = 12_000

/** What a client got of a call. */
export interface Seen {
  readonly outcome: Outcome
  /** Whether the head of an answer came. */
  readonly isAnswered: boolean
}

/** The connections that clients keep. */
export function createConnections(): Agent {
  return new Agent({ keepAlive: true })
}

/** Makes one call and reads its answer, as far as it is planned. Never rejects. */
export function ask(url: string, id: string, call: PlannedCall, connections: Agent): Promise<Seen> {
  return new Promise((resolve) => {
    const { path, headers, body, leaves, keepsAlive } = call
    let status: number | undefined
    const see = (outcome: Outcome) => {
      clearTimeout(timer)
      resolve({ outcome, isAnswered: status !== undefined })
    }
    const leave = () => {
      see('left')
      outgoing.destroy()
    }
    const timer = setTimeout(leave, leaves.afterTime ?? PATIENCE)
    const failed = (error: NodeJS.ErrnoException) => see(`no answer (${error.code ?? error.message})`)
    const agent = keepsAlive ? connections : false
    const outgoing = request(url + path, { method: 'POST', headers, agent }, (response) => {
      status = response.statusCode!
      let text = ''
      let pieces = 0
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (++pieces === leaves.afterPieces) leave()
      })
      response.on('error', failed)
      response.on('end', () => {
        const isOther = !call.isRefused && response.headers['x-request-id'] !== id
        see(isOther ? 'answer to another call' : outcomeOf(response.statusCode!, text, call.isStream))
      })
    })
    outgoing.on('error', failed)
    outgoing.end(body)
  })
}

function outcomeOf(status: number, text: string, isStream: boolean): Outcome {
  if (status === 200 && isStream) return text.endsWith('data: [DONE]\n\n') ? 'ok' : endOf(text)
  try {
    const answer = JSON.parse(text)
    return status === 200 && !answer.error ? 'ok' : `${status} ${answer.error.code}`
  } catch {
    return `${status} without JSON`
  }
}

/** A stream that breaks off says so in its last event. */
function endOf(text: string): Outcome {
  return /\ndata: \{"error":.+\}\n\n$/.test(text) ? 'broken' : 'stream without end'
}
