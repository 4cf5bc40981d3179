import {
  type ApiOptions,
  apiOptions,
  type BinaryAnswer,
  type ChatCompletion,
  type ChatCompletionChunk,
  defineProvider,
  eventError,
  GatewayError,
  type Host,
  isJsonObject,
  type JsonObject,
  type Operation,
  type Passthrough,
  type Provider,
  type ProviderPlugin,
  requiredKey,
  serverSentJson,
  setting,
  trimSlash,
  type UpstreamReply,
  type UpstreamRequest,
} from '@tianjillm/core'
import * as v from 'valibot'
import { formOf } from './multipart.ts'

/** Options of every OpenAI-compatible provider. */
export interface OpenAICompatibleOptions extends ApiOptions {
  /** Sent as `OpenAI-Organization`. */
  readonly organization?: string | undefined
  /** Sent as `OpenAI-Project`. */
  readonly project?: string | undefined
}

/** Operations an OpenAI-compatible provider may have, with their paths below the base URL. */
const paths = {
  chat: '/chat/completions',
  completion: '/completions',
  embedding: '/embeddings',
  image: '/images/generations',
  imageEdit: '/images/edits',
  imageVariation: '/images/variations',
  speech: '/audio/speech',
  transcription: '/audio/transcriptions',
  translation: '/audio/translations',
} as const

/** Names of the operations this base knows. */
export type CompatibleOperation = keyof typeof paths

const multipartOperations: ReadonlySet<CompatibleOperation> = new Set([
  'imageEdit',
  'imageVariation',
  'transcription',
  'translation',
])

/** An OpenAI-compatible vendor as data. */
export interface OpenAICompatibleFacts {
  readonly name: string
  readonly title: string
  readonly docs: string
  /** Without a trailing slash, usually ending in `/v1`. */
  readonly baseURL: string
  /** Environment variables that replace the base URL. Default: `<NAME>_API_BASE`. */
  readonly baseEnv?: readonly string[]
  /** Environment variable of the key, or several, the first one first. */
  readonly apiKeyEnv: string | readonly string[]
  /** What the vendor can do. Default: chat alone. */
  readonly operations?: readonly CompatibleOperation[]
  /** OpenAI parameters the vendor refuses, by operation. */
  readonly lacks?: { readonly [Name in CompatibleOperation]?: readonly string[] }
  /** Request fields the vendor spells otherwise: `{ max_completion_tokens: 'max_tokens' }`. */
  readonly rename?: Readonly<Record<string, string>>
  /**
   * Mends a chat answer or chunk that differs from OpenAI's. With it the vendor's answers are read, not relayed.
   * `mendReasoning` is one.
   */
  readonly mend?: <Answer extends ChatCompletion | ChatCompletionChunk>(answer: Answer) => Answer
  /** What the vendor's errors mean where that is not usual. */
  readonly fault?: Provider['fault']
}

/** A provider that speaks OpenAI's wire format: the vendor is data, the wire is here. https://platform.openai.com/docs/api-reference */
export function openaiCompatible(facts: OpenAICompatibleFacts): ProviderPlugin<OpenAICompatibleOptions> {
  const keyNames = typeof facts.apiKeyEnv === 'string' ? [facts.apiKeyEnv] : facts.apiKeyEnv
  const baseNames = facts.baseEnv ?? [`${facts.name.toUpperCase()}_API_BASE`]
  return defineProvider({
    name: facts.name,
    title: facts.title,
    docs: facts.docs,
    env: keyNames,
    options: v.object({ ...apiOptions, organization: v.optional(v.string()), project: v.optional(v.string()) }),
    create(options: OpenAICompatibleOptions, host: Host): Provider {
      const base = rootOf(setting(options.apiBase, host, ...baseNames) ?? facts.baseURL)
      const headers = {
        authorization: `Bearer ${requiredKey(facts.name, options.apiKey, host, ...keyNames)}`,
        ...(options.organization && { 'openai-organization': options.organization }),
        ...(options.project && { 'openai-project': options.project }),
      }
      const operations = facts.operations ?? ['chat']
      return {
        ...(facts.fault && { fault: facts.fault }),
        ...Object.fromEntries(
          operations.map((name) => [name, operation(facts, name, `${base}${paths[name]}`, headers)]),
        ),
      }
    },
  })
}

/** Vendors show the whole URL of chat completions, and so it is often what people have copied. */
function rootOf(base: string): string {
  const root = trimSlash(base)
  return root.endsWith(paths.chat) ? root.slice(0, -paths.chat.length) : root
}

type AnyOperation = Operation<JsonObject, JsonObject | BinaryAnswer | string, JsonObject>

function operation(
  facts: OpenAICompatibleFacts,
  name: CompatibleOperation,
  url: string,
  headers: Readonly<Record<string, string>>,
): AnyOperation {
  const isChat = name === 'chat'
  const mend = (isChat && facts.mend) || (<Answer>(answer: Answer) => answer)
  const passthrough: Passthrough = { url, headers, direction: isChat && facts.mend ? 'request' : 'both' }
  return {
    ...(!facts.rename && { passthrough: () => passthrough }),
    ...(facts.lacks?.[name] && { lacks: facts.lacks[name] }),
    request: (input) => request(name, url, headers, renamed(input, facts.rename)),
    response: async (reply, _call, input) => {
      if (name === 'speech') return { contentType: reply.headers.get('content-type') ?? 'audio/mpeg', body: reply.body }
      if (isTextFormat(input.response_format)) return reply.text()
      return mend(await reply.json<ChatCompletion>())
    },
    ...((isChat || name === 'completion') && {
      stream: (reply: UpstreamReply, call) => chunksOf(facts.name, reply, mend, call.now()),
    }),
  }
}

function request(
  name: CompatibleOperation,
  url: string,
  headers: Readonly<Record<string, string>>,
  input: JsonObject,
): UpstreamRequest {
  if (multipartOperations.has(name)) return { method: 'POST', url, headers, body: formOf(input) }
  return {
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  }
}

function isTextFormat(format: unknown): boolean {
  return format === 'text' || format === 'srt' || format === 'vtt'
}

function renamed(input: JsonObject, names: Readonly<Record<string, string>> = {}): JsonObject {
  if (!Object.keys(names).some((name) => input[name] !== undefined)) return input
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [names[name] ?? name, value]))
}

async function* chunksOf(
  provider: string,
  reply: UpstreamReply,
  mend: <Answer extends ChatCompletion | ChatCompletionChunk>(answer: Answer) => Answer,
  now: number,
): AsyncGenerator<JsonObject> {
  let isFinished = false
  for await (const { data } of serverSentJson(reply.body)) {
    if (!isJsonObject(data)) continue
    if (data.error) throw eventError(provider, data, reply.headers, now)
    // The wire is OpenAI's: what is an object here is a chunk.
    const chunk = mend(data as ChatCompletionChunk)
    isFinished ||= chunk.choices?.some(({ finish_reason }) => finish_reason) ?? false
    yield chunk
  }
  if (!isFinished)
    throw new GatewayError(
      'upstream_invalid_response',
      `${provider}: the stream ended before the answer was complete.`,
      { provider },
    )
}

/** For `mend`: the vendor says `reasoning` where others say `reasoning_content`. */
export function mendReasoning<Answer extends ChatCompletion | ChatCompletionChunk>(answer: Answer): Answer {
  const mended = answer.choices?.map((choice) => {
    const part = ('delta' in choice ? 'delta' : 'message') as 'delta'
    const said = (choice as { readonly delta?: JsonObject })[part]
    if (typeof said?.reasoning !== 'string' || said.reasoning_content !== undefined) return choice
    const { reasoning, ...rest } = said
    return { ...choice, [part]: { ...rest, reasoning_content: reasoning } }
  })
  return mended ? { ...answer, choices: mended } : answer
}
