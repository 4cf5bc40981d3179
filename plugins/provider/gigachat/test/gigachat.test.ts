import type { Call, Host } from '@tianjillm/core'
import {
  type FakeUpstream,
  fakeUpstream,
  NOW,
  providerContract,
  type Scripted,
  sse,
  stubHost,
} from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gigachat } from '../src/gigachat.ts'

const base = 'https://gigachat.devices.sberbank.ru/api/v1'
const authUrl = 'https://ngw.devices.sberbank.ru:9443/api/v2/oauth'
const uuid = (count: number) => `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`
const asksToken = {
  url: authUrl,
  headers: {
    authorization: 'Basic test-key',
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    rquid: uuid(1),
  },
  bytes: 'scope=GIGACHAT_API_PERS',
}
const givesToken = { body: { access_token: 'token-1', expires_at: NOW + 1_800_000 } }
const headers = { authorization: 'Bearer token-1', accept: 'application/json' }
const messages = [{ role: 'user', content: 'hi' }] as const
const usage = { prompt_tokens: 40, completion_tokens: 12, precached_prompt_tokens: 0, total_tokens: 52 }
const said = (message: object, finish_reason = 'stop', rest: object = {}) => ({
  body: {
    choices: [{ message: { role: 'assistant', ...message }, index: 0, finish_reason }],
    created: 1_790_000_000,
    model: 'GigaChat-2-Max:2.0',
    object: 'chat.completion',
    ...rest,
  },
})
const completion = (message: object, finish_reason = 'stop') => ({
  id: `chatcmpl-${uuid(2)}`,
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'GigaChat-2-Max:2.0',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason, logprobs: null }],
})
const asks = (json: object) => [
  asksToken,
  { url: `${base}/chat/completions`, headers, json: { model: 'GigaChat-2-Max', ...json } },
]
const answers = (reply: Scripted) => [givesToken, reply]
const schema = { type: 'object', properties: { city: { type: 'string' } } }
const tool = (name: string) =>
  ({
    type: 'function',
    function: { name, description: `Gives the ${name}.`, parameters: schema, strict: true },
  }) as const
const asFunction = (name: string) => ({ name, description: `Gives the ${name}.`, parameters: schema })
const toolCall = (id: string, name: string, written: string) =>
  ({ id, type: 'function', function: { name, arguments: written } }) as const
const event = (delta: object, finish_reason: string | null = null, rest: object = {}) => ({
  choices: [{ delta, index: 0, ...(finish_reason && { finish_reason }) }],
  created: 1_790_000_000,
  model: 'GigaChat-2-Max:2.0',
  object: 'chat.completion',
  ...rest,
})
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: `chatcmpl-${uuid(2)}`,
  object: 'chat.completion.chunk',
  created: 1_790_000_000,
  model: 'GigaChat-2-Max:2.0',
  choices: [{ index: 0, delta, finish_reason }],
})
const eventStream = { 'content-type': 'text/event-stream' }
const model = 'GigaChat-2-Max'
const image = 'data:image/png;base64,iVBORwD/'
const weather = [{ role: 'assistant', tool_calls: [toolCall('c1', 'weather', '{}')] }] as const

providerContract(gigachat, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'exchanges its key for a token and asks with it',
        input: {
          model,
          messages,
          max_completion_tokens: 5,
          max_tokens: 9,
          temperature: 0.7,
          top_p: 0.9,
          n: 2,
          repetition_penalty: 1.1,
          profanity_check: false,
          parallel_tool_calls: false,
        },
        sent: asks({
          messages,
          max_tokens: 5,
          temperature: 0.7,
          top_p: 0.9,
          n: 2,
          repetition_penalty: 1.1,
          profanity_check: false,
        }),
        reply: answers(said({ content: 'Hello.' }, 'stop', { usage: { ...usage, precached_prompt_tokens: 8 } })),
        answer: {
          ...completion({ content: 'Hello.' }),
          usage: {
            prompt_tokens: 48,
            completion_tokens: 12,
            total_tokens: 60,
            prompt_tokens_details: { cached_tokens: 8 },
          },
        },
      },
      {
        title: 'says a temperature of 0 as a top_p of 0',
        input: { model, messages, temperature: 0, top_p: 0.9, max_tokens: 9 },
        sent: asks({ messages, max_tokens: 9, top_p: 0 }),
        reply: answers(said({ content: 'Hello.' }, 'length')),
        answer: completion({ content: 'Hello.' }, 'length'),
      },
      {
        title: 'keeps the first system message, makes users of the others and merges neighbours',
        input: {
          model,
          messages: [
            { role: 'developer', content: 'Be brief.' },
            { role: 'system', content: 'Be kind.' },
            {
              role: 'user',
              content: [
                { type: 'text', text: 'one' },
                { type: 'text', text: 'two' },
              ],
            },
            { role: 'assistant', content: null, functions_state_id: 's1' },
            { role: 'user', content: 'three' },
          ],
        },
        sent: asks({
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Be kind.\none\ntwo' },
            { role: 'assistant', content: '', functions_state_id: 's1' },
            { role: 'user', content: 'three' },
          ],
        }),
        reply: answers(said({ content: 'no' }, 'blacklist')),
        answer: completion({ content: 'no' }, 'content_filter'),
      },
      {
        title: 'calls a function and hands its state to the client',
        input: { model, messages, tools: [tool('weather')], tool_choice: 'auto' },
        sent: asks({ messages, functions: [asFunction('weather')] }),
        reply: answers(
          said(
            {
              content: '',
              function_call: { name: 'weather', arguments: { city: 'Kazan' } },
              functions_state_id: 's1',
            },
            'function_call',
          ),
        ),
        answer: completion(
          {
            content: null,
            tool_calls: [toolCall(`call_${uuid(3)}`, 'weather', '{"city":"Kazan"}')],
            functions_state_id: 's1',
          },
          'tool_calls',
        ),
      },
      {
        title: 'tells the results of functions by name, as JSON objects',
        input: {
          model,
          messages: [
            ...messages,
            {
              role: 'assistant',
              content: 'Let me see.',
              tool_calls: [toolCall('c1', 'weather', '{"city":"Kazan"}'), toolCall('c2', 'time', '')],
              functions_state_id: 's1',
            },
            { role: 'tool', tool_call_id: 'c1', content: '{"degrees":7}' },
            { role: 'tool', tool_call_id: 'c2', content: 'noon' },
            { role: 'function', name: 'list', content: '[1]' },
          ],
        },
        sent: asks({
          messages: [
            ...messages,
            {
              role: 'assistant',
              content: 'Let me see.',
              function_call: { name: 'weather', arguments: { city: 'Kazan' } },
              functions_state_id: 's1',
            },
            { role: 'function', name: 'weather', content: '{"degrees":7}' },
            { role: 'function', name: 'time', content: '{"result":"noon"}' },
            { role: 'function', name: 'list', content: '{"result":[1]}' },
          ],
        }),
        reply: answers(said({ content: 'Seven.' })),
        answer: completion({ content: 'Seven.' }),
      },
      ...(
        [
          ['none', [tool('weather')], 'none'],
          ['required', [tool('weather')], { name: 'weather' }],
          [{ type: 'function', function: { name: 'time' } }, [tool('weather'), tool('time')], { name: 'time' }],
        ] as const
      ).map(([tool_choice, tools, function_call]) => ({
        title: `says tool_choice ${JSON.stringify(tool_choice)} as function_call`,
        input: { model, messages, tools, tool_choice },
        sent: asks({ messages, functions: tools.map((item) => asFunction(item.function.name)), function_call }),
        reply: answers(said({ content: 'ok' })),
        answer: completion({ content: 'ok' }),
      })),
      {
        title: 'gives a function without parameters empty ones',
        input: { model, messages, tools: [{ type: 'function', function: { name: 'now' } }] },
        sent: asks({ messages, functions: [{ name: 'now', parameters: { type: 'object', properties: {} } }] }),
        reply: answers(said({ content: '', function_call: { name: 'now', arguments: '{}' } }, 'function_call')),
        answer: completion({ content: null, tool_calls: [toolCall(`call_${uuid(3)}`, 'now', '{}')] }, 'tool_calls'),
      },
      {
        title: 'gets JSON of a schema by forcing a function, and tells it as content',
        input: { model, messages, response_format: { type: 'json_schema', json_schema: { name: 'place', schema } } },
        sent: asks({
          messages,
          functions: [{ name: 'place', description: 'Gives the answer.', parameters: schema }],
          function_call: { name: 'place' },
        }),
        reply: answers(
          said({ content: '', function_call: { name: 'place', arguments: { city: 'Kazan' } } }, 'function_call'),
        ),
        answer: completion({ content: '{"city":"Kazan"}' }),
      },
      {
        title: 'uploads images and attaches them',
        input: {
          model,
          messages: [
            { role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] },
            {
              role: 'user',
              content: [
                { type: 'text', text: 'What is it?' },
                { type: 'image_url', image_url: { url: image } },
              ],
            },
          ],
        },
        sent: [
          asksToken,
          ...[1, 2].map(() => ({
            url: `${base}/files`,
            headers: { authorization: 'Bearer token-1' },
            form: {
              file: {
                name: 'file.png',
                type: 'image/png',
                bytes: new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 255]),
              },
              purpose: 'general',
            },
          })),
          {
            url: `${base}/chat/completions`,
            headers,
            json: { model, messages: [{ role: 'user', content: '\nWhat is it?', attachments: ['f1', 'f2'] }] },
          },
        ],
        reply: [givesToken, { body: { id: 'f1' } }, { body: { id: 'f2' } }, said({ content: 'A kite.' })],
        answer: completion({ content: 'A kite.' }),
      },
      {
        title: 'renews a token that an upload finds refused',
        input: { model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }] },
        sent: [
          asksToken,
          { url: `${base}/files`, headers: { authorization: 'Bearer token-1' } },
          { ...asksToken, headers: { ...asksToken.headers, rquid: uuid(2) } },
          { url: `${base}/files`, headers: { authorization: 'Bearer token-2' } },
          { url: `${base}/chat/completions`, headers: { authorization: 'Bearer token-2' } },
        ],
        reply: [
          givesToken,
          { status: 401, body: { status: 401, message: 'Token has expired' } },
          { body: { tok: 'token-2' } },
          { body: { id: 'f1' } },
          said({ content: 'A kite.' }),
        ],
      },
      {
        title: 'tells when an upload fails',
        input: { model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }] },
        sent: [asksToken, { url: `${base}/files` }],
        reply: [givesToken, { status: 413, body: { status: 413, message: 'Too large' } }],
        error: { kind: 'payload_too_large', message: 'gigachat: Too large' },
      },
      {
        title: 'tells when an upload gives no id',
        input: { model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }] },
        sent: [asksToken, { url: `${base}/files` }],
        reply: [givesToken, { body: '[]' }],
        error: { kind: 'upstream_invalid_response', message: 'file id' },
      },
      {
        title: 'renews a token that is refused, once',
        input: { model, messages },
        sent: [
          asksToken,
          { url: `${base}/chat/completions`, headers: { authorization: 'Bearer token-1' } },
          { ...asksToken, headers: { ...asksToken.headers, rquid: uuid(2) } },
          { url: `${base}/chat/completions`, headers: { authorization: 'Bearer token-2' }, json: { model, messages } },
        ],
        reply: [
          givesToken,
          { status: 401, body: { status: 401, message: 'Token has expired' } },
          { body: { tok: 'token-2', exp: 1_790_000_000 } },
          said({ content: 'Hello.' }),
        ],
        check: (answer) => expect(answer).toMatchObject({ choices: [{ message: { content: 'Hello.' } }] }),
      },
      {
        title: 'takes its settings from the environment',
        options: { apiKey: undefined },
        env: {
          GIGACHAT_CREDENTIALS: 'env-key',
          GIGACHAT_SCOPE: 'GIGACHAT_API_CORP',
          GIGACHAT_AUTH_URL: 'https://auth.test/oauth',
          GIGACHAT_API_BASE: 'https://api.test/v1/',
        },
        input: { model, messages },
        sent: [
          {
            url: 'https://auth.test/oauth',
            headers: { authorization: 'Basic env-key' },
            bytes: 'scope=GIGACHAT_API_CORP',
          },
          { url: 'https://api.test/v1/chat/completions', headers, json: { model, messages } },
        ],
        reply: answers(said({ content: 'Hello.' })),
      },
      {
        title: 'streams text and usage, without the words of functions at work',
        input: { model, messages, stream: true },
        sent: [
          asksToken,
          {
            url: `${base}/chat/completions`,
            headers: { authorization: 'Bearer token-1', accept: 'text/event-stream' },
            json: { model, messages, stream: true },
          },
        ],
        reply: answers({
          headers: eventStream,
          body: sse(
            event({ role: 'function_in_progress', content: '20 s left' }),
            event({ role: 'assistant', content: 'При' }),
            event({ content: 'вет 👍' }),
            event({ content: '' }, 'stop', { usage }),
            '[DONE]',
          ),
        }),
        answer: [
          chunk({ role: 'assistant', content: 'При' }),
          chunk({ content: 'вет 👍' }),
          chunk({ content: '' }, 'stop'),
          {
            ...chunk({}),
            choices: [],
            usage: {
              prompt_tokens: 40,
              completion_tokens: 12,
              total_tokens: 52,
              prompt_tokens_details: { cached_tokens: 0 },
            },
          },
        ],
      },
      {
        title: 'streams a function call whole',
        input: { model, messages, tools: [tool('weather')], stream: true },
        sent: [asksToken, { url: `${base}/chat/completions` }],
        reply: answers({
          headers: eventStream,
          body: sse(
            event(
              {
                role: 'assistant',
                content: '',
                function_call: { name: 'weather', arguments: { city: 'Kazan' } },
                functions_state_id: 's1',
              },
              'function_call',
            ),
            '[DONE]',
          ),
        }),
        answer: [
          chunk(
            {
              role: 'assistant',
              tool_calls: [{ index: 0, ...toolCall(`call_${uuid(3)}`, 'weather', '{"city":"Kazan"}') }],
              functions_state_id: 's1',
            },
            'tool_calls',
          ),
        ],
      },
      {
        title: 'streams JSON of a schema as content',
        input: {
          model,
          messages,
          response_format: { type: 'json_schema', json_schema: { name: 'place', schema } },
          stream: true,
        },
        sent: [asksToken, { url: `${base}/chat/completions` }],
        reply: answers({
          headers: eventStream,
          body: sse(
            event(
              { role: 'assistant', content: '', function_call: { name: 'place', arguments: { city: 'Kazan' } } },
              'function_call',
            ),
            '[DONE]',
          ),
        }),
        answer: [chunk({ role: 'assistant', content: '{"city":"Kazan"}' }, 'stop')],
      },
      {
        title: 'tells an error in the middle of a stream',
        input: { model, messages, stream: true },
        sent: [asksToken, { url: `${base}/chat/completions` }],
        reply: answers({
          headers: eventStream,
          body: sse(event({ content: 'Hel' }), { status: 429, message: 'Too many requests' }),
        }),
        error: { kind: 'rate_limited', message: 'gigachat: Too many requests' },
      },
      {
        title: 'tells when a stream ends without a finish reason',
        input: { model, messages, stream: true },
        sent: [asksToken, { url: `${base}/chat/completions` }],
        reply: answers({ headers: eventStream, body: sse(event({ content: 'Hel' }), '[DONE]') }),
        error: { kind: 'upstream_invalid_response', message: 'gigachat: the stream ended before' },
      },
      {
        title: 'tells when the key is refused, without showing it',
        input: { model, messages },
        sent: [asksToken],
        reply: [{ status: 400, body: { code: 4, message: "Can't decode 'Authorization' header: test-key" } }],
        error: { kind: 'upstream_auth_failed', message: /^gigachat: the vendor refused the configured credentials$/ },
      },
      {
        title: 'tells when the token endpoint is overloaded',
        input: { model, messages },
        sent: [asksToken],
        reply: [{ status: 429, body: { code: 7, message: 'Too many tokens' } }],
        error: { kind: 'rate_limited', message: 'gigachat: Too many tokens' },
      },
      {
        title: 'tells when the token endpoint answers without a token',
        input: { model, messages },
        sent: [asksToken],
        reply: [{ body: '<html>' }],
        error: { kind: 'upstream_invalid_response', message: 'token' },
      },
      {
        title: 'tells when an answer has no choices',
        input: { model, messages },
        sent: asks({ messages }),
        reply: answers({ body: [] }),
        error: { kind: 'upstream_invalid_response', message: 'choices' },
      },
      {
        title: 'refuses the result of a call that was not made',
        input: { model, messages: [...messages, ...weather, { role: 'tool', tool_call_id: 'c9', content: '{}' }] },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'no tool call', param: 'messages[2].tool_call_id' },
      },
      ...['https://example.test/a.png', 'data:image/png;base64,%%%', 'data:image/svg+xml,<svg/>'].map((url) => ({
        title: `refuses the image ${url}`,
        input: { model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] } as const,
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'data URLs', param: 'messages[0].content' },
      })),
      {
        title: 'refuses to require one of several tools',
        input: { model, messages, tools: [tool('weather'), tool('time')], tool_choice: 'required' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', message: 'one tool only', param: 'tool_choice' },
      },
      {
        title: 'refuses JSON without a schema',
        input: { model, messages, response_format: { type: 'json_object' } },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', message: 'Use json_schema', param: 'response_format' },
      },
      {
        title: 'refuses what it has no counterpart of',
        input: { model, messages, seed: 7 },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', message: 'gigachat: chat does not support seed', param: 'seed' },
      },
      {
        title: 'drops what it has no counterpart of when told to',
        input: { model, messages, seed: 7, stop: 'x', user: 'u', presence_penalty: 1 },
        dropParams: true,
        sent: asks({ messages }),
        reply: answers(said({ content: 'Hello.' }, 'error')),
        answer: completion({ content: 'Hello.' }),
      },
    ],
    embedding: [
      {
        title: 'embeds several texts at once and sums their tokens',
        input: { model: 'EmbeddingsGigaR', input: ['one', 'two'] },
        sent: [
          asksToken,
          { url: `${base}/embeddings`, headers, json: { model: 'EmbeddingsGigaR', input: ['one', 'two'] } },
        ],
        reply: answers({
          body: {
            object: 'list',
            data: [
              { object: 'embedding', embedding: [0.5, 1], index: 0, usage: { prompt_tokens: 3 } },
              { object: 'embedding', embedding: [0.25, 2], index: 1, usage: { prompt_tokens: 4 } },
            ],
            model: 'EmbeddingsGigaR',
          },
        }),
        answer: {
          object: 'list',
          data: [
            { object: 'embedding', embedding: [0.5, 1], index: 0 },
            { object: 'embedding', embedding: [0.25, 2], index: 1 },
          ],
          model: 'EmbeddingsGigaR',
          usage: { prompt_tokens: 7, total_tokens: 7 },
        },
      },
      {
        title: 'embeds a single text as a list of one',
        input: { model: 'Embeddings', input: 'one', encoding_format: 'base64' },
        sent: [asksToken, { url: `${base}/embeddings`, json: { model: 'Embeddings', input: ['one'] } }],
        reply: answers({ body: { data: [{ embedding: [0.5], index: 0 }] } }),
        answer: {
          object: 'list',
          data: [{ object: 'embedding', embedding: 'AAAAPw==', index: 0 }],
          model: 'Embeddings',
          usage: { prompt_tokens: 0, total_tokens: 0 },
        },
      },
      {
        title: 'refuses tokens in place of text',
        input: { model: 'Embeddings', input: [1, 2] },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'not of tokens', param: 'input' },
      },
      {
        title: 'tells when an answer has no embeddings',
        input: { model: 'Embeddings', input: 'one' },
        sent: [asksToken, { url: `${base}/embeddings` }],
        reply: answers({ body: {} }),
        error: { kind: 'upstream_invalid_response', message: 'embeddings' },
      },
    ],
  },
  faults: [
    { status: 404, body: { status: 404, message: 'No such model' }, kind: 'model_not_found', message: 'No such model' },
    { status: 402, body: { status: 402, message: 'Payment Required' }, kind: 'quota_exceeded' },
  ],
})

describe('the token of gigachat', () => {
  let upstream: FakeUpstream
  let time = NOW
  beforeAll(async () => {
    upstream = await fakeUpstream()
  })
  afterAll(() => upstream.close())

  const request = { method: 'POST', url: `${base}/chat/completions`, headers: {} } as const
  const create = (changes: Partial<Host> = {}) => {
    time = NOW
    const host = { ...stubHost(upstream), now: () => time, ...changes }
    const provider = gigachat.create({ apiKey: 'test-key' }, host)
    return async (signal = new AbortController().signal) => {
      const call: Call = { ...host, id: 'call-1', operation: 'chat', model, signal, caller: {}, metadata: {} }
      return (await provider.authorize!(request, call)).headers.authorization
    }
  }

  it('is asked for once by calls that come at the same time', async () => {
    upstream.script({ ...givesToken, delay: 20 })
    const authorize = create()
    expect(await Promise.all([authorize(), authorize(), authorize()])).toEqual(Array(3).fill('Bearer token-1'))
    expect(upstream.arrived.length).toBe(1)
  })

  it('is not lost for the others when the call that asked for it is given up', async () => {
    upstream.script({ ...givesToken, delay: 20 })
    const authorize = create()
    const first = new AbortController()
    const pending = [authorize(first.signal), authorize()]
    first.abort()
    expect(await pending[1]).toBe('Bearer token-1')
    await pending[0]
  })

  it.each([
    ['milliseconds', { access_token: 'a', expires_at: NOW + 1_800_000 }],
    ['seconds', { tok: 'a', exp: NOW / 1000 + 1800 }],
    ['nothing', { tok: 'a' }],
  ])('is kept until a minute before its end, told in %s', async (_unit, body) => {
    upstream.script({ body }, { body: { access_token: 'b', expires_at: NOW + 9_000_000 } })
    const authorize = create()
    expect(await authorize()).toBe('Bearer a')
    time = NOW + 1_739_999
    expect(await authorize()).toBe('Bearer a')
    time = NOW + 1_740_000
    expect(await authorize()).toBe('Bearer b')
  })

  it('is asked for again after a failure', async () => {
    upstream.script({ status: 500 }, givesToken)
    const authorize = create()
    await expect(authorize()).rejects.toMatchObject({ kind: 'upstream_error' })
    expect(await authorize()).toBe('Bearer token-1')
  })

  it('names the host and the remedy when it cannot be reached', async () => {
    const authorize = create({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
    await expect(authorize()).rejects.toMatchObject({
      kind: 'upstream_unreachable',
      message: expect.stringMatching(
        /^gigachat: cannot reach https:\/\/ngw\.devices\.sberbank\.ru:9443\. .*ssl_verify/,
      ),
    })
  })
})
