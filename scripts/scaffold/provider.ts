import type { PluginNames } from './names.ts'
import { readme, type Template } from './template.ts'

/** A provider that speaks OpenAI's wire format: facts alone. */
export function compatibleProvider(names: PluginNames): Template {
  const { name, identifier, title, docs, baseURL, variable } = names
  return {
    dependencies: ['@tianjillm/openai-compatible'],
    env: [`${variable}_API_KEY`],
    readme: providerReadme(names),
    source: `import type { ProviderPlugin } from '@tianjillm/core'
import { type OpenAICompatibleOptions, openaiCompatible } from '@tianjillm/openai-compatible'

/** ${title} serves models behind OpenAI's own wire format. ${docs} */
export const ${identifier}: ProviderPlugin<OpenAICompatibleOptions> = openaiCompatible({
  name: '${name}',
  title: '${title}',
  docs: '${docs}',
  baseURL: '${baseURL}',
  apiKeyEnv: '${variable}_API_KEY',
})
`,
    test: `import { providerContract, sse } from '@tianjillm/testing'
import { ${identifier} } from '../src/${names.folder}.ts'

const url = '${baseURL}/chat/completions'
const headers = { authorization: 'Bearer test-key' }
const messages = [{ role: 'user', content: 'hi' }] as const
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'large',
  choices: [{ index: 0, delta, finish_reason }],
})

providerContract(${identifier}, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'asks and answers as OpenAI does',
        input: { model: 'large', messages, max_tokens: 5 },
        sent: { url, headers, json: { model: 'large', messages, max_tokens: 5 } },
        reply: { body: { id: 'c1', choices: [{ index: 0, message: { role: 'assistant', content: 'yes' } }] } },
        answer: { id: 'c1', choices: [{ index: 0, message: { role: 'assistant', content: 'yes' } }] },
      },
      {
        title: 'streams',
        input: { model: 'large', messages, stream: true },
        sent: { url, headers, json: { model: 'large', messages, stream: true } },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse(chunk({ role: 'assistant', content: 'ja' }), chunk({ content: ' 👍' }), chunk({}, 'stop'), '[DONE]'),
        },
        answer: [chunk({ role: 'assistant', content: 'ja' }), chunk({ content: ' 👍' }), chunk({}, 'stop')],
      },
    ],
  },
  faults: [
    {
      status: 429,
      body: { error: { message: 'slow down', type: 'rate_limit_error' } },
      kind: 'rate_limited',
      message: '${name}: slow down',
    },
  ],
})
`,
  }
}

/** A provider with a wire of its own: how to ask, how to read the answer, how to read the stream. */
export function httpProvider(names: PluginNames): Template {
  const { name, identifier, typeName, title, docs, baseURL, variable } = names
  return {
    dependencies: ['valibot'],
    env: [`${variable}_API_KEY`],
    readme: providerReadme(names),
    source: `import {
  type ApiOptions,
  apiOptions,
  type Call,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatRequest,
  type ChunkHead,
  chatChunk,
  chatCompletion,
  compact,
  contentText,
  defineProvider,
  type FinishReason,
  GatewayError,
  type JsonObject,
  type ProviderPlugin,
  requiredKey,
  serverSentJson,
  setting,
  tokenUsage,
  trimSlash,
  type UpstreamReply,
  type Usage,
  usageChunk,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** ${title} serves models behind a wire format of its own. ${docs} */
export const ${identifier}: ProviderPlugin<ApiOptions> = defineProvider({
  name: '${name}',
  title: '${title}',
  docs: '${docs}',
  env: ['${variable}_API_KEY'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, '${variable}_API_BASE') ?? '${baseURL}')
    const headers = {
      authorization: \`Bearer \${requiredKey('${name}', options.apiKey, host, '${variable}_API_KEY')}\`,
      'content-type': 'application/json',
    }
    return {
      chat: {
        supports: ['max_tokens', 'stream', 'temperature'],
        request: (input) => ({ method: 'POST', url: \`\${base}/generate\`, headers, body: JSON.stringify(bodyOf(input)) }),
        response: async (reply, call) => completionOf(await reply.json(), call),
        stream: chunksOf,
      },
    }
  },
})

function bodyOf(input: ChatRequest): JsonObject {
  return compact({
    model: input.model,
    turns: input.messages.map(({ role, content }) => ({ role, text: contentText(content) })),
    length: input.max_tokens,
    temperature: input.temperature,
    stream: input.stream,
    ...vendorExtras('chat', input, ['messages']),
  })
}

/** A whole answer, or a piece of a stream; only the last piece has an end and counts. */
const answer = v.object({
  text: v.optional(v.string(), ''),
  end: v.optional(v.string()),
  tokens: v.optional(v.object({ in: v.number(), out: v.number() })),
})

type ${typeName}Answer = v.InferOutput<typeof answer>

function read(value: unknown): ${typeName}Answer {
  const result = v.safeParse(answer, value)
  if (result.success) return result.output
  throw new GatewayError('upstream_invalid_response', '${name}: the answer was not understood.', { provider: '${name}' })
}

const finishReasons: Readonly<Record<string, FinishReason>> = { done: 'stop', cut: 'length' }

function completionOf(value: unknown, call: Call): ChatCompletion {
  const { text, end = 'done', tokens } = read(value)
  return chatCompletion(headOf(call), { role: 'assistant', content: text }, finishReasons[end] ?? 'stop', tokens && usageOf(tokens))
}

async function* chunksOf(reply: UpstreamReply, call: Call): AsyncGenerator<ChatCompletionChunk> {
  const head = headOf(call)
  let isFinished = false
  for await (const { data } of serverSentJson(reply.body)) {
    const { text, end, tokens } = read(data)
    if (text !== '') yield chatChunk(head, { content: text })
    if (end === undefined) continue
    isFinished = true
    yield chatChunk(head, {}, finishReasons[end] ?? 'stop')
    if (tokens) yield usageChunk(head, usageOf(tokens))
  }
  if (!isFinished)
    throw new GatewayError('upstream_invalid_response', '${name}: the stream ended before the answer was complete.', {
      provider: '${name}',
    })
}

function usageOf(tokens: NonNullable<${typeName}Answer['tokens']>): Usage {
  return tokenUsage({ prompt: tokens.in, completion: tokens.out })
}

function headOf(call: Call): ChunkHead {
  return { id: \`chatcmpl-\${call.uuid()}\`, created: Math.floor(call.now() / 1000), model: call.model }
}
`,
    test: `import { providerContract, sse } from '@tianjillm/testing'
import { ${identifier} } from '../src/${names.folder}.ts'

const url = '${baseURL}/generate'
const headers = { authorization: 'Bearer test-key' }
const messages = [{ role: 'user', content: 'hi' }] as const
const turns = [{ role: 'user', text: 'hi' }]
const head = { id: 'chatcmpl-00000000-0000-4000-8000-000000000001', created: 1_767_348_000, model: 'large' }
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason }],
})

providerContract(${identifier}, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'asks in its own words, and hands on its own parameters',
        input: { model: 'large', messages, max_tokens: 5, mood: 'kind' },
        sent: { url, headers, json: { model: 'large', turns, length: 5, mood: 'kind' } },
        reply: { body: { text: 'yes', end: 'cut', tokens: { in: 1, out: 2 } } },
        answer: {
          ...head,
          object: 'chat.completion',
          choices: [
            { index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'length', logprobs: null },
          ],
          usage,
        },
      },
      {
        title: 'streams',
        input: { model: 'large', messages, stream: true },
        sent: { url, headers, json: { model: 'large', turns, stream: true } },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse({ text: 'ja' }, { text: ' 👍' }, { end: 'done', tokens: { in: 1, out: 2 } }),
        },
        answer: [
          chunk({ content: 'ja' }),
          chunk({ content: ' 👍' }),
          chunk({}, 'stop'),
          { ...head, object: 'chat.completion.chunk', choices: [], usage },
        ],
      },
      {
        title: 'refuses an answer it does not understand',
        input: { model: 'large', messages },
        sent: { url, headers, json: { model: 'large', turns } },
        reply: { body: { text: 5 } },
        error: { kind: 'upstream_invalid_response', message: '${name}: the answer was not understood.' },
      },
    ],
  },
})
`,
  }
}

function providerReadme(names: PluginNames): string {
  const { name, identifier, packageName, variable } = names
  return readme(names, {
    does: 'serves chat models.',
    yaml: `model_list:
  - model_name: large
    litellm_params: { model: ${name}/large, api_key: os.environ/${variable}_API_KEY }`,
    typescript: `import { connect } from '@tianjillm/engine'
import { ${identifier} } from '${packageName}'
const model = connect(${identifier}, { apiKey: '…' })
const answer = await model.chat({ model: 'large', messages: [{ role: 'user', content: 'Hello' }] })
console.log(answer.choices[0]?.message.content)`,
  })
}
