import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Peer } from '../../upstream.ts'
import { isSignInNeeded } from './sign-in-needed.ts'

/** Somebody who has to sign in before their request can be made. */
export interface SignInRequest {
  readonly server: string
  readonly peer: Peer
  /** Where they do so; undefined: nowhere. */
  readonly link: string | undefined
  readonly otherwise: string
  readonly signal: AbortSignal | undefined
  /** How it is known that they have to. */
  readonly error: GatewayError
  /** Whether this request may be answered by a question, and they have not been asked yet. */
  readonly mayAsk: boolean
  /** Makes the request again. */
  again(): Promise<JsonObject>
}

/** Milliseconds that somebody has to sign in while their request waits, and between two looks whether they have. */
const PATIENCE = 120_000
const LOOK = 1_000

/** The name of our question among those that a client of the newer protocol is asked. */
const QUESTION = 'tianjillm/sign-in'

/**
 * Has the client show its user the link, if it can; then the request is made once they are back. Else rejects with
 * GatewayError `permission_denied`, whose message has the link.
 * https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation
 */
export async function askToSignIn(request: SignInRequest): Promise<JsonObject> {
  const { server, peer, link, signal, mayAsk } = request
  if (link !== undefined && mayAsk && takesUrls(peer)) {
    const message = `Sign in to use the MCP server ${server}.`
    const params = { mode: 'url', message, url: link, elicitationId: randomUUID() }
    // A client of the newer protocol comes back by itself.
    if (peer.request === undefined)
      return {
        resultType: 'input_required',
        inputRequests: { [QUESTION]: { method: 'elicitation/create', params } },
      }
    const { action } = await peer.request('elicitation/create', params, signal ?? new AbortController().signal)
    if (action === 'accept') return await whenSignedIn(request)
  }
  throw refusal(request)
}

/** Whether the user was asked before this request. */
export function isRetry({ inputResponses }: JsonObject): boolean {
  return isJsonObject(inputResponses) && Object.hasOwn(inputResponses, QUESTION)
}

/** The request without the answer to our question, of which the server knows nothing. */
export function withoutRetry(params: JsonObject): JsonObject {
  if (!isRetry(params)) return params
  const { inputResponses, ...rest } = params
  const { [QUESTION]: _ours, ...others } = inputResponses as JsonObject
  return Object.keys(others).length === 0 ? rest : { ...rest, inputResponses: others }
}

function takesUrls({ capabilities: { elicitation } }: Peer): boolean {
  return isJsonObject(elicitation) && elicitation.url !== undefined
}

async function whenSignedIn(request: SignInRequest): Promise<JsonObject> {
  const { signal, again } = request
  for (let waited = 0; waited < PATIENCE; waited += LOOK) {
    try {
      return await again()
    } catch (error) {
      if (!isSignInNeeded(error)) throw error
    }
    await pause(LOOK, undefined, signal && { signal })
  }
  throw refusal(request)
}

function refusal({ server, link, otherwise, error }: SignInRequest): GatewayError {
  const how = link === undefined ? otherwise : `sign in at ${link}`
  const { details } = error.facts
  return new GatewayError('permission_denied', `To use the MCP server ${server}, ${how} and call the tool again.`, {
    ...error.facts,
    details: { ...details, ...(link !== undefined && { url: link }) },
  })
}
