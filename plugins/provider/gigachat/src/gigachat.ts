import {
  type ApiOptions,
  apiOptions,
  type Call,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatMessage,
  type ChatRequest,
  type ChunkHead,
  chatChunk,
  compact,
  contentText,
  type DataUrl,
  defineProvider,
  type EmbeddingRequest,
  type EmbeddingResponse,
  type ErrorKind,
  type FinishReason,
  GatewayError,
  type Host,
  isGatewayError,
  isJsonObject,
  type JsonObject,
  type ProviderPlugin,
  parseDataUrl,
  parseJson,
  requiredKey,
  serverSentJson,
  setting,
  type ToolCall,
  tokenUsage,
  toolArguments,
  trimSlash,
  type UpstreamReply,
  type UpstreamRequest,
  type Usage,
  upstreamError,
  usageChunk,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of GigaChat. The key is base64 of `client_id:client_secret`. */
export interface GigachatOptions extends ApiOptions {
  /** Replaces the URL that tokens come from. */
  readonly authUrl?: string | undefined
  /** `GIGACHAT_API_PERS` (default), `GIGACHAT_API_B2B` or `GIGACHAT_API_CORP`. */
  readonly scope?: string | undefined
}

/** Sber's GigaChat. https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/gigachat-api */
export const gigachat: ProviderPlugin<GigachatOptions> = defineProvider({
  name: 'gigachat',
  title: 'GigaChat',
  docs: 'https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/gigachat-api',
  env: ['GIGACHAT_CREDENTIALS', 'GIGACHAT_API_KEY'],
  verifyTlsEnv: 'GIGACHAT_VERIFY_SSL_CERTS',
  options: v.object({ ...apiOptions, authUrl: v.optional(v.string()), scope: v.optional(v.string()) }),
  create(options: GigachatOptions, host: Host) {
    const given = setting(options.apiBase, host, 'GIGACHAT_API_BASE', 'GIGACHAT_BASE_URL')
    const base = trimSlash(given ?? 'https://gigachat.devices.sberbank.ru/api/v1')
    const tokens = tokenCache(tokenExchange(options, host))
    return {
      chat: {
        supports: [...plainParameters, ...functionParameters],
        request: async (input, call) => {
          const messages = await turnsOf(input.messages, (file) => upload(`${base}/files`, file, tokens, call))
          return post(`${base}/chat/completions`, chatBody(input, messages), input.stream === true)
        },
        response: async (reply, call, input) => completionOf(await reply.json(), input, call),
        stream: (reply, call, input) => chunksOf(reply, input, call),
      },
      embedding: {
        supports: [],
        request: (input) => post(`${base}/embeddings`, embeddingBody(input)),
        response: async (reply, call) => embeddingsOf(await reply.json(), call),
      },
      authorize: async (request, call) => ({
        ...request,
        headers: { ...request.headers, authorization: await tokens.bearer(call) },
      }),
      renew: tokens.forget,
    }
  },
})

const plainParameters = ['max_completion_tokens', 'max_tokens', 'n', 'stream', 'temperature', 'top_p']
const functionParameters = ['parallel_tool_calls', 'response_format', 'tool_choice', 'tools']

function post(url: string, body: JsonObject, isStream = false): UpstreamRequest {
  const accept = isStream ? 'text/event-stream' : 'application/json'
  return { method: 'POST', url, headers: { accept, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function failure(kind: ErrorKind, what: string, param?: string, cause?: unknown): GatewayError {
  return new GatewayError(kind, `gigachat: ${what}.`, { provider: 'gigachat', param, cause })
}

/** Milliseconds before its end in which a token is no longer used. */
const EARLY = 60_000

interface Token {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

type TokenCache = ReturnType<typeof tokenCache>

/** One token for all calls, and one exchange at a time. */
function tokenCache(exchange: (call: Call) => Promise<Token>) {
  let token: Token | undefined
  let pending: Promise<Token> | undefined
  return {
    async bearer(call: Call) {
      if (token === undefined || call.now() >= token.expiresAt - EARLY) {
        pending ??= exchange(call).finally(() => (pending = undefined))
        token = await pending
      }
      return `Bearer ${token.value}`
    },
    forget() {
      token = undefined
    },
  }
}

/** https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-token */
function tokenExchange(options: GigachatOptions, host: Host): (call: Call) => Promise<Token> {
  const key = requiredKey('gigachat', options.apiKey, host, 'GIGACHAT_CREDENTIALS', 'GIGACHAT_API_KEY')
  const scope = setting(options.scope, host, 'GIGACHAT_SCOPE') ?? 'GIGACHAT_API_PERS'
  const url = setting(options.authUrl, host, 'GIGACHAT_AUTH_URL') ?? 'https://ngw.devices.sberbank.ru:9443/api/v2/oauth'
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  return async (call) => {
    const headers = { ...form, authorization: `Basic ${key}`, rquid: call.uuid() }
    const body = new URLSearchParams({ scope })
    // Others wait for this token too: the client that happened to come first must not end it by hanging up.
    const signal = AbortSignal.timeout(10_000)
    const answer = await ask(call, url, { headers, body, signal }, 'upstream_auth_failed')
    const value = answer.access_token ?? answer.tok
    if (typeof value !== 'string') throw failure('upstream_invalid_response', "the vendor's answer holds no token")
    // Milliseconds or seconds; a token lives half an hour.
    const end = Number(answer.expires_at ?? answer.exp) || call.now() + 1_800_000
    return { value, expiresAt: end < 1e12 ? end * 1000 : end }
  }
}

/** The answer to a request besides the call's own; `badRequest` is what its 400 means. */
async function ask(call: Call, url: string, init: RequestInit, badRequest?: ErrorKind): Promise<JsonObject> {
  const [response, text] = await call
    .fetch(url, { method: 'POST', ...init })
    .then(async (response) => [response, await response.text()] as const)
    .catch((cause: unknown) => {
      if (isGatewayError(cause)) throw cause
      if (call.signal.aborted) throw failure('client_closed', 'the client closed the connection', undefined, cause)
      const remedy = 'Check the network, and ssl_verify: the certificates come from a root of their own'
      throw failure('upstream_unreachable', `cannot reach ${new URL(url).origin}. ${remedy}`, undefined, cause)
    })
  const body = parseJson(text) ?? text
  if (response.ok) return isJsonObject(body) ? body : {}
  const headers = { get: (name: string) => response.headers.get(name) ?? undefined }
  const kind = response.status === 400 ? badRequest : undefined
  throw upstreamError('gigachat', { status: response.status, headers, body }, { kind }, call.now())
}

/** Gives the id by which messages name a file. https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-file */
async function upload(url: string, file: DataUrl, tokens: TokenCache, call: Call): Promise<string> {
  const bytes = Uint8Array.from(atob(file.data), (character) => character.charCodeAt(0))
  const body = new FormData()
  body.append('file', new Blob([bytes], { type: file.mediaType }), `file.${file.mediaType.split('/')[1]}`)
  body.append('purpose', 'general')
  const send = async () =>
    ask(call, url, { headers: { authorization: await tokens.bearer(call) }, body, signal: call.signal })
  const { id } = await send().catch((error: unknown) => {
    if (!isGatewayError(error) || error.facts.upstreamStatus !== 401) throw error
    tokens.forget()
    return send()
  })
  if (typeof id === 'string') return id
  throw failure('upstream_invalid_response', "the vendor's answer holds no file id")
}

/** A message in GigaChat's words. */
interface Turn extends JsonObject {
  readonly role: 'system' | 'user' | 'assistant' | 'function'
  readonly content: string
  readonly attachments?: readonly string[] | undefined
}

type Upload = (file: DataUrl) => Promise<string>

/** The messages as GigaChat takes them: only the first may be the system's, no two of the user's in a row, one call each. */
async function turnsOf(messages: readonly ChatMessage[], upload: Upload): Promise<readonly Turn[]> {
  const calls = new Map<string, ToolCall>()
  const turns: Turn[] = []
  for (const [index, message] of messages.entries()) {
    const { role, tool_calls = [], functions_state_id } = message
    const content = contentText(message.content)
    for (const call of tool_calls) calls.set(call.id, call)
    if (role === 'assistant')
      turns.push({ role, content, function_call: tool_calls[0] && functionCall(tool_calls[0]), functions_state_id })
    else if (role === 'tool' || role === 'function') turns.push(resultOf(message, index, calls))
    else if (role !== 'user' && index === 0) turns.push({ role: 'system', content })
    else {
      const last = turns.at(-1)?.role === 'user' ? turns.pop() : undefined
      const attachments = [...(last?.attachments ?? []), ...(await attachmentsOf(message, index, upload))]
      turns.push({
        role: 'user',
        content: last ? `${last.content}\n${content}` : content,
        attachments: attachments.length > 0 ? attachments : undefined,
      })
    }
  }
  return turns.map(compact)
}

function functionCall({ function: { name, arguments: given } }: ToolCall): JsonObject {
  return { name, arguments: toolArguments(given) }
}

/** GigaChat takes a JSON object as text, and nothing else, for the result of a function. */
function resultOf(message: ChatMessage, index: number, calls: ReadonlyMap<string, ToolCall>): Turn {
  const name = message.name ?? calls.get(message.tool_call_id ?? '')?.function.name
  if (name === undefined)
    throw failure('invalid_request', 'no tool call has the id of this message', `messages[${index}].tool_call_id`)
  const text = contentText(message.content)
  const value = parseJson(text)
  return { role: 'function', name, content: isJsonObject(value) ? text : JSON.stringify({ result: value ?? text }) }
}

async function attachmentsOf({ content }: ChatMessage, index: number, upload: Upload): Promise<readonly string[]> {
  if (typeof content === 'string' || !content) return []
  const ids: string[] = []
  for (const part of content) {
    if (part.type === 'text') continue
    const file = part.type === 'image_url' ? parseDataUrl(part.image_url.url) : undefined
    if (file === undefined || /[^A-Za-z0-9+/=]/.test(file.data))
      throw failure('invalid_request', 'only text and images as data URLs are taken', `messages[${index}].content`)
    ids.push(await upload(file))
  }
  return ids
}

/** https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat */
function chatBody(input: ChatRequest, messages: readonly Turn[]): JsonObject {
  const { model, max_completion_tokens, max_tokens, n, stream, temperature, top_p } = input
  // A temperature of 0 is refused; a top_p of 0 says the same.
  const sampling = temperature === 0 ? { top_p: 0 } : { temperature, top_p }
  const limit = max_completion_tokens ?? max_tokens
  const asked = { model, messages, max_tokens: limit, n, stream, ...sampling, ...functionsOf(input) }
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== null)
  return { ...Object.fromEntries(given), ...vendorExtras('chat', input, ['messages']) }
}

const NOTHING = { type: 'object', properties: {} }

function functionsOf(input: ChatRequest): JsonObject {
  const form = formOf(input)
  const tools = (input.tools ?? []).map(({ function: { strict: _, ...tool } }) => ({ parameters: NOTHING, ...tool }))
  const functions = form ? [...tools, form] : tools
  const function_call = form ? { name: form.name } : choiceOf(input)
  return functions.length > 0 ? { functions, function_call } : {}
}

/** The function that stands for a `response_format`: its arguments are the answer. */
function formOf({ response_format: format }: ChatRequest): (JsonObject & { readonly name: string }) | undefined {
  if (format?.type === 'json_object')
    throw failure('unsupported_parameter', 'chat does not support json_object. Use json_schema', 'response_format')
  if (format?.type !== 'json_schema') return undefined
  const { name, description = 'Gives the answer.', schema = NOTHING } = format.json_schema
  return { name, description, parameters: schema }
}

function choiceOf({ tool_choice: choice, tools = [] }: ChatRequest): JsonObject | 'none' | undefined {
  if (choice === undefined || choice === 'auto') return undefined
  if (choice === 'none') return 'none'
  if (choice !== 'required') return { name: choice.function.name }
  if (tools.length === 1) return { name: tools[0]!.function.name }
  throw failure('unsupported_parameter', 'tool_choice required is supported with one tool only', 'tool_choice')
}

function completionOf(answer: unknown, input: ChatRequest, call: Call): ChatCompletion {
  if (!isJsonObject(answer) || !Array.isArray(answer.choices))
    throw failure('upstream_invalid_response', "the vendor's answer holds no choices")
  const usage = usageOf(answer.usage)
  return {
    ...headOf(answer, call),
    object: 'chat.completion',
    choices: answer.choices.filter(isJsonObject).map((choice, index) => ({
      index,
      message: { role: 'assistant', content: null, ...saidIn(choice.message, input, call) },
      finish_reason: finishOf(choice.finish_reason, input, call),
      logprobs: null,
    })),
    ...(usage && { usage }),
  }
}

async function* chunksOf(reply: UpstreamReply, input: ChatRequest, call: Call): AsyncGenerator<ChatCompletionChunk> {
  let head: ChunkHead | undefined
  let usage: Usage | undefined
  let isFinished = false
  for await (const { data } of serverSentJson(reply.body)) {
    if (!isJsonObject(data)) continue
    if (data.choices === undefined && data.message !== undefined) {
      const status = Number(data.status) || 500
      throw upstreamError('gigachat', { status, headers: reply.headers, body: data }, undefined, call.now())
    }
    head ??= headOf(data, call)
    usage = usageOf(data.usage) ?? usage
    const choices: readonly unknown[] = Array.isArray(data.choices) ? data.choices : []
    for (const { delta, index, finish_reason } of choices.filter(isJsonObject)) {
      // A function of GigaChat's own at work: its words are no part of the answer.
      if (isJsonObject(delta) && delta.role === 'function_in_progress') continue
      const { tool_calls, ...said } = saidIn(delta, input, call)
      const fragments = tool_calls && { tool_calls: tool_calls.map((toolCall, index) => ({ index, ...toolCall })) }
      const finish = finish_reason ? finishOf(finish_reason, input, call) : null
      isFinished ||= finish !== null
      yield chatChunk(head, { ...said, ...fragments }, finish, Number(index ?? 0))
    }
  }
  if (head === undefined || !isFinished)
    throw failure('upstream_invalid_response', 'the stream ended before the answer was complete')
  if (usage) yield usageChunk(head, usage)
}

interface Said extends JsonObject {
  readonly role?: 'assistant'
  readonly content?: string
  readonly tool_calls?: readonly ToolCall[]
}

/** What a message or delta says; a call of the function that stands for a `response_format` is its text. */
function saidIn(message: unknown, input: ChatRequest, call: Call): Said {
  const { role, content, function_call: called, functions_state_id } = isJsonObject(message) ? message : {}
  const said = {
    ...(role === 'assistant' && { role: 'assistant' as const }),
    ...(functions_state_id !== undefined && { functions_state_id }),
  }
  if (!isJsonObject(called)) return typeof content === 'string' ? { ...said, content } : said
  const { name, arguments: given = {} } = called
  const written = typeof given === 'string' ? given : JSON.stringify(given)
  if (formOf(input)) return { ...said, content: written }
  const toolCall = { name: String(name), arguments: written }
  return {
    ...said,
    ...(typeof content === 'string' && content !== '' && { content }),
    tool_calls: [{ id: `call_${call.uuid()}`, type: 'function', function: toolCall }],
  }
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  length: 'length',
  function_call: 'tool_calls',
  blacklist: 'content_filter',
}

function finishOf(reason: unknown, input: ChatRequest, call: Call): FinishReason {
  if (reason === 'error') call.log.warn('gigachat: the model broke off with an error.', { model: call.model })
  if (reason === 'function_call' && formOf(input)) return 'stop'
  return finishReasons[String(reason)] ?? 'stop'
}

/** GigaChat gives no id. */
function headOf({ created, model }: JsonObject, call: Call): ChunkHead {
  return {
    id: `chatcmpl-${call.uuid()}`,
    created: typeof created === 'number' ? created : Math.floor(call.now() / 1000),
    model: typeof model === 'string' ? model : call.model,
  }
}

/** GigaChat counts cached tokens beside the others, OpenAI among them. */
function usageOf(usage: unknown): Usage | undefined {
  if (!isJsonObject(usage)) return undefined
  const cached = Number(usage.precached_prompt_tokens ?? 0)
  const prompt = Number(usage.prompt_tokens ?? 0) + cached
  return tokenUsage({ prompt, completion: Number(usage.completion_tokens ?? 0), cached })
}

/** https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-embeddings */
function embeddingBody(request: EmbeddingRequest): JsonObject {
  const input: readonly unknown[] = typeof request.input === 'string' ? [request.input] : request.input
  if (input.some((text) => typeof text !== 'string'))
    throw failure('invalid_request', 'embeddings are made of text, not of tokens', 'input')
  return { model: request.model, input, ...vendorExtras('embedding', request, ['input']) }
}

function embeddingsOf(answer: unknown, call: Call): EmbeddingResponse {
  if (!isJsonObject(answer) || !Array.isArray(answer.data))
    throw failure('upstream_invalid_response', "the vendor's answer holds no embeddings")
  const items = answer.data.filter(isJsonObject)
  const tokens = items.reduce((sum, { usage }) => sum + (usageOf(usage)?.prompt_tokens ?? 0), 0)
  return {
    object: 'list',
    data: items.map(({ usage: _, ...item }, index) => ({ object: 'embedding', index, embedding: [], ...item })),
    model: typeof answer.model === 'string' ? answer.model : call.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}
