import {
  type ChatCompletion,
  type ChatMessage,
  type ChatRequest,
  contentText,
  type GatewayError,
  inTime,
  isGatewayError,
  isJsonObject,
  type JsonObject,
} from '@tianjillm/core'
import type { HearEvent } from './answer.ts'
import { plainMessage } from './conversation.ts'
import { agentError } from './error-codes.ts'
import type { AgentHost } from './host.ts'
import type { AgentProvider, Attempt } from './provider.ts'
import { readAnswer } from './read-answer.ts'
import type { Ask, Turn } from './tool-loop.ts'
import type { Trace } from './trace.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What it takes to ask one provider after the other. */
export interface FailoverSettings {
  /** At least one, in this order. */
  readonly providers: readonly AgentProvider[]
  /** Hears what models write; undefined: they need not stream. */
  readonly onEvent: HearEvent | undefined
  readonly spans: Trace
  readonly host: Pick<AgentHost, 'log' | 'now'>
  /** When the query began, and how many milliseconds it may take. */
  readonly begun: number
  readonly time: number
}

/** Providers, one of which answers. */
export interface Failover {
  /** Asks the one that answered last. Rejects with `PROVIDER_UNAVAILABLE` when all have failed. */
  readonly ask: Ask
  /** Those that were asked; the last is the one that answered. */
  attempts(): readonly Attempt[]
}

/** Share of a query's time after which a model has to answer with what it knows. */
const TIME_TO_ANSWER = 0.75

/** Asks one provider, and from the moment it fails on the next, which gets to know all that was said. */
export function createFailover(settings: FailoverSettings): Failover {
  const { providers, onEvent, spans, host, begun, time } = settings
  const { log, now } = host
  const attempts: Attempt[] = []
  let place = 0

  const note = ({ name: provider, model }: AgentProvider, began: number, error?: string) => {
    const before = attempts[place]?.durationMs ?? 0
    attempts[place] = { provider, model, ...(error !== undefined && { error }), durationMs: before + now() - began }
  }

  const askOne = async (provider: AgentProvider, request: ChatRequest, { number, signal }: Turn) => {
    const left = begun + time - now()
    // The others need some time too.
    const patience = place + 1 < providers.length ? left / 2 : left + 1_000
    return inTime(Math.max(0, patience), (late) => {
      const until = AbortSignal.any([signal, late])
      return unlessAborted(until, () => answerOf(provider, request, { turn: number, signal: until, onEvent }))
    })
  }

  return {
    attempts: () => [...attempts],
    async ask(messages, tools, turn) {
      for (; ; place++) {
        const provider = providers[place]
        if (provider === undefined) throw unavailable(attempts)
        const { name, model } = provider
        await onEvent?.({ type: 'step', turn: turn.number, provider: name, model })
        const began = now()
        const mustAnswer = turn.isLast || began - begun > time * TIME_TO_ANSWER
        // Another provider's own fields would be refused.
        const told = place === 0 ? messages : messages.map(plainMessage)
        const request = requestOf(model, told, tools, { mustAnswer, isStreamed: onEvent !== undefined })
        const span = { name: `chat ${model}`, kind: 'client', startTime: began } as const
        try {
          const completion = await askOne(provider, request, turn)
          note(provider, began)
          spans.add({ ...span, endTime: now(), attributes: chatAttributes(provider, completion) })
          return { answer: completion, cost: () => provider.cost?.(completion) }
        } catch (error) {
          spans.add({ ...span, endTime: now(), attributes: chatAttributes(provider), error })
          if (turn.signal.aborted || !mayAnotherAnswer(error)) throw error
          note(provider, began, wordsOf(error))
          log.warn('A provider failed a query.', { provider: name, model, error: wordsOf(error) })
        }
      }
    },
  }
}

function requestOf(
  model: string,
  messages: readonly ChatMessage[],
  tools: readonly JsonObject[],
  { mustAnswer, isStreamed }: { readonly mustAnswer: boolean; readonly isStreamed: boolean },
): ChatRequest {
  return {
    ...{ model, messages },
    // They are function tools, as the toolkit made them.
    ...(tools.length > 0 && { tools: tools as NonNullable<ChatRequest['tools']> }),
    ...(tools.length > 0 && mustAnswer && { tool_choice: 'none' }),
    ...(isStreamed && { stream: true, stream_options: { include_usage: true } }),
  }
}

interface Hearing {
  readonly turn: number
  readonly signal: AbortSignal
  readonly onEvent: HearEvent | undefined
}

/** The whole answer; what is written of it is told as it comes. */
async function answerOf(
  provider: AgentProvider,
  request: ChatRequest,
  { turn, signal, onEvent }: Hearing,
): Promise<ChatCompletion> {
  const tell = async (text: unknown) => {
    if (typeof text === 'string' && text !== '') await onEvent?.({ type: 'delta', turn, text })
  }
  const reading = readAnswer(await provider.chat(request, { signal }), turn)
  let hasPieces = false
  try {
    for (;;) {
      const { done, value } = await reading.next()
      // Who has been given up is not heard.
      signal.throwIfAborted()
      if (done) {
        if (!hasPieces) await tell(contentText(value.message.content))
        return value.completion
      }
      hasPieces = true
      await tell(textIn(value.chunk))
    }
  } finally {
    await reading.return(undefined as never)
  }
}

function textIn({ choices }: JsonObject): unknown {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  return isJsonObject(choice) && isJsonObject(choice.delta) ? choice.delta.content : undefined
}

/** Whether it is the provider's failure and not that of what was asked. */
function mayAnotherAnswer(error: unknown): boolean {
  return !isGatewayError(error) || error.isRetryable || error.kind === 'model_not_found'
}

/** What is no error of ours may say what nobody should read. */
function wordsOf(error: unknown): string {
  return isGatewayError(error) ? error.message : 'it made a mistake.'
}

function unavailable(attempts: readonly Attempt[]): GatewayError {
  const said = attempts.map(({ provider, error }) => `${provider}: ${error}`).join(' ')
  const told = attempts.map(({ durationMs: duration_ms, ...attempt }) => ({ ...attempt, duration_ms }))
  return agentError('upstream_error', 'PROVIDER_UNAVAILABLE', `No provider answered. ${said}`, {
    ...{ status: 503, details: { attempts: told } },
  })
}

/** https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ */
function chatAttributes({ name, model }: AgentProvider, completion?: ChatCompletion) {
  const reasons = completion?.choices.map(({ finish_reason: reason }) => String(reason))
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': name,
    'gen_ai.request.model': model,
    'gen_ai.response.model': completion?.model,
    'gen_ai.response.id': completion?.id,
    'gen_ai.response.finish_reasons': reasons,
    'gen_ai.usage.input_tokens': completion?.usage?.prompt_tokens,
    'gen_ai.usage.output_tokens': completion?.usage?.completion_tokens,
  }
}
