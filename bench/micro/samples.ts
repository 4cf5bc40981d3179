import type { Host, Log, Usage } from '@tianjillm/core'
import {
  createDeployment,
  createHost,
  type Deployment,
  type DeploymentSettings,
  type Transport,
} from '@tianjillm/engine'
import { openai } from '@tianjillm/provider-openai'

const nothing = () => {}
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** A host without environment variables that says nothing. */
export const host: Host = createHost({ env: () => undefined, log })

/** Letters of a message at most. */
const LONGEST = 2000
const SENTENCE = 'The gauge in hall 3 read "high" twice,\nand nobody looked at it until the morning. '

/** A chat request of about so many bytes, as JSON. */
export function chatRequest(size: number, more: object = {}): Buffer {
  const messages: { readonly role: string; readonly content: string }[] = [
    { role: 'system', content: 'You are a helpful assistant.' },
  ]
  const write = () => Buffer.from(JSON.stringify({ model: 'gpt-5', messages, temperature: 0.7, ...more }))
  for (let missing = size - write().length; missing > 100; missing = size - write().length) {
    const role = messages.length % 2 === 1 ? 'user' : 'assistant'
    const length = Math.min(LONGEST, missing - 36)
    messages.push({ role, content: SENTENCE.repeat(Math.ceil(length / SENTENCE.length)).slice(0, length) })
  }
  return write()
}

/** What the answers say they took. */
export const chatUsage: Usage = { prompt_tokens: 61, completion_tokens: 52, total_tokens: 113 }

/** What models say in answers that are not streamed. */
export const ANSWER: string = 'Rain '.repeat(81).trim()

/** A chat completion of 640 bytes, as JSON. */
export const chatAnswer: Buffer = Buffer.from(
  JSON.stringify({
    ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-5' },
    choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
    usage: chatUsage,
  }),
)

/** A streamed chat completion of 100 events, each as it comes from the vendor. */
export const chatEvents: readonly Buffer[] = [
  ...Array.from({ length: 97 }, (_, index) => chunk({ delta: { content: `word ${index} ` }, finish_reason: null })),
  chunk({ delta: {}, finish_reason: 'stop' }),
  event(JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [], usage: chatUsage })),
  event('[DONE]'),
]

/** A streamed answer of Anthropic's of 100 events. */
export const messagesEvents: readonly Buffer[] = [
  named('message_start', { message: { id: 'msg_1', model: 'bench', usage: { input_tokens: 61, output_tokens: 1 } } }),
  named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ...Array.from({ length: 95 }, (_, index) =>
    named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: `word ${index} ` } }),
  ),
  named('content_block_stop', { index: 0 }),
  named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 52 } }),
  named('message_stop', {}),
]

function named(type: string, more: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`)
}

function chunk(choice: object): Buffer {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-5' }
  return event(JSON.stringify({ ...head, choices: [{ index: 0, ...choice }] }))
}

function event(data: string): Buffer {
  return Buffer.from(`data: ${data}\n\n`)
}

/** A deployment of OpenAI in a group. */
export function deploymentOf(
  group: string,
  transport: Transport,
  settings: Partial<DeploymentSettings> = {},
): Deployment {
  const facts = { group, model: 'gpt-5-2026', options: { apiKey: 'sk-bench' }, ...settings }
  return createDeployment(openai, facts, host, transport)
}
