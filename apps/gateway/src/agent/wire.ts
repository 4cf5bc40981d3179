import {
  type AgentAnswer,
  type AgentEvent,
  type AgentTool,
  agentErrorCode,
  type Session,
  type ToolInvocation,
} from '@tianjillm/agent'
import type { GatewayError, JsonObject } from '@tianjillm/core'

/** An answer as clients get it. */
export function answerBody({ id, sessionId, content, toolCalls, attempts, ...rest }: AgentAnswer): JsonObject {
  return {
    id,
    query_id: id,
    session_id: sessionId,
    content,
    tool_calls: toolCalls.map(callBody),
    provider_used: rest.providerUsed,
    model: rest.model,
    usage: rest.usage,
    ...(attempts.length > 1 && {
      attempts: attempts.map(({ durationMs: duration_ms, ...attempt }) => ({ ...attempt, duration_ms })),
    }),
    timestamp: timeText(rest.timestamp),
    duration_ms: rounded(rest.durationMs),
  }
}

/** A name and the data of an event of a stream. */
export function eventBody(event: AgentEvent): readonly [name: string, data: JsonObject] {
  switch (event.type) {
    case 'tool_call': {
      const { type, turn, id, toolName: tool_name, server = null, arguments: given = null } = event
      return [type, { turn, id, tool_name, server, arguments: given }]
    }
    case 'tool_result':
      return [event.type, { turn: event.turn, ...callBody(event) }]
    default: {
      const { type, ...data } = event
      return [type, data]
    }
  }
}

/** A session as its owner gets it. */
export function sessionBody(session: Session): JsonObject {
  const { id, createdAt, updatedAt, messages, context, providerPreference = null, maxMessages } = session
  return {
    ...{ id, created_at: timeText(createdAt), updated_at: timeText(updatedAt), messages, context },
    ...{ provider_preference: providerPreference, max_messages: maxMessages },
  }
}

/** Tools as a client gets them. */
export function toolsBody(tools: readonly AgentTool[]): JsonObject {
  return {
    tools: tools.map(({ name, description = '', inputSchema: input_schema, server, transport }) => ({
      ...{ name, description, input_schema, server, transport },
    })),
    count: tools.length,
    transport_types: [...new Set(tools.map(({ transport }) => transport))].toSorted(),
  }
}

/** What went wrong. */
export function agentErrorBody(error: GatewayError, requestId: string): JsonObject {
  const { param, details } = error.facts
  const all = { ...(param !== undefined && param !== '' && { param }), ...details }
  return {
    error: agentErrorCode(error),
    message: error.message,
    ...(Object.keys(all).length > 0 && { details: all }),
    request_id: requestId,
    timestamp: timeText(Date.now()),
  }
}

function callBody({ id, toolName, server, arguments: given, result, error, durationMs }: ToolInvocation): JsonObject {
  return {
    ...{ id, tool_name: toolName, server: server ?? null, arguments: given ?? null },
    ...{ result, error: error ?? null, duration_ms: rounded(durationMs) },
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}

function timeText(time: number): string {
  return new Date(time).toISOString()
}
