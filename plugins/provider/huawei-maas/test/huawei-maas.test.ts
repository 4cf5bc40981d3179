import { providerContract, sse } from '@tianjillm/testing'
import { huaweiMaas } from '../src/huawei-maas.ts'

const messages = [{ role: 'user', content: 'Which tables are there?' }] as const
const tools = [{ type: 'function', function: { name: 'tables', parameters: { type: 'object' } } }] as const
const url = 'https://api-ap-southeast-1.modelarts-maas.com/openai/v1'
const headers = { authorization: 'Bearer test-key' }
const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }
const calls = [{ id: 'call_1', type: 'function', function: { name: 'tables', arguments: '{}' } }]
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'deepseek-v3.2' },
  choices: [{ index: 0, delta, finish_reason }],
})
const chat = { model: 'deepseek-v3.2', messages }
const failed = (status: number, error_code: string, error_msg: string) => ({ status, body: { error_code, error_msg } })

providerContract(huaweiMaas, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'calls tools, and tells what it thinks',
        input: { ...chat, tools, tool_choice: 'auto', thinking: { type: 'enabled' } },
        sent: {
          url: `${url}/chat/completions`,
          headers,
          json: { ...chat, tools, tool_choice: 'auto', thinking: { type: 'enabled' } },
        },
        reply: {
          body: {
            id: 'c1',
            choices: [
              {
                index: 0,
                message: { role: 'assistant', content: '', reasoning_content: 'I look.', tool_calls: calls },
                finish_reason: 'tool_calls',
              },
            ],
            usage,
          },
        },
        answer: {
          id: 'c1',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: '', reasoning_content: 'I look.', tool_calls: calls },
              finish_reason: 'tool_calls',
            },
          ],
          usage,
        },
      },
      {
        title: 'streams',
        input: { ...chat, stream: true },
        sent: { url: `${url}/chat/completions`, headers, json: { ...chat, stream: true } },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse(chunk({ role: 'assistant', content: 'Två 表' }), chunk({}, 'stop'), '[DONE]'),
        },
        answer: [chunk({ role: 'assistant', content: 'Två 表' }), chunk({}, 'stop')],
      },
      {
        title: 'takes the URL of chat completions for the root above it',
        options: { apiKey: 'test-key', apiBase: 'https://api.modelarts-maas.com/v2/chat/completions/' },
        input: chat,
        sent: { url: 'https://api.modelarts-maas.com/v2/chat/completions', json: chat },
        reply: { body: { id: 'c1', choices: [] } },
        answer: { id: 'c1', choices: [] },
      },
    ],
    embedding: [
      {
        title: 'embeds',
        input: { model: 'bge-m3', input: ['a', 'b'] },
        sent: { url: `${url}/embeddings`, headers, json: { model: 'bge-m3', input: ['a', 'b'] } },
        reply: { body: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }] } },
        answer: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }] },
      },
    ],
  },
  faults: [
    {
      ...failed(403, 'ModelArts.81011', 'Risk control rejected the content.'),
      kind: 'content_policy_violation',
      message: 'huawei_maas: Risk control rejected the content.',
    },
    {
      ...failed(401, 'ModelArts.81005', 'The free quota is used up.'),
      kind: 'quota_exceeded',
      message: 'huawei_maas: The free quota is used up.',
    },
    {
      ...failed(429, 'ModelArts.81101', 'Too many requests.'),
      kind: 'rate_limited',
      message: 'huawei_maas: Too many requests.',
    },
    {
      status: 400,
      body: { object: 'error', message: 'max_tokens is too large', type: 'BadRequestError', param: null, code: 400 },
      kind: 'invalid_request',
      message: 'huawei_maas: max_tokens is too large',
    },
  ],
})
