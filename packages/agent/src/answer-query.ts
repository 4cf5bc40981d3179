import { type ChatMessage, contentText, GatewayError, type JsonObject, tokenUsage } from '@tianjillm/core'
import type { AgentLimits } from './agent-limits.ts'
import type { AgentAnswer, HearEvent } from './answer.ts'
import { plainMessage } from './conversation.ts'
import { agentError } from './error-codes.ts'
import { createFailover } from './failover.ts'
import type { AgentHost } from './host.ts'
import { eventOf, invocationOf } from './invocation.ts'
import { notesOf } from './notes.ts'
import type { AgentProvider } from './provider.ts'
import type { Session } from './session.ts'
import type { KeepSaid } from './sessions.ts'
import { systemPrompt } from './system-prompt.ts'
import { type LoopEnd, type LoopOutcome, runToolLoop } from './tool-loop.ts'
import { toolkitOf } from './toolkit.ts'
import type { AgentTool, AgentTools, AgentTransport } from './tools.ts'
import { createTrace, type HearSpans, type Trace } from './trace.ts'

/** A query that may be asked. */
export interface Asked {
  readonly content: string
  readonly session: Session
  readonly keep: KeepSaid
  readonly providers: readonly AgentProvider[]
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly tools: AgentTools
  readonly transport?: AgentTransport | undefined
  readonly onEvent?: HearEvent | undefined
}

/** What all queries of an agent have in common. */
export interface Setting {
  readonly limits: AgentLimits
  readonly host: AgentHost
  readonly trace: HearSpans | undefined
  readonly redact: (input: JsonObject, tool: AgentTool) => JsonObject
}

/** A query that has begun. */
export interface Begun extends Asked {
  readonly id: string
  readonly begun: number
  readonly spans: Trace
}

/** Answers a query, and keeps what was said. Rejects with GatewayError; with `client_closed` when `onEvent` rejects. */
export async function answerQuery(asked: Asked, setting: Setting, until: AbortSignal): Promise<AgentAnswer> {
  const begun = setting.host.now()
  const query: Begun = { ...asked, id: setting.host.uuid(), begun, spans: createTrace() }
  try {
    const answer = await converse(query, setting, until)
    void handOn(query, setting, { answer })
    return answer
  } catch (error) {
    void handOn(query, setting, { error })
    throw error
  }
}

async function converse(query: Begun, setting: Setting, until: AbortSignal): Promise<AgentAnswer> {
  const { id, begun, session, spans, transport } = query
  const { limits, host } = setting
  const deaf = new AbortController()
  const signal = AbortSignal.any([until, deaf.signal])
  const onEvent = query.onEvent && hearing(query.onEvent, deaf)
  const providers = inOrder(query)
  const kit = await toolkitOf(query.tools, { transport }, { log: host.log, signal })
  const failover = createFailover({ providers, onEvent, spans, host, begun, time: limits.queryTime })
  const notes = notesOf(query, kit, setting)
  const question: ChatMessage = { role: 'user', content: query.content }
  const briefing = { hasTools: kit.tools.length > 0, unavailable: kit.unavailable, context: session.context }
  const outcome = await runToolLoop({
    messages: [systemPrompt(briefing), ...session.messages, question],
    tools: kit.tools,
    ask: failover.ask,
    callTool: kit.callTool,
    limits,
    signal,
    now: () => host.now(),
    onEvent: async (event) => {
      notes.hear(event)
      const told = eventOf(event, kit)
      if (told !== undefined) await onEvent?.(told)
    },
  }).finally(notes.end)
  const content = textOf(outcome)
  await query.keep(session, [question, ...outcome.said.map(plainMessage), { role: 'assistant', content }])
  const attempts = failover.attempts()
  const { provider, model } = attempts.at(-1)!
  const timestamp = host.now()
  return {
    ...{ id, sessionId: session.id, content, attempts, timestamp, durationMs: timestamp - begun, end: outcome.end },
    toolCalls: outcome.runs.map((run) => invocationOf(run, kit)),
    providerUsed: provider,
    model: outcome.completion.model ?? model,
    usage: outcome.usage ?? tokenUsage({ prompt: 0, completion: 0 }),
  }
}

/** When nobody hears any more, nobody is asked any more. */
function hearing(onEvent: HearEvent, deaf: AbortController): HearEvent {
  return async (event) => {
    try {
      await onEvent(event)
    } catch (cause) {
      const error = new GatewayError('client_closed', 'What happens cannot be told.', { cause })
      deaf.abort(error)
      throw error
    }
  }
}

/** The one that is wanted, then the others. Throws `PROVIDER_UNAVAILABLE` when there are none. */
function inOrder({ providers, provider, model, session }: Asked): readonly AgentProvider[] {
  const names = [provider, session.providerPreference]
  const wanted = names.flatMap((name) => providers.filter((one) => one.name === name)).at(0)
  const [first, ...others] = wanted === undefined ? providers : [wanted, ...providers.filter((one) => one !== wanted)]
  if (first === undefined)
    throw agentError('misconfigured', 'PROVIDER_UNAVAILABLE', 'There is no model provider to ask. Configure one.')
  return [model === undefined ? first : withModel(first, model), ...others]
}

function withModel(provider: AgentProvider, model: string): AgentProvider {
  return {
    ...{ name: provider.name, model },
    chat: (request, settings) => provider.chat(request, settings),
    cost: (completion) => provider.cost?.(completion),
  }
}

const shortfalls: Readonly<Record<Exclude<LoopEnd, 'answer'>, string>> = {
  their_calls: 'it would take tools that cannot be run here',
  turns: 'the model was asked as often as it may be',
  time: 'there was no more time',
  tokens: 'it used as many tokens as it may',
  cost: 'it cost as much as it may',
}

/** What the model said at last, and what cut it short. */
function textOf({ message, end }: LoopOutcome): string {
  const text = contentText(message.content) || (typeof message.refusal === 'string' ? message.refusal : '')
  if (end !== 'answer') return `${text}\n\n[This answer is not complete: ${shortfalls[end]}.]`.trim()
  return text || '[The model gave no answer.]'
}

/** Nobody waits for it. Never rejects. */
async function handOn(
  { session, id, begun, spans }: Begun,
  { trace, host }: Setting,
  { answer, error }: { readonly answer?: AgentAnswer; readonly error?: unknown },
): Promise<void> {
  if (trace === undefined) return
  try {
    await trace(
      spans.end({
        ...{ name: 'invoke_agent tianji', kind: 'internal', startTime: begun, endTime: host.now(), error },
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.agent.name': 'tianji',
          'gen_ai.conversation.id': session.id,
          'gen_ai.provider.name': answer?.providerUsed,
          'gen_ai.response.model': answer?.model,
          'gen_ai.usage.input_tokens': answer?.usage.prompt_tokens,
          'gen_ai.usage.output_tokens': answer?.usage.completion_tokens,
        },
      }),
    )
  } catch (cause) {
    host.log.warn('What a query did could not be traced.', { query: id, error: cause })
  }
}
