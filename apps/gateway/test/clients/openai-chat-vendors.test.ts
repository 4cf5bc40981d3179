import { collect, encodeEvent, expectSent, namedSse, type Scripted, sse } from '@tianjillm/testing'
import { zodResponseFormat } from 'openai/helpers/zod'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { openaiClient, refusal } from './openai-client.ts'
import { expectedAuthorization } from './signature.ts'

const aws = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'eu-central-1',
  service: 'bedrock',
}

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5-20250929
      api_base: ${url}
      api_key: sk-ant-api03-upstream
  - model_name: gemini
    litellm_params:
      model: gemini/gemini-2.5-flash
      api_base: ${url}/v1beta
      api_key: AIzaSyUpstream
  - model_name: nova
    litellm_params:
      model: bedrock/eu.amazon.nova-lite-v1:0
      aws_access_key_id: ${aws.accessKeyId}
      aws_secret_access_key: ${aws.secretAccessKey}
      aws_region_name: ${aws.region}
      aws_bedrock_runtime_endpoint: ${url}
  - model_name: giga
    litellm_params:
      model: gigachat/GigaChat-2-Max
      api_base: ${url}/api/v1
      auth_url: ${url}/api/v2/oauth
      api_key: Z2lnYTpjaGF0
  - model_name: llama
    litellm_params:
      model: groq/llama-3.3-70b-versatile
      api_base: ${url}/openai/v1
      api_key: gsk_upstream
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const system = { role: 'system', content: 'Be brief.' } as const
const user = { role: 'user', content: 'Say hello.' } as const
const messages = [system, user]
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tool = (name: string) =>
  ({ type: 'function', function: { name, description: `Gives the ${name}.`, parameters: schema } }) as const
const toolCall = (name: string, city: string) => ({
  type: 'function',
  function: { name, arguments: JSON.stringify({ city }) },
})
const events = { 'content-type': 'text/event-stream' }

const ask = (model: string, rest: object = {}) =>
  openaiClient(gateway()).chat.completions.create({ model, messages: [...messages], ...rest })

/** The whole that OpenAI's client makes of a stream; it is strict about what chunks must be. */
const stream = (model: string, rest: object = {}) =>
  openaiClient(gateway())
    .chat.completions.stream({
      model,
      messages: [...messages],
      tools: [tool('weather'), tool('time')],
      stream_options: { include_usage: true },
      ...rest,
    })
    .finalChatCompletion()

/** What each of the vendors below streams. */
const toldInStream = (counts: object) => ({
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: 'Hello 👋',
        tool_calls: [toolCall('weather', 'Ulm'), toolCall('time', 'Oslo')],
      },
    },
  ],
  usage: counts,
})

it('understands the whole configuration', () => {
  expect(gateway().warnings).toEqual([])
})

describe('anthropic', () => {
  const asked = { model: 'claude-sonnet-4-5-20250929', max_tokens: 4096, system: [{ type: 'text', text: 'Be brief.' }] }
  const message = {
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5-20250929',
    stop_sequence: null,
  }
  const usage = {
    input_tokens: 20,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 8,
    output_tokens: 5,
    service_tier: 'standard',
  }

  it('chats', async () => {
    const content = [{ type: 'text', text: 'Hello.' }]
    upstream().script({ body: { ...message, content, stop_reason: 'end_turn', usage } })
    expect(await ask('claude', { max_completion_tokens: 50 })).toMatchObject({
      id: message.id,
      object: 'chat.completion',
      model: message.model,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 28,
        completion_tokens: 5,
        total_tokens: 33,
        prompt_tokens_details: { cached_tokens: 8 },
      },
    })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/messages`,
      headers: { 'x-api-key': 'sk-ant-api03-upstream', 'anthropic-version': '2023-06-01', authorization: null },
      json: { ...asked, max_tokens: 50, messages: [{ role: 'user', content: [{ type: 'text', text: 'Say hello.' }] }] },
    })
  })

  it('streams text and tool calls', async () => {
    const opening = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block })
    const more = (index: number, delta: object) => ({ type: 'content_block_delta', index, delta })
    const closing = (index: number) => ({ type: 'content_block_stop', index })
    const calling = (index: number, name: string, ...pieces: readonly string[]) => [
      opening(index, { type: 'tool_use', id: `toolu_${name}`, name, input: {} }),
      ...pieces.map((partial_json) => more(index, { type: 'input_json_delta', partial_json })),
      closing(index),
    ]
    const body = namedSse(
      { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } } as { type: string },
      opening(0, { type: 'text', text: '' }),
      { type: 'ping' },
      more(0, { type: 'text_delta', text: 'Hello' }),
      more(0, { type: 'text_delta', text: ' 👋' }),
      closing(0),
      ...calling(1, 'weather', '', '{"city"', ':"Ulm"}'),
      ...calling(2, 'time', '{"city":"Oslo"}'),
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 40 },
      } as {
        type: string
      },
      { type: 'message_stop' },
    )
    upstream().script({ headers: events, body })
    expect(await stream('claude')).toMatchObject(
      toldInStream({ prompt_tokens: 28, completion_tokens: 40, total_tokens: 68 }),
    )
    expect(JSON.parse(upstream().arrived[0]!.text)).toEqual({
      ...asked,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Say hello.' }] }],
      stream: true,
      tools: [
        { name: 'weather', description: 'Gives the weather.', input_schema: schema },
        { name: 'time', description: 'Gives the time.', input_schema: schema },
      ],
    })
  })

  it('tells no usage that was not asked for', async () => {
    const body = namedSse(
      { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } } as { type: string },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } } as { type: string },
      { type: 'message_stop' },
    )
    upstream().script({ headers: events, body })
    const answer = await openaiClient(gateway()).chat.completions.create({ model: 'claude', messages, stream: true })
    expect(await collect(answer)).toMatchObject([
      { choices: [{ delta: { role: 'assistant' }, finish_reason: null }] },
      { choices: [{ finish_reason: 'stop' }] },
    ])
  })

  it('tells an error in the middle of a stream', async () => {
    const body = namedSse(
      { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } } as { type: string },
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } as { type: string },
    )
    upstream().script({ headers: events, body })
    const answer = await openaiClient(gateway()).chat.completions.create({ model: 'claude', messages, stream: true })
    expect(await refusal(collect(answer))).toMatchObject({
      code: 'overloaded',
      error: { message: 'anthropic: Overloaded' },
    })
  })
})

describe('gemini', () => {
  const contents = [{ role: 'user', parts: [{ text: 'Say hello.' }] }]
  const systemInstruction = { parts: [{ text: 'Be brief.' }] }
  const saying = (parts: readonly object[], rest: object = {}) => ({
    candidates: [{ content: { parts, role: 'model' }, index: 0, ...rest }],
    usageMetadata: {
      promptTokenCount: 12,
      candidatesTokenCount: 4,
      totalTokenCount: 23,
      thoughtsTokenCount: 7,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 12 }],
    },
    modelVersion: 'gemini-2.5-flash',
    responseId: 'uR3kaJ6RIt',
  })
  const counts = {
    prompt_tokens: 12,
    completion_tokens: 11,
    total_tokens: 23,
    completion_tokens_details: { reasoning_tokens: 7 },
  }

  it('chats', async () => {
    upstream().script({ body: saying([{ text: 'Hello.' }], { finishReason: 'STOP', avgLogprobs: -0.1 }) })
    expect(await ask('gemini', { temperature: 0, stop: 'END' })).toMatchObject({
      id: 'uR3kaJ6RIt',
      object: 'chat.completion',
      model: 'gemini-2.5-flash',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: counts,
    })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1beta/models/gemini-2.5-flash:generateContent`,
      headers: { 'x-goog-api-key': 'AIzaSyUpstream', authorization: null },
      json: { contents, systemInstruction, generationConfig: { temperature: 0, stopSequences: ['END'] } },
    })
  })

  it('streams text and tool calls', async () => {
    const calling = (name: string, city: string) => ({ functionCall: { name, args: { city } } })
    const body = sse(
      saying([{ text: 'Hello' }]),
      saying([{ text: ' 👋' }]),
      saying([calling('weather', 'Ulm')]),
      saying([calling('time', 'Oslo')], { finishReason: 'STOP' }),
    )
    upstream().script({ headers: events, body })
    expect(await stream('gemini')).toMatchObject(toldInStream(counts))
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse`,
      json: {
        contents,
        systemInstruction,
        tools: [
          {
            functionDeclarations: [
              { name: 'weather', description: 'Gives the weather.', parametersJsonSchema: schema },
              { name: 'time', description: 'Gives the time.', parametersJsonSchema: schema },
            ],
          },
        ],
      },
    })
  })

  it('takes an image in a data URL', async () => {
    upstream().script({ body: saying([{ text: 'A dot.' }], { finishReason: 'STOP' }) })
    const url = 'data:image/png;base64,iVBORw0KGgo='
    await ask('gemini', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] })
    expect(JSON.parse(upstream().arrived[0]!.text).contents).toEqual([
      { role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }] },
    ])
  })
})

describe('bedrock', () => {
  const asked = { messages: [{ role: 'user', content: [{ text: 'Say hello.' }] }], system: [{ text: 'Be brief.' }] }
  const usage = { inputTokens: 9, outputTokens: 3, totalTokens: 12 }
  const path = '/model/eu.amazon.nova-lite-v1%3A0'

  it('chats, with a signature that AWS would take', async () => {
    upstream().script({
      headers: { 'x-amzn-requestid': '5a6b' },
      body: {
        metrics: { latencyMs: 340 },
        output: { message: { role: 'assistant', content: [{ text: 'Hello.' }] } },
        stopReason: 'end_turn',
        usage,
      },
    })
    expect(await ask('nova', { max_tokens: 50 })).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    })
    const [request] = upstream().arrived
    await expectSent(request, {
      url: `${upstream().url}${path}/converse`,
      headers: { authorization: expectedAuthorization(request!, aws) },
      json: { ...asked, inferenceConfig: { maxTokens: 50 } },
    })
    expect(request!.headers.authorization).toContain('SignedHeaders=content-type;host;x-amz-')
  })

  it('streams text and tool calls', async () => {
    const calling = (contentBlockIndex: number, name: string, ...pieces: readonly string[]) => [
      encodeEvent('contentBlockStart', {
        contentBlockIndex,
        start: { toolUse: { toolUseId: `tooluse_${name}`, name } },
      }),
      ...pieces.map((input) => encodeEvent('contentBlockDelta', { contentBlockIndex, delta: { toolUse: { input } } })),
      encodeEvent('contentBlockStop', { contentBlockIndex }),
    ]
    const bytes = Buffer.concat([
      encodeEvent('messageStart', { role: 'assistant', p: 'abcd' }),
      encodeEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hello' } }),
      encodeEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: ' 👋' } }),
      encodeEvent('contentBlockStop', { contentBlockIndex: 0 }),
      ...calling(1, 'weather', '{"city"', ':"Ulm"}'),
      ...calling(2, 'time', '{"city":"Oslo"}'),
      encodeEvent('messageStop', { stopReason: 'tool_use' }),
      encodeEvent('metadata', { usage, metrics: { latencyMs: 300 } }),
    ])
    upstream().script({
      headers: { 'content-type': 'application/vnd.amazon.eventstream' },
      pieces: [bytes.subarray(0, 50), bytes.subarray(50, 401), bytes.subarray(401)],
      pause: 2,
    })
    expect(await stream('nova')).toMatchObject(
      toldInStream({ prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 }),
    )
    const [request] = upstream().arrived
    const toolSpec = (name: string) => ({ name, description: `Gives the ${name}.`, inputSchema: { json: schema } })
    await expectSent(request, {
      url: `${upstream().url}${path}/converse-stream`,
      headers: { authorization: expectedAuthorization(request!, aws) },
      json: {
        ...asked,
        toolConfig: { tools: [{ toolSpec: toolSpec('weather') }, { toolSpec: toolSpec('time') }] },
      },
    })
  })
})

describe('gigachat', () => {
  const givesToken = () => ({ body: { access_token: 'eyJjdHkiOiJ', expires_at: Date.now() + 1_800_000 } })
  const facts = { created: 1_790_000_000, model: 'GigaChat-2-Max:2.0.28.2' }
  const usage = { prompt_tokens: 18, completion_tokens: 6, total_tokens: 24, precached_prompt_tokens: 0 }
  const counts = { prompt_tokens: 18, completion_tokens: 6, total_tokens: 24 }
  const answering = (message: object, finish_reason: string) => ({
    body: {
      choices: [{ message: { role: 'assistant', ...message }, index: 0, finish_reason }],
      ...facts,
      object: 'chat.completion',
      usage,
    },
  })
  const place = { city: 'Казань' }
  const asked = { model: 'GigaChat-2-Max', messages }
  /** A token where one is asked for; this answer elsewhere. */
  const script = (reply: Scripted) => upstream().script(({ path }) => (path.endsWith('/oauth') ? givesToken() : reply))
  const lastArrived = () => upstream().arrived.at(-1)

  it('gets a token, then chats with it as often as it may', async () => {
    script(answering({ content: 'Привет!' }, 'stop'))
    const expected = {
      object: 'chat.completion',
      created: facts.created,
      model: facts.model,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Привет!' }, finish_reason: 'stop' }],
      usage: counts,
    }
    expect(await ask('giga')).toMatchObject(expected)
    expect(await ask('giga')).toMatchObject(expected)
    expect(upstream().arrived).toHaveLength(3)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/api/v2/oauth`,
      headers: { authorization: 'Basic Z2lnYTpjaGF0', rquid: /^[\w-]{36}$/ },
      bytes: 'scope=GIGACHAT_API_PERS',
    })
    await expectSent(lastArrived(), {
      url: `${upstream().url}/api/v1/chat/completions`,
      headers: { authorization: 'Bearer eyJjdHkiOiJ', accept: 'application/json' },
      json: asked,
    })
  })

  it('gets a new token when the old one is refused', async () => {
    const refused = { status: 401, body: { status: 401, message: 'Token has expired' } }
    let chats = 0
    upstream().script(({ path }) => {
      if (path.endsWith('/oauth')) return givesToken()
      return chats++ === 0 ? refused : answering({ content: 'Привет!' }, 'stop')
    })
    expect(await ask('giga')).toMatchObject({ choices: [{ message: { content: 'Привет!' } }] })
    expect(upstream().arrived.map(({ path }) => path.split('/').at(-1))).toEqual([
      'completions',
      'oauth',
      'completions',
    ])
  })

  it('is told when its key is refused, without the key', async () => {
    upstream().script(({ path }) =>
      path.endsWith('/oauth')
        ? { status: 401, body: { code: 6, message: "credentials doesn't match db data: Z2lnYTpjaGF0" } }
        : { status: 401, body: { status: 401, message: 'Token has expired' } },
    )
    const error = await refusal(ask('giga'))
    expect(error).toMatchObject({ status: 502, code: 'upstream_auth_failed' })
    expect(JSON.stringify(error.error)).not.toContain('Z2lnYTpjaGF0')
  })

  it('streams', async () => {
    const said = (delta: object, rest: object = {}, more: object = {}) => ({
      choices: [{ delta, index: 0, ...rest }],
      ...facts,
      object: 'chat.completion',
      ...more,
    })
    const body = sse(
      said({ content: 'При', role: 'assistant' }),
      said({ content: 'вет!' }),
      said({ content: '' }, { finish_reason: 'stop' }, { usage }),
      '[DONE]',
    )
    script({ headers: events, body })
    expect(await stream('giga', { tools: undefined })).toMatchObject({
      choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'Привет!' } }],
      usage: counts,
    })
    await expectSent(lastArrived(), {
      url: `${upstream().url}/api/v1/chat/completions`,
      headers: { accept: 'text/event-stream' },
      json: { ...asked, stream: true },
    })
  })

  it('answers by a schema', async () => {
    script(answering({ content: '', function_call: { name: 'place', arguments: place } }, 'function_call'))
    const { choices } = await openaiClient(gateway()).chat.completions.parse({
      model: 'giga',
      messages,
      response_format: zodResponseFormat(z.object({ city: z.string() }), 'place'),
    })
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { parsed: place } })
    expect(JSON.parse(lastArrived()!.text)).toMatchObject({
      functions: [{ name: 'place', parameters: { required: ['city'] } }],
      function_call: { name: 'place' },
    })
  })
})

describe('groq', () => {
  const model = 'llama-3.3-70b-versatile'
  const head = { id: 'chatcmpl-01', created: 1_790_000_000, model, system_fingerprint: 'fp_3f3b593e33' }
  const usage = {
    queue_time: 0.037,
    prompt_tokens: 18,
    prompt_time: 0.001,
    completion_tokens: 5,
    completion_time: 0.02,
    total_tokens: 23,
    total_time: 0.021,
  }
  const url = () => `${upstream().url}/openai/v1/chat/completions`
  const headers = { authorization: 'Bearer gsk_upstream' }

  it('chats, its reasoning under the name that others have for it', async () => {
    upstream().script({
      body: {
        ...head,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'Hello.', reasoning: 'A greeting.' },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage,
        x_groq: { id: 'req_01' },
      },
    })
    expect(await ask('llama', { reasoning_format: 'parsed' })).toMatchObject({
      ...head,
      choices: [{ message: { content: 'Hello.', reasoning_content: 'A greeting.' }, finish_reason: 'stop' }],
      usage,
    })
    await expectSent(upstream().arrived[0], {
      url: url(),
      headers,
      json: { model, messages, reasoning_format: 'parsed' },
    })
  })

  it('streams text and tool calls', async () => {
    const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}) => ({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      ...rest,
    })
    const calling = (index: number, name: string, city: string) =>
      chunk({ tool_calls: [{ index, id: `call_${name}`, ...toolCall(name, city) }] })
    const body = sse(
      chunk({ role: 'assistant', content: '' }, null, { x_groq: { id: 'req_01' } }),
      chunk({ content: 'Hello' }),
      chunk({ content: ' 👋' }),
      calling(0, 'weather', 'Ulm'),
      calling(1, 'time', 'Oslo'),
      chunk({}, 'tool_calls', { x_groq: { id: 'req_01', usage } }),
      '[DONE]',
    )
    upstream().script({ headers: events, body })
    expect(await stream('llama')).toMatchObject(toldInStream(usage))
    await expectSent(upstream().arrived[0], {
      url: url(),
      headers,
      json: {
        model,
        messages,
        tools: [tool('weather'), tool('time')],
        stream_options: { include_usage: true },
        stream: true,
      },
    })
  })
})
