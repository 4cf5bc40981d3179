import {
  type ChatRequest,
  type JsonObject,
  type Provider,
  type ProviderPlugin,
  replyHeaders,
  type UpstreamReply,
} from '@tianjillm/core'
import { createDeployment } from '@tianjillm/engine'
import { anthropic } from '@tianjillm/provider-anthropic'
import { bedrock } from '@tianjillm/provider-bedrock'
import { gemini } from '@tianjillm/provider-gemini'
import { BufferedReply, PulledReply } from '../../packages/engine/src/transport.ts'
import { arrive, asked } from './calls.ts'
import type { Stage } from './measure.ts'
import { ANSWER, host, messagesEvents } from './samples.ts'
import { memoryTransport } from './transport.ts'

const text = ANSWER
const { call } = arrive()
const headers = replyHeaders({ 'content-type': 'application/json' })
// The gateway has checked it as one.
const input = asked.input as ChatRequest

/** What a vendor costs who does not speak OpenAI's wire: a request of 300 B, an answer of 404 letters. */
export const stages: readonly Stage[] = [
  ...translation(anthropic, {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'bench', content: [{ type: 'text', text }] },
    ...{ stop_reason: 'end_turn', usage: { input_tokens: 61, output_tokens: 52 } },
  }),
  ...translation(gemini, {
    candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 61, candidatesTokenCount: 52, totalTokenCount: 113 },
  }),
  ...translation(bedrock, {
    output: { message: { role: 'assistant', content: [{ text }] } },
    ...{ stopReason: 'end_turn', usage: { inputTokens: 61, outputTokens: 52, totalTokens: 113 } },
  }),
  signing(),
  streaming(),
]

function translation(plugin: ProviderPlugin, answer: object): readonly Stage[] {
  const chat = providerOf(plugin, { apiKey: 'key-of-the-bench' }).chat!
  const bytes = Buffer.from(JSON.stringify(answer))
  const reply = (): UpstreamReply => new BufferedReply(200, headers, bytes)
  return [
    { name: `write a request for ${plugin.name}`, run: () => chat.request(input, call) },
    { name: `read an answer of ${plugin.name}`, run: () => chat.response(reply(), call, input) },
  ]
}

/** AWS wants the whole request signed. */
function signing(): Stage {
  const keys = { awsAccessKeyId: 'AKIDOFTHEBENCH', awsSecretAccessKey: 'secret-of-the-bench' }
  const { chat, authorize } = providerOf(bedrock, { ...keys, awsRegionName: 'us-east-1' })
  const written = chat!.request(input, call)
  return { name: 'sign a request for bedrock', run: async () => authorize!(await written, call) }
}

/** Per event, of a stream that comes in one piece an event. */
function streaming(): Stage {
  const chat = providerOf(anthropic, { apiKey: 'key-of-the-bench' }).chat!
  return {
    name: "read one of a stream's 100 events of anthropic",
    times: messagesEvents.length,
    async run() {
      let count = 0
      for await (const _ of chat.stream!(new PulledReply(200, headers, pieces()), call, input)) count++
      return count
    },
  }
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield* messagesEvents
}

function providerOf(plugin: ProviderPlugin, options: JsonObject): Provider {
  return createDeployment(plugin, { model: 'bench', options }, host, memoryTransport).provider
}
