import { namedSse, providerContract } from '@tianjillm/testing'
import { anthropic } from '../src/anthropic.ts'

const url = 'https://api.anthropic.com/v1/messages'
const headers = {
  'x-api-key': 'test-key',
  'anthropic-version': '2023-06-01',
  'anthropic-beta': null,
  authorization: null,
}
const messages = [{ role: 'user', content: 'hi' }] as const
const turns = [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }]
const least = { model: 'claude', max_tokens: 4096, messages: turns }
const usage = { input_tokens: 7, cache_creation_input_tokens: 2, cache_read_input_tokens: 1, output_tokens: 3 }
const counted = {
  prompt_tokens: 10,
  completion_tokens: 3,
  total_tokens: 13,
  prompt_tokens_details: { cached_tokens: 1 },
  cache_creation_input_tokens: 2,
  cache_read_input_tokens: 1,
}
const answer = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-1',
  content: [{ type: 'text', text: 'Hello.' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
}
const completion = {
  id: 'msg_1',
  object: 'chat.completion',
  created: 1_767_348_000,
  model: 'claude-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop', logprobs: null }],
  usage: counted,
}
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'msg_1',
  object: 'chat.completion.chunk',
  created: 1_767_348_000,
  model: 'claude-1',
  choices: [{ index: 0, delta, finish_reason }],
})
const events = [
  {
    type: 'message_start',
    message: { ...answer, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  },
  { type: 'ping' },
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'grübel' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'ja 👍' } },
  { type: 'content_block_stop', index: 1 },
  { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 't1', name: 'look', input: {} } },
  { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"q":1}' } },
  { type: 'content_block_stop', index: 2 },
  { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
]
const eventStream = { headers: { 'content-type': 'text/event-stream' } }
const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }

providerContract(anthropic, {
  options: { apiKey: 'test-key' },
  wrongOptions: { options: { anthropicBeta: 5 }, path: 'anthropicBeta' },
  operations: {
    chat: [
      {
        title: 'maps a conversation with tools',
        input: {
          model: 'claude',
          messages: [
            { role: 'system', content: 'be brief' },
            { role: 'user', content: 'weather?' },
            {
              role: 'assistant',
              content: null,
              tool_calls: [{ id: 't1', type: 'function', function: { name: 'look', arguments: '{"city":"Jena"}' } }],
            },
            { role: 'tool', tool_call_id: 't1', content: 'rain' },
          ],
          tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }],
          tool_choice: 'required',
          parallel_tool_calls: false,
          max_tokens: 50,
          temperature: 1.5,
          stop: 'END',
          user: 'u1',
          top_k: 3,
        },
        sent: {
          url,
          headers,
          json: {
            model: 'claude',
            max_tokens: 50,
            system: [{ type: 'text', text: 'be brief' }],
            messages: [
              { role: 'user', content: [{ type: 'text', text: 'weather?' }] },
              { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'look', input: { city: 'Jena' } }] },
              { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'rain' }] },
            ],
            tools: [{ name: 'look', input_schema: { type: 'object', properties: {} } }],
            tool_choice: { type: 'any', disable_parallel_tool_use: true },
            temperature: 1,
            stop_sequences: ['END'],
            metadata: { user_id: 'u1' },
            top_k: 3,
          },
        },
        reply: { body: answer },
        answer: completion,
      },
      {
        title: 'maps effort and format',
        input: {
          model: 'claude',
          messages,
          reasoning_effort: 'high',
          response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
        },
        sent: {
          url,
          json: {
            ...least,
            thinking: { type: 'adaptive' },
            output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
          },
        },
        reply: { body: answer },
        answer: completion,
      },
      {
        title: 'streams thinking, text and a tool call',
        input: { model: 'claude', messages, stream: true, stream_options: { include_usage: true } },
        sent: { url, headers, json: { ...least, stream: true } },
        reply: { ...eventStream, body: namedSse(...events) },
        answer: [
          chunk({ role: 'assistant', content: '' }),
          chunk({ reasoning_content: 'grübel' }),
          chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'grübel', signature: 'sig' }] }),
          chunk({ content: 'ja 👍' }),
          chunk({
            tool_calls: [{ index: 0, id: 't1', type: 'function', function: { name: 'look', arguments: '' } }],
          }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: '{"q":1}' } }] }),
          chunk({}, 'tool_calls'),
          { ...chunk({}), choices: [], usage: counted },
        ],
      },
      {
        title: 'tells an error in the middle of a stream',
        input: { model: 'claude', messages, stream: true },
        sent: { url },
        reply: { ...eventStream, body: namedSse(...events.slice(0, 4), overloaded) },
        error: { kind: 'overloaded', message: 'anthropic: Overloaded' },
      },
      {
        title: 'refuses several choices',
        input: { model: 'claude', messages, n: 2 },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'n' },
      },
      {
        title: 'drops what it has no counterpart for when told to',
        input: { model: 'claude', messages, n: 2, logprobs: true, seed: 5, frequency_penalty: 1, logit_bias: { 5: 1 } },
        dropParams: true,
        sent: { url, json: least },
        reply: { body: answer },
        answer: completion,
      },
      {
        title: 'sends the version and the betas it is given',
        input: { model: 'claude', messages, top_p: 0.5 },
        options: { anthropicVersion: '2026-10-21', anthropicBeta: ['files-api-2025-04-14', 'other'] },
        dropParams: true,
        sent: {
          url,
          headers: { 'anthropic-version': '2026-10-21', 'anthropic-beta': 'files-api-2025-04-14,other' },
          json: least,
        },
        reply: { body: answer },
        answer: completion,
      },
      {
        title: 'refuses sampling parameters with a version that has none',
        input: { model: 'claude', messages, temperature: 0 },
        options: { anthropicVersion: '2026-10-21' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'temperature' },
      },
      {
        title: 'takes betas as one text',
        input: { model: 'claude', messages },
        options: { anthropicBeta: 'a,b' },
        sent: { url, headers: { 'anthropic-beta': 'a,b' } },
        reply: { body: answer },
      },
      {
        title: 'takes a base that has the path already',
        input: { model: 'claude', messages },
        options: { apiBase: 'https://proxy.test/claude/v1/messages/' },
        sent: { url: 'https://proxy.test/claude/v1/messages' },
        reply: { body: answer },
      },
      {
        title: 'takes key and base from the environment',
        input: { model: 'claude', messages },
        options: { apiKey: undefined },
        env: { ANTHROPIC_API_KEY: 'env-key', ANTHROPIC_BASE_URL: 'https://proxy.test/v1' },
        sent: { url: 'https://proxy.test/v1/messages', headers: { 'x-api-key': 'env-key' } },
        reply: { body: answer },
      },
      {
        title: 'prefers ANTHROPIC_API_BASE',
        input: { model: 'claude', messages },
        env: { ANTHROPIC_API_BASE: 'https://base.test', ANTHROPIC_BASE_URL: 'https://proxy.test' },
        sent: { url: 'https://base.test/v1/messages' },
        reply: { body: answer },
      },
      {
        title: 'refuses an answer without content',
        input: { model: 'claude', messages },
        sent: { url },
        reply: { body: { id: 'msg_1' } },
        error: { kind: 'upstream_invalid_response', message: 'anthropic: the answer has no content.' },
      },
    ],
    messages: [
      {
        title: "sends Anthropic's own wire as it is",
        input: {
          model: 'claude',
          max_tokens: 5,
          messages,
          metadata: { user_id: 'u1' },
          cache_control: { type: 'ephemeral' },
        },
        sent: {
          url,
          headers,
          json: {
            model: 'claude',
            max_tokens: 5,
            messages,
            metadata: { user_id: 'u1' },
            cache_control: { type: 'ephemeral' },
          },
        },
        reply: { body: answer },
        answer,
      },
      {
        title: 'hands on the events as they are',
        input: { model: 'claude', max_tokens: 5, messages, stream: true },
        sent: { url, headers, json: { model: 'claude', max_tokens: 5, messages, stream: true } },
        reply: { ...eventStream, body: namedSse(...events) },
        answer: events,
      },
      {
        title: 'tells an error in the middle of its events',
        input: { model: 'claude', max_tokens: 5, messages, stream: true },
        sent: { url },
        reply: { ...eventStream, body: namedSse(...events.slice(0, 4), overloaded) },
        error: { kind: 'overloaded' },
      },
    ],
  },
  faults: [
    { status: 529, body: overloaded, kind: 'overloaded', message: 'anthropic: Overloaded' },
    {
      status: 400,
      body: { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: too large' } },
      kind: 'invalid_request',
      message: 'anthropic: max_tokens: too large',
    },
    {
      status: 400,
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
      },
      kind: 'context_length_exceeded',
    },
    {
      status: 401,
      body: { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } },
      kind: 'upstream_auth_failed',
    },
    {
      status: 429,
      body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
      kind: 'rate_limited',
      message: 'anthropic: slow down',
    },
  ],
})
