import {
  type Call,
  type ChatCompletionChunk,
  type ChatRequest,
  type Host,
  type JsonObject,
  type Provider,
  replyHeaders,
  type UpstreamReply,
} from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import {
  mendReasoning,
  type OpenAICompatibleFacts,
  type OpenAICompatibleOptions,
  openaiCompatible,
} from '../src/index.ts'

const silent = () => {}
const host = (env: Readonly<Record<string, string>> = {}): Host => ({
  env: (name) => env[name],
  fetch: () => Promise.reject(new Error('no network in this test')),
  now: () => 0,
  uuid: () => '',
  log: { debug: silent, info: silent, warn: silent, error: silent },
})
const call: Call = {
  ...host(),
  id: 'call-1',
  operation: 'chat',
  model: 'm',
  signal: new AbortController().signal,
  caller: {},
  metadata: {},
}
const input: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const facts: OpenAICompatibleFacts = {
  name: 'acme',
  title: 'Acme',
  docs: 'https://docs.acme.test',
  baseURL: 'https://api.acme.test/v1',
  apiKeyEnv: 'ACME_API_KEY',
}

function provider(
  more: Partial<OpenAICompatibleFacts> = {},
  options: OpenAICompatibleOptions = { apiKey: 'k' },
  env: Readonly<Record<string, string>> = {},
): Provider {
  return openaiCompatible({ ...facts, ...more }).create(options, host(env))
}

function replyOf(text: string, headers: Readonly<Record<string, string>> = {}): UpstreamReply {
  const bytes = new TextEncoder().encode(text)
  return {
    status: 200,
    headers: replyHeaders(headers),
    body: (async function* () {
      yield bytes
    })(),
    bytes: () => Promise.resolve(bytes),
    text: () => Promise.resolve(text),
    json: async <Value>() => JSON.parse(text) as Value,
  }
}

async function chunksOf(by: Provider, ...events: readonly unknown[]): Promise<readonly ChatCompletionChunk[]> {
  const text = events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('')
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of by.chat!.stream!(replyOf(text), call, input)) chunks.push(chunk)
  return chunks
}

const delta = (content: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: content, finish_reason }],
})
const sentBody = async (by: Provider, request: ChatRequest) =>
  JSON.parse(String((await by.chat!.request(request, call)).body)) as JsonObject

describe('openaiCompatible', () => {
  it('has chat alone unless told otherwise', () => {
    expect(Object.keys(provider())).toEqual(['chat'])
    expect(Object.keys(provider({ operations: ['embedding', 'speech'] }))).toEqual(['embedding', 'speech'])
  })

  it('finds its key under several names, the first one first', async () => {
    const names = { apiKeyEnv: ['ACME_API_KEY', 'OLD_ACME_KEY'] }
    const { headers } = await provider(names, {}, { OLD_ACME_KEY: 'old' }).chat!.request(input, call)
    expect(headers.authorization).toBe('Bearer old')
    expect(openaiCompatible({ ...facts, ...names }).env).toEqual(['ACME_API_KEY', 'OLD_ACME_KEY'])
    expect(() => provider(names, {})).toThrow('acme: no API key. Set ACME_API_KEY or OLD_ACME_KEY or')
  })

  it.each([
    [{}, {}, {}, 'https://api.acme.test/v1/chat/completions'],
    [{}, {}, { ACME_API_BASE: 'https://env.test/' }, 'https://env.test/chat/completions'],
    [{}, { apiBase: 'https://own.test//' }, { ACME_API_BASE: 'https://env.test' }, 'https://own.test/chat/completions'],
    [{ baseEnv: ['A', 'B'] }, {}, { ACME_API_BASE: 'x', B: 'https://b.test' }, 'https://b.test/chat/completions'],
  ])('asks at the right place: facts %j, options %j, environment %j', async (more, options, env, url) => {
    const by = provider(more, { apiKey: 'k', ...options }, env as Record<string, string>)
    expect((await by.chat!.request(input, call)).url).toBe(url)
    expect(by.chat!.passthrough!('m').url).toBe(url)
  })

  it("lets the caller's bytes through both ways when the wire is OpenAI's", () => {
    expect(provider({}, { apiKey: 'k', organization: 'o', project: 'p' }).chat!.passthrough!('m')).toEqual({
      url: 'https://api.acme.test/v1/chat/completions',
      headers: { authorization: 'Bearer k', 'openai-organization': 'o', 'openai-project': 'p' },
      direction: 'both',
    })
  })

  it('lets only requests through when answers need mending, and only those of chat', () => {
    const by = provider({ mend: mendReasoning, operations: ['chat', 'embedding'] })
    expect(by.chat!.passthrough!('m').direction).toBe('request')
    expect(by.embedding!.passthrough!('m').direction).toBe('both')
  })

  it('renames fields, for which it has to write requests anew', async () => {
    const by = provider({ rename: { max_completion_tokens: 'max_tokens' } })
    expect(by.chat!.passthrough).toBeUndefined()
    expect(await sentBody(by, { ...input, max_completion_tokens: 5, top_k: 1 })).toEqual({
      ...input,
      max_tokens: 5,
      top_k: 1,
    })
    expect(await sentBody(by, input)).toEqual(input)
  })

  it('lacks parameters by operation', () => {
    const by = provider({ operations: ['chat', 'completion'], lacks: { chat: ['n'] } })
    expect(by.chat!.lacks).toEqual(['n'])
    expect(by.completion!.lacks).toBeUndefined()
  })

  it('streams text, and nothing that has no stream', () => {
    const by = provider({ operations: ['chat', 'completion', 'embedding', 'image'] })
    expect(
      [by.chat, by.completion, by.embedding, by.image].map((operation) => operation?.stream !== undefined),
    ).toEqual([true, true, false, false])
  })

  it('takes speech without a content type for mp3', async () => {
    const by = provider({ operations: ['speech'] })
    const request = { model: 'm', input: 'hi' }
    expect((await by.speech!.response(replyOf('x'), call, request)).contentType).toBe('audio/mpeg')
    const wav = replyOf('x', { 'Content-Type': 'audio/wav' })
    expect((await by.speech!.response(wav, call, request)).contentType).toBe('audio/wav')
  })
})

describe('a stream', () => {
  it('is told chunk by chunk, what is no object left out', async () => {
    const events = [delta({ content: 'a' }), 7, null, delta({}, 'stop'), { choices: [], usage: {} }]
    expect(await chunksOf(provider(), ...events, '[DONE]')).toEqual([events[0], events[3], events[4]])
  })

  it('may end without [DONE], but not without a finish reason', async () => {
    expect(await chunksOf(provider(), delta({}, 'stop'))).toHaveLength(1)
    await expect(chunksOf(provider(), delta({ content: 'a' }), '[DONE]')).rejects.toMatchObject({
      kind: 'upstream_invalid_response',
      message: 'acme: the stream ended before the answer was complete.',
    })
    await expect(chunksOf(provider())).rejects.toMatchObject({ kind: 'upstream_invalid_response' })
  })

  it('is mended chunk by chunk', async () => {
    const by = provider({ mend: mendReasoning })
    expect(await chunksOf(by, delta({ reasoning: 'hm' }), delta({}, 'stop'))).toEqual([
      delta({ reasoning_content: 'hm' }),
      delta({}, 'stop'),
    ])
  })

  it.each([
    [{ message: 'slow down', code: 429 }, 'rate_limited', 'acme: slow down'],
    [{ message: 'slow down', code: '429' }, 'rate_limited', 'acme: slow down'],
    [{ message: 'busy', status: 503 }, 'overloaded', 'acme: busy'],
    [{ message: 'no', code: 'server_error' }, 'upstream_error', 'acme: no'],
    [{ message: 'no', code: 42 }, 'upstream_error', 'acme: no'],
    ['no', 'upstream_error', 'acme: no'],
  ])('that breaks off with the error %j is told as %s', async (error, kind, message) => {
    await expect(chunksOf(provider(), delta({ content: 'a' }), { error })).rejects.toMatchObject({ kind, message })
  })
})

describe('mendReasoning', () => {
  const answer = (message: object) => ({ id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }] }) as never

  it('renames reasoning in an answer', () => {
    expect(mendReasoning(answer({ content: 'yes', reasoning: 'hm' }))).toEqual(
      answer({ content: 'yes', reasoning_content: 'hm' }),
    )
  })

  it.each([
    [{ content: 'yes' }],
    [{ content: 'yes', reasoning: 'a', reasoning_content: 'b' }],
    [{ content: 'yes', reasoning: { effort: 'low' } }],
  ])('leaves %j alone', (message) => {
    expect(mendReasoning(answer(message))).toEqual(answer(message))
  })

  it('leaves an answer without choices alone', () => {
    const usage = { object: 'chat.completion.chunk', usage: {} } as never
    expect(mendReasoning(usage)).toBe(usage)
  })
})
