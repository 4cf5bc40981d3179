import type { JsonObject } from '@tianjillm/core'
import { collect } from '@tianjillm/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Block,
  type MessagesEvent,
  type MessagesResponse,
  readMessagesRequest,
  readMessagesResponse,
  readMessagesStream,
  writeMessagesRequest,
  writeMessagesResponse,
  writeMessagesStream,
} from '../src/index.ts'

const reading = { provider: 'claude_co', now: 0 }

const words = fc.string({ minLength: 1, unit: 'grapheme' })
const ids = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019_-') })
const input = fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.oneof(words, fc.integer(), fc.constant(null)), {
  noNullPrototype: true,
})
const marks = fc.option(fc.constant({ cache_control: { type: 'ephemeral' } }), { nil: {} })
const marked = (blocks: fc.Arbitrary<Block>) => fc.tuple(blocks, marks).map(([block, mark]) => ({ ...block, ...mark }))
const record = (type: string, fields: { readonly [name: string]: fc.Arbitrary<unknown> }) =>
  fc.record(fields, { noNullPrototype: true }).map((block): Block => ({ type, ...block }))

const text = record('text', { text: words })
const thinking = record('thinking', { thinking: words, signature: words })
const redacted = record('redacted_thinking', { data: words })
const toolUse = record('tool_use', { id: ids, name: ids, input })
const serverUse = record('server_tool_use', { id: ids, name: ids, input })
const source = fc.constantFrom(
  { type: 'base64', media_type: 'image/png', data: 'AAAA' },
  { type: 'url', url: 'https://example.test/a.png' },
)
const image = record('image', { source })
const pdf = fc.constantFrom<JsonObject>(
  { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
  { type: 'url', url: 'https://example.test/a.pdf' },
  { type: 'file', file_id: 'file_1' },
)
const document = record('document', { source: pdf, title: words })
const result = record('tool_result', { tool_use_id: ids, content: words })
const thoughts = fc.array(fc.oneof(thinking, redacted), { maxLength: 2 })
const concat = (...parts: readonly fc.Arbitrary<readonly Block[]>[]) =>
  fc.tuple(...parts).map((blocks) => blocks.flat() as readonly Block[])

const userTurn = concat(
  fc.array(marked(result), { maxLength: 2 }),
  fc.array(marked(fc.oneof(text, image, document)), { minLength: 1, maxLength: 3 }),
)
const assistantTurn = concat(
  thoughts,
  fc.array(marked(text), { minLength: 1, maxLength: 1 }),
  fc.array(marked(toolUse), { maxLength: 2 }),
)
const turns = fc.array(fc.tuple(userTurn, assistantTurn), { minLength: 1, maxLength: 3 }).map((pairs) =>
  pairs.flatMap(([said, answered]) => [
    { role: 'user', content: said },
    { role: 'assistant', content: answered },
  ]),
)
const tool = fc.oneof(
  fc.record(
    {
      name: ids,
      input_schema: fc.constant({ type: 'object', properties: {} }),
      description: words,
      strict: fc.boolean(),
    },
    { requiredKeys: ['name', 'input_schema'], noNullPrototype: true },
  ),
  fc.constant({ type: 'web_search_20250305', name: 'web_search' }),
)
const request = fc
  .record(
    {
      model: words,
      max_tokens: fc.integer({ min: 1 }),
      messages: turns,
      system: fc.array(marked(text), { minLength: 1, maxLength: 2 }),
      stream: fc.constant(true),
      temperature: fc.double({ min: 0, max: 1, noNaN: true }),
      top_p: fc.double({ min: 0, max: 1, noNaN: true }),
      top_k: fc.integer(),
      stop_sequences: fc.array(words, { minLength: 1 }),
      metadata: fc.record({ user_id: words }, { noNullPrototype: true }),
      service_tier: fc.constantFrom('auto', 'standard_only'),
      thinking: fc.constantFrom(
        { type: 'adaptive', display: 'omitted' },
        { type: 'enabled', budget_tokens: 2048 },
        { type: 'disabled' },
      ),
      output_config: fc.constantFrom(
        { effort: 'max' },
        { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } },
      ),
    },
    { requiredKeys: ['model', 'max_tokens', 'messages'], noNullPrototype: true },
  )
  .chain((body) =>
    fc
      .option(fc.array(tool, { minLength: 1, maxLength: 3 }), { nil: undefined })
      .chain((tools) =>
        tools === undefined
          ? fc.constant(body)
          : fc
              .constantFrom<JsonObject>(
                { type: 'auto' },
                { type: 'any', disable_parallel_tool_use: true },
                { type: 'none' },
                { type: 'tool', name: 'f' },
              )
              .map((tool_choice) => ({ ...body, tools, tool_choice })),
      ),
  )

const stop = fc.constantFrom<JsonObject>(
  { stop_reason: 'end_turn', stop_sequence: null },
  { stop_reason: 'stop_sequence', stop_sequence: 'END' },
  { stop_reason: 'pause_turn', stop_sequence: null },
  { stop_reason: 'max_tokens', stop_sequence: null },
  { stop_reason: 'model_context_window_exceeded', stop_sequence: null },
  { stop_reason: 'refusal', stop_sequence: null, stop_details: { type: 'refusal', category: 'cyber' } },
)
const count = fc.nat(1_000_000)
const usage = fc.record(
  { input_tokens: count, cache_creation_input_tokens: count, cache_read_input_tokens: count, output_tokens: count },
  { noNullPrototype: true },
)
const cited = fc
  .tuple(text, fc.array(record('char_location', { cited_text: words }), { maxLength: 2 }))
  .map(([block, citations]): Block => (citations.length > 0 ? { ...block, citations } : block))
const blocks = concat(
  thoughts,
  fc.array(serverUse, { maxLength: 1 }),
  fc.array(cited, { maxLength: 1 }),
  fc.array(toolUse, { maxLength: 3 }),
)
const response = fc.tuple(ids, words, blocks, stop, usage).map(
  ([id, model, content, stopped, counts]): MessagesResponse => ({
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    ...(content.some(({ type }) => type === 'tool_use') ? { stop_reason: 'tool_use' } : stopped),
    usage: counts,
  }),
)

/** An answer as Anthropic streams it. */
function eventsOf({ content, usage: counts, ...message }: MessagesResponse): readonly MessagesEvent[] {
  const { stop_reason, stop_sequence, stop_details } = message
  return [
    {
      type: 'message_start',
      message: { ...message, content: [], stop_reason: null, usage: { ...counts, output_tokens: 1 } },
    },
    ...content.flatMap(blockEvents),
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence, ...(stop_details !== undefined && { stop_details }) },
      usage: { output_tokens: counts.output_tokens },
    },
    { type: 'message_stop' },
  ]
}

function blockEvents(block: Block, index: number): readonly MessagesEvent[] {
  const json = JSON.stringify(block.input ?? {})
  const shapes: Readonly<Record<string, readonly [Block, readonly JsonObject[]]>> = {
    text: [
      { type: 'text', text: '' },
      [
        ...((block.citations ?? []) as readonly Block[]).map((citation) => ({ type: 'citations_delta', citation })),
        { type: 'text_delta', text: block.text },
      ],
    ],
    thinking: [
      { type: 'thinking', thinking: '', signature: '' },
      [
        { type: 'thinking_delta', thinking: block.thinking },
        { type: 'signature_delta', signature: block.signature },
      ],
    ],
    tool_use: [
      { ...block, input: {} },
      json === '{}'
        ? []
        : [
            { type: 'input_json_delta', partial_json: json.slice(0, 3) },
            { type: 'input_json_delta', partial_json: json.slice(3) },
          ],
    ],
  }
  const [start, deltas] = shapes[block.type] ?? [block, []]
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

/** The answer that a client puts together from its events. */
function assemble(events: readonly MessagesEvent[]): MessagesResponse {
  let message: JsonObject = {}
  const content: (Block & { json?: string })[] = []
  for (const event of events) {
    const index = Number(event.index)
    if (event.type === 'message_start') message = event.message as JsonObject
    if (event.type === 'content_block_start') content[index] = event.content_block as Block
    if (event.type === 'content_block_delta') content[index] = grown(content[index]!, event.delta as Block)
    if (event.type === 'message_delta')
      message = {
        ...message,
        ...(event.delta as JsonObject),
        usage: { ...(message.usage as JsonObject), ...(event.usage as JsonObject) },
      }
  }
  const whole = content.map(({ json, ...block }) =>
    json === undefined ? block : { ...block, input: JSON.parse(json) },
  )
  return { ...message, content: whole } as JsonObject as MessagesResponse
}

function grown(block: Block & { json?: string }, delta: Block): Block & { json?: string } {
  switch (delta.type) {
    case 'text_delta':
      return { ...block, text: `${block.text}${delta.text}` }
    case 'thinking_delta':
      return { ...block, thinking: `${block.thinking}${delta.thinking}` }
    case 'signature_delta':
      return { ...block, signature: delta.signature }
    case 'input_json_delta':
      return { ...block, json: `${block.json ?? ''}${delta.partial_json}` }
    default:
      return { ...block, citations: [...((block.citations ?? []) as readonly unknown[]), delta.citation] }
  }
}

async function* stream<Value>(values: readonly Value[]) {
  yield* values
}

describe('there and back', () => {
  it('gives a Messages request back as it was', () => {
    fc.assert(
      fc.property(request, (body) => {
        expect(writeMessagesRequest(readMessagesRequest(body))).toEqual(body)
      }),
    )
  })

  it('gives a Messages answer back as it was', () => {
    fc.assert(
      fc.property(response, (answer) => {
        expect(writeMessagesResponse(readMessagesResponse(answer, reading))).toEqual(answer)
      }),
    )
  })

  it('gives a stream back that says the same', async () => {
    await fc.assert(
      fc.asyncProperty(response, async (answer) => {
        const events = eventsOf(answer)
        const back = await collect(writeMessagesStream(readMessagesStream(stream(events), reading)))
        expect(assemble(events)).toEqual(answer)
        expect(assemble(back)).toEqual(answer)
      }),
    )
  })

  it('streams what it would have answered whole', async () => {
    await fc.assert(
      fc.asyncProperty(response, async (answer) => {
        const chunks = await collect(readMessagesStream(stream(eventsOf(answer)), reading))
        const { message, finish_reason } = readMessagesResponse(answer, reading).choices[0]!
        const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))
        expect(deltas.map(({ content }) => content ?? '').join('')).toBe(message.content ?? '')
        expect(deltas.map(({ reasoning_content }) => reasoning_content ?? '').join('')).toBe(
          message.reasoning_content ?? '',
        )
        expect(deltas.flatMap(({ thinking_blocks }) => thinking_blocks ?? [])).toEqual(message.thinking_blocks ?? [])
        expect(argumentsIn(deltas)).toEqual(message.tool_calls?.map((call) => call.function.arguments) ?? [])
        expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe(finish_reason)
        expect(chunks.at(-1)?.usage).toEqual(readMessagesResponse(answer, reading).usage)
      }),
    )
  })
})

function argumentsIn(deltas: readonly { readonly tool_calls?: readonly JsonObject[] }[]): readonly string[] {
  const joined: string[] = []
  for (const { index, function: called } of deltas.flatMap(({ tool_calls }) => tool_calls ?? []))
    joined[Number(index)] = `${joined[Number(index)] ?? ''}${(called as JsonObject).arguments}`
  return joined
}
