import type { JsonObject } from '@tianjillm/core'
import { namedSse, sse } from '@tianjillm/testing'

/** A streamed chat answer as a vendor sends it, event by event. */
export interface Wire {
  readonly title: string
  /** The gateway's model that is served over it. */
  readonly model: string
  /** The events that begin an answer with these pieces of text. */
  begin(...texts: readonly string[]): readonly string[]
  /** The events that end it, with 3 + 2 tokens used. */
  readonly end: readonly string[]
  /** An event that says that the vendor has failed. */
  readonly failure: string
}

const chunk = (delta: JsonObject, finish_reason: string | null = null) =>
  sse({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt-4o',
    choices: [{ index: 0, delta, finish_reason }],
  })

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

/** OpenAI's wire, which the gateway hands on as it comes. */
export const openaiWire: Wire = {
  title: 'a stream that is handed on',
  model: 'gpt',
  begin: (...texts) => [chunk({ role: 'assistant', content: '' }), ...texts.map((content) => chunk({ content }))],
  end: [
    chunk({}, 'stop'),
    sse({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices: [], usage }),
    sse('[DONE]'),
  ],
  failure: sse({ error: { message: 'Overloaded', type: 'server_error', param: null, code: 'server_error' } }),
}

const named = (event: JsonObject & { readonly type: string }) => namedSse(event)

/** Anthropic's wire, which the gateway reads and writes anew. */
export const anthropicWire: Wire = {
  title: 'a stream that is written anew',
  model: 'claude',
  begin: (...texts) => [
    named({
      type: 'message_start',
      message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 3, output_tokens: 1 } },
    }),
    named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...texts.map((text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
  ],
  end: [
    named({ type: 'content_block_stop', index: 0 }),
    named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
    named({ type: 'message_stop' }),
  ],
  failure: named({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
}

/** The `data` of each event a client got: `[DONE]`, or a chunk or error. */
export function eventsIn(text: string): readonly (JsonObject | '[DONE]')[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, data] = /^data: ?(.*)$/.exec(line) ?? []
    if (data === undefined) return []
    return [data === '[DONE]' ? data : (JSON.parse(data) as JsonObject)]
  })
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string }; readonly text?: string }[]
}

/** The text that the chunks add up to. */
export function contentIn(text: string): string {
  const chunks = eventsIn(text).filter((event) => event !== '[DONE]') as readonly Chunk[]
  return chunks
    .flatMap(({ choices = [] }) => choices.map((choice) => choice.delta?.content ?? choice.text ?? ''))
    .join('')
}
