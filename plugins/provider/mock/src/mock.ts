import {
  type Call,
  defineProvider,
  type Host,
  isJsonObject,
  type JsonObject,
  type Operation,
  type Provider,
  type ProviderPlugin,
  parseJson,
  replyHeaders,
  tokenUsage,
  type UpstreamReply,
  type UpstreamRequest,
  type Usage,
} from '@tianjillm/core'
import { openaiCompatible } from '@tianjillm/openai-compatible'
import * as v from 'valibot'

/** Options of the mock models; all are optional. */
export interface MockOptions {
  /**
   * The answer to every chat and completion. A name such as `litellm.RateLimitError` fails instead, as that error.
   * A list is a script: its first turn answers a question, the next what tools gave. A turn is a text or an assistant's
   * message as OpenAI has it. A request's own `mock_response` comes first. Default: an answer that repeats the question.
   */
  readonly mockResponse?: Script | undefined
  /** Milliseconds before an answer begins. Default 0. */
  readonly latency?: number | undefined
  /** Milliseconds between the chunks of a stream. Default 0. */
  readonly chunkLatency?: number | undefined
  /** Share of calls that fail, 0 to 1, spread evenly. Default 0. */
  readonly failureRate?: number | undefined
  /** HTTP status of those. Default 500. */
  readonly failureStatus?: number | undefined
}

/** What is said: the same each time, or one turn after the other, each a text or a message as OpenAI has it. */
export type Script = string | readonly (string | ScriptedMessage)[]

/** An assistant's message; ids of calls may be missing, and arguments be objects. */
export interface ScriptedMessage {
  readonly content?: string | null | undefined
  readonly tool_calls?: readonly { readonly id?: string | undefined; readonly function: ScriptedFunction }[] | undefined
}

/** A function that is called. */
export interface ScriptedFunction {
  readonly name: string
  readonly arguments?: string | JsonObject | undefined
}

const given = v.optional(v.union([v.string(), v.record(v.string(), v.unknown())]))
const made = v.object({ id: v.optional(v.string()), function: v.object({ name: v.string(), arguments: given }) })
const assistant = v.object({ content: v.nullish(v.string()), tool_calls: v.optional(v.array(made)) })
const script = v.union([v.string(), v.pipe(v.array(v.union([v.string(), assistant])), v.minLength(1))])

const schema = v.object({
  mockResponse: v.optional(script),
  latency: v.optional(v.pipe(v.number(), v.minValue(0))),
  chunkLatency: v.optional(v.pipe(v.number(), v.minValue(0))),
  failureRate: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  failureStatus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599))),
})

const wire = openaiCompatible({
  name: 'mock',
  title: 'Mock models',
  docs: 'https://github.com/tianjillm/tianjillm',
  baseURL: 'https://mock.invalid/v1',
  apiKeyEnv: [],
  operations: ['chat', 'completion', 'embedding', 'image', 'speech'],
})

/** Models that live in the process: they answer at once, with made-up but well-formed content, and fail on demand. */
export const mock: ProviderPlugin<MockOptions> = defineProvider({
  name: 'mock',
  title: wire.title,
  docs: wire.docs,
  env: [],
  options: schema,
  create(options: MockOptions, host: Host): Provider {
    let calls = 0
    const operations = wire.create({ apiKey: 'none' }, host) as Readonly<
      Record<string, Operation<JsonObject, JsonObject>>
    >
    const reading = Object.entries(operations).map(([name, operation]) => [
      name,
      { ...operation, reads: ['mock_response'] },
    ])
    return {
      ...Object.fromEntries(reading),
      async reply(request: UpstreamRequest, call: Call) {
        calls++
        await pause(options.latency, call.signal)
        const rate = options.failureRate ?? 0
        if (Math.floor(calls * rate) > Math.floor((calls - 1) * rate))
          return failure(options.failureStatus ?? 500, 'A failure on demand.')
        const written = parseJson(
          typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body as Uint8Array),
        )
        const input = isJsonObject(written) ? written : {}
        const own = v.safeParse(v.optional(script), input.mock_response ?? undefined)
        if (!own.success) return failure(400, 'mock_response must be a text, or a list of texts and messages.')
        const said = own.output ?? options.mockResponse
        const turn = said === undefined ? undefined : turnOf(said, input)
        return failureNamed(turn) ?? answers[new URL(request.url).pathname]!(input, turn, call, options)
      },
    }
  },
})

/** What is said in one turn; calls as on the wire. */
interface Turn {
  readonly content: string | null
  readonly calls: readonly JsonObject[]
}

/** The turn that a conversation has come to since its last question. After the last one that one is said again. */
function turnOf(said: Script, { messages }: JsonObject): Turn {
  if (typeof said === 'string') return { content: said, calls: [] }
  const all = (Array.isArray(messages) ? messages : []).filter(isJsonObject)
  const answers = all.slice(all.findLastIndex(({ role }) => role === 'user') + 1)
  const number = answers.filter(({ role }) => role === 'assistant').length
  const turn = said[Math.min(number, said.length - 1)]!
  if (typeof turn === 'string') return { content: turn, calls: [] }
  const calls = (turn.tool_calls ?? []).map(({ id, function: { name, arguments: input = {} } }, index) => {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    return { id: id ?? `call_${number}_${index}`, type: 'function', function: { name, arguments: text } }
  })
  return { content: turn.content ?? (calls.length > 0 ? null : ''), calls }
}

/** LiteLLM's names of errors, as a `mock_response` asks for them. https://docs.litellm.ai/docs/completion/mock_requests */
const failures: ReadonlyMap<string, readonly [status: number, code: string | null]> = new Map([
  ['litellm.BadRequestError', [400, null]],
  ['litellm.ContextWindowExceededError', [400, 'context_length_exceeded']],
  ['litellm.ContentPolicyViolationError', [400, 'content_policy_violation']],
  ['litellm.AuthenticationError', [401, 'invalid_api_key']],
  ['litellm.NotFoundError', [404, null]],
  ['litellm.Timeout', [408, null]],
  ['litellm.RateLimitError', [429, null]],
  ['litellm.InternalServerError', [500, null]],
  ['litellm.ServiceUnavailableError', [503, null]],
])

function failureNamed(turn: Turn | undefined): UpstreamReply | undefined {
  const known = failures.get(turn?.content ?? '')
  return known && failure(known[0], `This is a mock ${turn?.content}.`, known[1])
}

function failure(status: number, message: string, code: string | null = null): UpstreamReply {
  return jsonReply({ error: { message, type: 'mock_error', param: null, code } }, status)
}

type Responder = (input: JsonObject, turn: Turn | undefined, call: Call, options: MockOptions) => UpstreamReply

const answers: Readonly<Record<string, Responder>> = {
  '/v1/chat/completions': (input, turn, call, options) => {
    const { content, calls } = turn?.calls.length ? turn : (forcedCall(input, call) ?? turn ?? replyTo(input))
    const usage = usageOf(
      JSON.stringify(input.messages),
      `${content ?? ''}${calls.length > 0 ? JSON.stringify(calls) : ''}`,
    )
    const head = { id: `chatcmpl-${call.uuid()}`, created: Math.floor(call.now() / 1000), model: call.model }
    if (input.stream === true) return eventReply(chatEvents(head, { content, calls }, usage, input), call, options)
    const message = { role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) }
    const choice = { index: 0, message, logprobs: null, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }
    return jsonReply({ ...head, object: 'chat.completion', choices: [choice], usage })
  },
  '/v1/completions': (input, turn, call, options) => {
    const text = turn?.content ?? `You wrote: ${lastText(input.prompt)}`
    const head = {
      id: `cmpl-${call.uuid()}`,
      object: 'text_completion',
      created: Math.floor(call.now() / 1000),
      model: call.model,
    }
    const choice = (piece: string, finish_reason: string | null) => ({
      ...head,
      choices: [{ index: 0, text: piece, logprobs: null, finish_reason }],
    })
    const usage = usageOf(lastText(input.prompt), text)
    if (input.stream !== true) return jsonReply({ ...choice(text, 'stop'), usage })
    return eventReply([...words(text).map((word) => choice(word, null)), choice('', 'stop')], call, options)
  },
  '/v1/embeddings': (input, _turn, call) => {
    const inputs = Array.isArray(input.input) && typeof input.input[0] !== 'number' ? input.input : [input.input]
    const size = typeof input.dimensions === 'number' ? Math.min(Math.max(1, input.dimensions), 4096) : 1536
    const data = inputs.map((text, index) => {
      const vector = vectorOf(JSON.stringify(text), size)
      return {
        object: 'embedding',
        index,
        embedding: input.encoding_format === 'base64' ? base64(new Uint8Array(vector.buffer)) : [...vector],
      }
    })
    const { prompt_tokens } = usageOf(JSON.stringify(input.input), '')
    return jsonReply({ object: 'list', data, model: call.model, usage: { prompt_tokens, total_tokens: prompt_tokens } })
  },
  '/v1/images/generations': (input, _turn, call) => {
    const count = typeof input.n === 'number' ? Math.min(Math.max(1, input.n), 10) : 1
    const image = input.response_format === 'url' ? { url: `data:image/png;base64,${PNG}` } : { b64_json: PNG }
    return jsonReply({ created: Math.floor(call.now() / 1000), data: Array.from({ length: count }, () => image) })
  },
  '/v1/audio/speech': (input, _turn, call, options) =>
    streamReply('audio/wav', pieces(tone(Math.min(String(input.input ?? '').length * 40, 5000)), 4096), call, options),
}

/** What a chat model without a canned answer says: something fitting the format asked for, or the question again. */
function replyTo(input: JsonObject): Turn {
  const say = (content: string) => ({ content, calls: [] })
  const format = isJsonObject(input.response_format) ? input.response_format : {}
  if (format.type === 'json_object') return say('{"answer":"This is a mock answer."}')
  if (format.type === 'json_schema' && isJsonObject(format.json_schema))
    return say(JSON.stringify(sampleOf(format.json_schema.schema)))
  const messages = Array.isArray(input.messages) ? input.messages : []
  const question = lastText(messages.findLast((message) => isJsonObject(message) && message.role === 'user')?.content)
  return say(`This is a mock answer. You said: ${question}`)
}

/** The call of a tool that the request insists on. */
function forcedCall(input: JsonObject, call: Call): Turn | undefined {
  const choice = input.tool_choice
  const tools = (Array.isArray(input.tools) ? input.tools : []).flatMap((tool) =>
    isJsonObject(tool?.function) ? [tool.function] : [],
  )
  const wanted = isJsonObject(choice) && isJsonObject(choice.function) ? choice.function.name : undefined
  const tool = choice === 'required' ? tools[0] : tools.find(({ name }) => name === wanted)
  if (tool === undefined) return undefined
  const wanting = { name: tool.name, arguments: JSON.stringify(sampleOf(tool.parameters)) }
  return { content: null, calls: [{ id: `call_${call.uuid()}`, type: 'function', function: wanting }] }
}

function chatEvents(
  head: JsonObject,
  { content, calls }: Turn,
  usage: Usage,
  input: JsonObject,
): readonly JsonObject[] {
  const chunk = (delta: JsonObject, finish_reason: string | null = null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  })
  const wantsUsage = isJsonObject(input.stream_options) && input.stream_options.include_usage === true
  return [
    chunk({ role: 'assistant', content: '' }),
    ...words(content ?? '').map((word) => chunk({ content: word })),
    ...calls.map((call, index) => chunk({ tool_calls: [{ index, ...call }] })),
    chunk({}, calls.length > 0 ? 'tool_calls' : 'stop'),
    ...(wantsUsage ? [{ ...head, object: 'chat.completion.chunk', choices: [], usage }] : []),
  ]
}

function lastText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) =>
      typeof part === 'string' ? part : isJsonObject(part) && typeof part.text === 'string' ? part.text : '',
    )
    .join(' ')
}

function words(text: string): readonly string[] {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? []
}

/** Four bytes are about a token. */
function usageOf(prompt = '', completion = ''): Usage {
  const tokens = (text: string) => Math.ceil(text.length / 4)
  return tokenUsage({ prompt: tokens(prompt), completion: tokens(completion) })
}

/** A value that fits a JSON Schema, as far as its plain keywords go. */
function sampleOf(schema: unknown, depth = 0): unknown {
  if (!isJsonObject(schema) || depth > 8) return null
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if ('const' in schema) return schema.const
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'string') return 'mock'
  if (type === 'number' || type === 'integer') return typeof schema.minimum === 'number' ? schema.minimum : 1
  if (type === 'boolean') return true
  if (type === 'array') return [sampleOf(schema.items, depth + 1)]
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, sampleOf(inner, depth + 1)]))
}

/** A unit vector that is the same for the same text. */
function vectorOf(text: string, size: number): Float32Array<ArrayBuffer> {
  let state = 2166136261
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 16777619)
  const vector = Float32Array.from({ length: size }, () => {
    state = Math.imul(state ^ (state >>> 15), 2246822507) + 0x9e3779b9
    return (state >>> 0) / 2 ** 31 - 1
  })
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

/** A grey PNG of one pixel, in base64. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=='

/** A WAV file of a quiet 440 Hz tone: 16 kHz, 16 bit, mono. */
function tone(milliseconds: number): Uint8Array {
  const samples = Math.max(1, milliseconds) * 16
  const view = new DataView(new ArrayBuffer(44 + samples * 2))
  const mark = (offset: number, text: string) => {
    for (let index = 0; index < text.length; index++) view.setUint8(offset + index, text.charCodeAt(index))
  }
  mark(0, 'RIFF')
  view.setUint32(4, 36 + samples * 2, true)
  mark(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, 16_000, true)
  view.setUint32(28, 32_000, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  mark(36, 'data')
  view.setUint32(40, samples * 2, true)
  for (let index = 0; index < samples; index++)
    view.setInt16(44 + index * 2, Math.sin((index * 440 * 2 * Math.PI) / 16_000) * 3000, true)
  return new Uint8Array(view.buffer)
}

function base64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function pieces(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

const encoder = new TextEncoder()

function jsonReply(value: JsonObject, status = 200): UpstreamReply {
  return replyOf(status, 'application/json', async function* () {
    yield encoder.encode(JSON.stringify(value))
  })
}

function eventReply(events: readonly JsonObject[], call: Call, options: MockOptions): UpstreamReply {
  const lines = [...events.map((event) => JSON.stringify(event)), '[DONE]'].map((data) =>
    encoder.encode(`data: ${data}\n\n`),
  )
  return streamReply('text/event-stream', lines, call, options)
}

function streamReply(type: string, parts: readonly Uint8Array[], call: Call, options: MockOptions): UpstreamReply {
  return replyOf(200, type, async function* () {
    for (const part of parts) {
      yield part
      await pause(options.chunkLatency, call.signal)
    }
  })
}

function replyOf(status: number, type: string, body: () => AsyncGenerator<Uint8Array>): UpstreamReply {
  const text = async () => {
    const decoder = new TextDecoder()
    let whole = ''
    for await (const piece of body()) whole += decoder.decode(piece, { stream: true })
    return whole
  }
  return {
    status,
    headers: replyHeaders({ 'content-type': type }),
    body: body(),
    text,
    bytes: async () => encoder.encode(await text()),
    json: async <Value>() => JSON.parse(await text()) as Value,
  }
}

function pause(milliseconds: number | undefined, signal: AbortSignal): Promise<void> | undefined {
  if (!milliseconds) return undefined
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        reject(signal.reason)
      },
      { once: true },
    )
  })
}
