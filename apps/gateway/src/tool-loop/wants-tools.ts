import type { IncomingMessage } from 'node:http'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Answer, Asked, CallRecord, LiveCall } from '@tianjillm/engine'
import type { Identity } from '../admission/identity.ts'
import type { Gateway } from '../gateway.ts'
import type { CallRoute } from '../http/call-route.ts'

/** Whether a chat asks for tools that the gateway runs for it; all that a request without any costs. */
export function wantsTools({ engine, interception }: Gateway, { operation }: CallRoute, input: JsonObject): boolean {
  if (operation !== 'chat') return false
  const { tools } = input
  if (Array.isArray(tools)) for (const tool of tools) if (isJsonObject(tool) && tool.type === 'mcp') return true
  return interception?.concerns(engine, input) === true
}

/** A chat that was let in and has not been sent. Its first turn is this very call; all others are put down to it. */
export interface FirstCall {
  readonly gateway: Gateway
  readonly identity: Identity
  readonly call: LiveCall
  readonly asked: Asked
  readonly record: CallRecord
  /** As the client sent it. */
  readonly incoming: IncomingMessage
}

/** The answer to it; what it takes to run tools is loaded when the first one comes. */
export async function runWithTools(first: FirstCall): Promise<Answer> {
  const { answerWithTools } = await import('./answer.ts')
  return answerWithTools(first)
}
