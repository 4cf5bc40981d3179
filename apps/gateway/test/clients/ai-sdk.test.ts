import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expectSent, namedSse, sse } from '@tianjillm/testing'
import { APICallError, embed, embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - { model_name: gpt, litellm_params: { model: openai/gpt-4o, api_base: '${url}/v1', api_key: sk-upstream } }
  - { model_name: claude, litellm_params: { model: anthropic/claude-sonnet-4-5, api_base: '${url}', api_key: sk-ant } }
  - { model_name: gemini/*, litellm_params: { model: gemini/*, api_base: '${url}/v1beta', api_key: AIzaUpstream } }
router_settings:
  num_retries: 0
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const provider = () =>
  createOpenAICompatible({ name: 'tianji', baseURL: `${gateway().url}/v1`, apiKey: MASTER_KEY, includeUsage: true })
const settings = { maxRetries: 0, prompt: 'Say hello.' }
const messages = [{ role: 'user', content: 'Say hello.' }]
const usage = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6, prompt_tokens_details: { cached_tokens: 1 } }
const counted = { inputTokens: 4, outputTokens: 2, totalTokens: 6 }
const answering = (message: object, finish_reason = 'stop') => ({
  body: {
    id: 'c1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'gpt-4o',
    choices: [{ index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason }],
    usage,
  },
})
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1_790_000_000,
  model: 'gpt-4o',
  choices: [{ index: 0, delta, finish_reason }],
})
const events = { 'content-type': 'text/event-stream' }
const weather = (city: string) => ({
  id: `call_${city}`,
  type: 'function',
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
})
const tools = {
  weather: tool({
    description: 'Gives the weather.',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => ({ city, degrees: 7 }),
  }),
}

describe('generateText', () => {
  it('gives the text and its usage', async () => {
    upstream().script(answering({ content: 'Hello.', reasoning_content: 'A greeting.' }))
    const result = await generateText({ ...settings, model: provider()('gpt'), temperature: 0, seed: 7 })
    expect(result).toMatchObject({ text: 'Hello.', reasoningText: 'A greeting.', finishReason: 'stop', usage: counted })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/chat/completions`,
      headers: { authorization: 'Bearer sk-upstream' },
      json: { model: 'gpt-4o', messages, temperature: 0, seed: 7 },
    })
  })

  it('calls tools side by side and tells what they said', async () => {
    upstream().script(
      answering({ tool_calls: [weather('Ulm'), weather('Oslo')] }, 'tool_calls'),
      answering({ content: 'Both 7°.' }),
    )
    const result = await generateText({ ...settings, model: provider()('gpt'), tools, stopWhen: stepCountIs(2) })
    expect(result.text).toBe('Both 7°.')
    const told = JSON.parse(upstream().arrived[1]!.text).messages
    expect(told).toEqual([
      ...messages,
      expect.objectContaining({ role: 'assistant', tool_calls: [weather('Ulm'), weather('Oslo')] }),
      { role: 'tool', tool_call_id: 'call_Ulm', content: '{"city":"Ulm","degrees":7}' },
      { role: 'tool', tool_call_id: 'call_Oslo', content: '{"city":"Oslo","degrees":7}' },
    ])
  })

  it('gives an object of a schema', async () => {
    upstream().script(answering({ content: '{"city":"Ulm"}' }))
    const model = createOpenAICompatible({
      name: 'tianji',
      baseURL: `${gateway().url}/v1`,
      apiKey: MASTER_KEY,
      supportsStructuredOutputs: true,
    })('gpt')
    const schema = z.object({ city: z.string() })
    const { output } = await generateText({ ...settings, model, output: Output.object({ schema }) })
    expect(output).toEqual({ city: 'Ulm' })
    expect(JSON.parse(upstream().arrived[0]!.text).response_format.json_schema.schema).toMatchObject({
      type: 'object',
      properties: { city: { type: 'string' } },
    })
  })

  it('tells the error of the vendor', async () => {
    upstream().script({ status: 429, headers: { 'retry-after': '2' }, body: { error: { message: 'Slow down.' } } })
    const call = generateText({ ...settings, model: provider()('gpt') })
    await expect(call).rejects.toSatisfy(APICallError.isInstance)
    await expect(call).rejects.toMatchObject({
      statusCode: 429,
      message: 'openai: Slow down.',
      isRetryable: true,
      responseHeaders: { 'retry-after': '2' },
    })
  })

  it('works through Anthropic, tools and their results included', async () => {
    const block = (id: string, city: string) => ({ type: 'tool_use', id, name: 'weather', input: { city } })
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5' }
    const blocks = [{ type: 'text', text: 'I look.' }, block('toolu_1', 'Ulm'), block('toolu_2', 'Oslo')]
    const counts = { input_tokens: 4, output_tokens: 2 }
    upstream().script(
      { body: { ...message, content: blocks, stop_reason: 'tool_use', usage: counts } },
      { body: { ...message, content: [{ type: 'text', text: 'Both 7°.' }], stop_reason: 'end_turn', usage: counts } },
    )
    const result = await generateText({ ...settings, model: provider()('claude'), tools, stopWhen: stepCountIs(2) })
    expect(result.text).toBe('Both 7°.')
    expect(result.steps.map((step) => step.usage)).toMatchObject([counted, counted])
    const said = (tool_use_id: string, city: string) =>
      expect.objectContaining({
        type: 'tool_result',
        tool_use_id,
        content: expect.toSatisfy((content) => JSON.stringify(content).includes(city)),
      })
    expect(JSON.parse(upstream().arrived[1]!.text).messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Say hello.' }] },
      { role: 'assistant', content: blocks },
      { role: 'user', content: [said('toolu_1', 'Ulm'), said('toolu_2', 'Oslo')] },
    ])
  })
})

describe('streamText', () => {
  it('streams the text, then its usage', async () => {
    const last = { ...chunk({}), choices: [], usage }
    const body = sse(
      chunk({ role: 'assistant', content: 'Hel' }),
      chunk({ content: 'lo.' }),
      chunk({}, 'stop'),
      last,
      '[DONE]',
    )
    upstream().script({ headers: events, body })
    const result = streamText({ ...settings, model: provider()('gpt') })
    expect(await Array.fromAsync(result.textStream)).toEqual(['Hel', 'lo.'])
    expect(await result.usage).toMatchObject(counted)
    expect(await result.finishReason).toBe('stop')
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/chat/completions`,
      json: { model: 'gpt-4o', messages, stream: true, stream_options: { include_usage: true } },
    })
  })

  it('calls tools of a stream, also through Anthropic', async () => {
    const pieces = (city: string) =>
      JSON.stringify({ city })
        .split(':')
        .map((piece, index) => (index === 0 ? piece : `:${piece}`))
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [] }
    const calling = (index: number, city: string) => [
      {
        type: 'content_block_start',
        index,
        content_block: { type: 'tool_use', id: `call_${city}`, name: 'weather', input: {} },
      },
      ...pieces(city).map((partial_json) => ({
        type: 'content_block_delta',
        index,
        delta: { type: 'input_json_delta', partial_json },
      })),
      { type: 'content_block_stop', index },
    ]
    const ending = [
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ]
    const start = { type: 'message_start', message: { ...message, usage: { input_tokens: 4, output_tokens: 1 } } }
    upstream().script({
      headers: events,
      body: namedSse(start, ...calling(0, 'Ulm'), ...calling(1, 'Oslo'), ...ending),
    })
    const result = streamText({ ...settings, model: provider()('claude'), tools })
    expect(await result.toolCalls).toMatchObject([
      { toolCallId: 'call_Ulm', toolName: 'weather', input: { city: 'Ulm' } },
      { toolCallId: 'call_Oslo', toolName: 'weather', input: { city: 'Oslo' } },
    ])
    expect(await result.finishReason).toBe('tool-calls')
    expect(await result.usage).toMatchObject(counted)
  })

  it('ends the connection upstream when aborted', async () => {
    upstream().script({ headers: events, pieces: [sse(chunk({ role: 'assistant', content: 'Hel' }))], hangs: true })
    const controller = new AbortController()
    const result = streamText({ ...settings, model: provider()('gpt'), abortSignal: controller.signal })
    for await (const _ of result.textStream) controller.abort()
    await upstream().arrived[0]!.abandoned
  })

  it('tells that the stream broke off', async () => {
    upstream().script({ headers: events, body: sse(chunk({ role: 'assistant', content: 'Hel' })) })
    const errors: unknown[] = []
    const onError = ({ error }: { readonly error: unknown }) => void errors.push(error)
    const result = streamText({ ...settings, model: provider()('gpt'), onError })
    expect(await Array.fromAsync(result.textStream)).toEqual(['Hel'])
    expect(JSON.stringify(errors.map(String))).toContain('ended before the answer was complete')
  })
})

describe('embeddings', () => {
  it('come from OpenAI', async () => {
    const data = [{ object: 'embedding', index: 0, embedding: [0.5, 0.25] }]
    upstream().script({ body: { object: 'list', data, model: 'm', usage: { prompt_tokens: 2, total_tokens: 2 } } })
    const result = await embed({ model: provider().embeddingModel('gpt'), value: 'hi', maxRetries: 0 })
    expect(result).toMatchObject({ embedding: [0.5, 0.25], usage: { tokens: 2 } })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/embeddings`,
      json: { model: 'gpt-4o', input: ['hi'], encoding_format: 'float' },
    })
  })

  it('come from Gemini, several at once', async () => {
    upstream().script({ body: { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] } })
    const model = provider().embeddingModel('gemini/gemini-embedding-001')
    const { embeddings } = await embedMany({ model, values: ['a', 'b'], maxRetries: 0 })
    expect(embeddings).toEqual([
      [1, 2],
      [3, 4],
    ])
  })
})

it('makes images', async () => {
  upstream().script({ body: { created: 1, data: [{ b64_json: 'aGk=' }] } })
  const { images } = await provider().imageModel('gpt').doGenerate({
    prompt: 'A kite',
    n: 1,
    size: '1024x1024',
    aspectRatio: undefined,
    seed: undefined,
    files: undefined,
    mask: undefined,
    providerOptions: {},
  })
  expect(images).toEqual(['aGk='])
  expect(JSON.parse(upstream().arrived[0]!.text)).toMatchObject({
    model: 'gpt-4o',
    prompt: 'A kite',
    size: '1024x1024',
  })
})
