import { collect, expectSent, sse } from '@tianjillm/testing'
import { AzureOpenAI } from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionChunk, ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { type Handed, openaiClient, recordingClient } from './openai-client.ts'

const key = 'sk-proj-upstream-0123456789abcdef'
const model = 'gpt-4o-mini-2024-07-18'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - model_name: fast
    litellm_params:
      model: openai/${model}
      api_base: ${url}/v1/
      api_key: ${key}
      organization: org-tianji
  - model_name: team/*
    litellm_params:
      model: openai/*
      api_base: ${url}/v1
      api_key: ${key}
  - model_name: acme/best
    litellm_params: { model: openai/gpt-4o, api_base: '${url}/v1', api_key: ${key} }
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Say hello.' }]
const question = { model: 'fast', messages }
const usage = {
  prompt_tokens: 10,
  completion_tokens: 3,
  total_tokens: 13,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: 0,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
}
const head = { id: 'chatcmpl-Bx1', created: 1_790_000_000, model, service_tier: 'default', system_fingerprint: 'fp_44' }
const answering = (message: object, finish_reason = 'stop') => ({
  ...head,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: null, refusal: null, annotations: [], ...message },
      logprobs: null,
      finish_reason,
    },
  ],
  usage,
})
const completion = answering({ content: 'Hello.' })
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  usage: null,
  obfuscation: 'x7Qp',
})
const streamed = [
  chunk({ role: 'assistant', content: '', refusal: null }),
  chunk({ content: 'Hel' }),
  chunk({ content: 'lo 👋.' }),
  chunk({}, 'stop'),
  { ...head, object: 'chat.completion.chunk', choices: [], usage, obfuscation: 'x' },
]
const events = { 'content-type': 'text/event-stream; charset=utf-8' }
const tool = (name: string) =>
  ({
    type: 'function',
    function: {
      name,
      description: `Gives the ${name}.`,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  }) as const
const toolCall = (id: string, name: string, given: object) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(given) },
})

/** What the client wrote, with the deployment's model in the place of the group's name. */
const asSent = ({ bytes }: Handed, other = model) => JSON.stringify({ ...JSON.parse(bytes.toString()), model: other })

describe('a chat completion', () => {
  it("reaches the vendor as the client's own bytes, and comes back as the vendor's", async () => {
    upstream().script({ body: completion, headers: { 'openai-processing-ms': '81' } })
    const { client, handed } = recordingClient(gateway())
    const answer = await client.chat.completions.create({
      messages: [{ role: 'developer', content: 'Be brief. Here "model":"fast" is only text.' }, ...messages],
      metadata: { model: 'fast' },
      model: 'fast',
      temperature: 0.2,
      seed: 7,
    })
    expect(answer).toEqual(completion)
    expect(upstream().arrived).toHaveLength(1)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/chat/completions`,
      headers: {
        authorization: `Bearer ${key}`,
        'openai-organization': 'org-tianji',
        'content-type': 'application/json',
        'x-stainless-lang': null,
      },
      bytes: asSent(handed[0]!),
    })
  })

  it('keeps spaces, escapes and numbers that JavaScript would write otherwise', async () => {
    upstream().script({ body: completion })
    const written = (name: string) =>
      `{\r\n  "seed" : 12345678901234567890,\t"temperature": 1.0,\n  "messages": [ {"role":"user","content":"caf\\u00e9 \\/ \\ud83d\\ude00"} ],\n  "logit_bias": {"model": 1e2},  "model"\n:\t"${name}" }\n`
    const { client } = recordingClient(gateway(), () => written('fast'))
    await client.chat.completions.create(question)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/chat/completions`,
      bytes: written(model),
    })
  })

  it('hands on fields that nobody knows, in both directions', async () => {
    upstream().script({ body: { ...completion, citations: ['https://a.test'] } })
    const { client, handed } = recordingClient(gateway())
    const answer = await client.chat.completions.create({ ...question, top_k: 5, vendor: { deep: [null] } } as never)
    expect(answer).toHaveProperty('citations', ['https://a.test'])
    expect(upstream().arrived[0]!.text).toBe(asSent(handed[0]!))
  })

  it('tells the call and the deployment in its headers', async () => {
    upstream().script({ body: completion })
    const { response, request_id } = await openaiClient(gateway()).chat.completions.create(question).withResponse()
    expect(request_id).toMatch(/^[\w-]{36}$/)
    expect(response.headers.get('x-litellm-model-group')).toBe('fast')
    expect(response.headers.get('x-litellm-attempted-retries')).toBe('0')
  })

  it('takes a group with a star for what it stands for', async () => {
    upstream().script({ body: completion })
    const { client, handed } = recordingClient(gateway())
    await client.chat.completions.create({ ...question, model: 'team/ft:gpt-4o:acme::x1' })
    expect(upstream().arrived[0]!.text).toBe(asSent(handed[0]!, 'ft:gpt-4o:acme::x1'))
  })

  it('leaves an image in a data URL untouched', async () => {
    upstream().script({ body: completion })
    const { client, handed } = recordingClient(gateway())
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 256))
    const url = `data:image/png;base64,${bytes.toString('base64')}`
    await client.chat.completions.create({
      model: 'fast',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url, detail: 'low' } },
          ],
        },
      ],
    })
    expect(upstream().arrived[0]!.text).toBe(asSent(handed[0]!))
    expect(upstream().arrived[0]!.text).toContain(url)
  })

  it("serves Azure's client, whose model stands in the path", async () => {
    upstream().script({ body: completion })
    const client = new AzureOpenAI({
      endpoint: gateway().url,
      apiKey: MASTER_KEY,
      apiVersion: '2024-10-21',
      deployment: 'fast',
      maxRetries: 0,
    })
    const answer = await client.chat.completions.create({ ...question, model: 'whatever' })
    expect(answer).toEqual(completion)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/chat/completions`,
      json: { messages, model },
    })
  })

  it('ends the request upstream when the client gives up before the answer', async () => {
    upstream().script(() => new Promise(() => {}))
    const controller = new AbortController()
    const answer = openaiClient(gateway()).chat.completions.create(question, { signal: controller.signal })
    const refused = expect(answer).rejects.toThrow('Request was aborted.')
    await expect.poll(() => upstream().arrived.length).toBe(1)
    controller.abort()
    await refused
    await upstream().arrived[0]!.abandoned
  })
})

describe('a streamed chat completion', () => {
  it("gives the vendor's chunks, usage included when asked for", async () => {
    upstream().script({ headers: events, body: sse(...streamed, '[DONE]') })
    const { client, handed } = recordingClient(gateway())
    const stream = await client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(await collect(stream)).toEqual(streamed)
    expect(upstream().arrived[0]!.text).toBe(asSent(handed[0]!))
  })

  it("hands on the vendor's bytes, comments and spacing included", async () => {
    const body = `: keep-alive\r\n\r\nevent: chunk\r\ndata:${JSON.stringify(streamed[1])}\r\n\r\n${sse(streamed[3])}data: [DONE]\n\n`
    upstream().script({ headers: events, body })
    const response = await openaiClient(gateway())
      .chat.completions.create({ ...question, stream: true })
      .asResponse()
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await response.text()).toBe(body)
  })

  it('survives any cut of the bytes, also within a character', async () => {
    const bytes = Buffer.from(sse(...streamed, '[DONE]'))
    const pieces = Array.from({ length: Math.ceil(bytes.length / 61) }, (_, at) =>
      bytes.subarray(at * 61, at * 61 + 61),
    )
    upstream().script({ headers: events, pieces, pause: 1 })
    const stream = openaiClient(gateway()).chat.completions.stream(question)
    expect(await stream.finalContent()).toBe('Hello 👋.')
  })

  it('gives the first chunk before the vendor has finished, and ends the connection upstream when aborted', async () => {
    upstream().script({ headers: events, pieces: [sse(streamed[0], streamed[1])], hangs: true })
    const stream = await openaiClient(gateway()).chat.completions.create({ ...question, stream: true })
    const seen: ChatCompletionChunk[] = []
    for await (const part of stream) {
      seen.push(part)
      if (seen.length === 2) stream.controller.abort()
    }
    expect(seen).toEqual(streamed.slice(0, 2))
    await upstream().arrived[0]!.abandoned
  })

  it('ends the connection upstream when the reader breaks out of its loop', async () => {
    upstream().script({ headers: events, pieces: [sse(streamed[0]), sse(streamed[1])], pause: 5, hangs: true })
    const stream = await openaiClient(gateway()).chat.completions.create({ ...question, stream: true })
    for await (const _ of stream) break
    await upstream().arrived[0]!.abandoned
  })
})

describe('tools', () => {
  it('are called, answered and told to the vendor again', async () => {
    const call = toolCall('call_a1', 'weather', { city: 'Kraków' })
    upstream().script(
      { body: answering({ tool_calls: [call] }, 'tool_calls') },
      { body: answering({ content: 'It is 7°.' }) },
    )
    const runner = openaiClient(gateway()).chat.completions.runTools({
      ...question,
      tools: [{ ...tool('weather'), function: { ...tool('weather').function, function: () => '{"degrees":7}' } }],
    } as never)
    expect(await runner.finalContent()).toBe('It is 7°.')
    const told = JSON.parse(upstream().arrived[1]!.text)
    expect(told.messages.slice(1)).toEqual([
      expect.objectContaining({ role: 'assistant', tool_calls: [call] }),
      { role: 'tool', tool_call_id: 'call_a1', content: '{"degrees":7}' },
    ])
    expect(told.tools).toEqual([tool('weather')])
  })

  it('are called side by side in a stream', async () => {
    const starting = (index: number, id: string, name: string) => ({
      tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
    })
    const going = (index: number, fragment: string) => ({
      tool_calls: [{ index, function: { arguments: fragment } }],
    })
    const body = sse(
      chunk({ role: 'assistant', content: null, ...starting(0, 'call_1', 'weather') }),
      chunk(going(0, '{"ci')),
      chunk(starting(1, 'call_2', 'time')),
      chunk(going(0, 'ty":"Ulm"}')),
      chunk(going(1, '{"city":"Oslo"}')),
      chunk({}, 'tool_calls'),
      '[DONE]',
    )
    upstream().script({ headers: events, body })
    const { client, handed } = recordingClient(gateway())
    const stream = client.chat.completions.stream({
      ...question,
      tools: [tool('weather'), tool('time')],
      parallel_tool_calls: true,
    })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]!.finish_reason).toBe('tool_calls')
    expect(choices[0]!.message.tool_calls).toMatchObject([
      toolCall('call_1', 'weather', { city: 'Ulm' }),
      toolCall('call_2', 'time', { city: 'Oslo' }),
    ])
    expect(upstream().arrived[0]!.text).toBe(asSent(handed[0]!))
  })
})

describe('structured output', () => {
  const Place = z.object({ city: z.string(), people: z.number() })
  const place = { city: 'Ulm', people: 126_000 }

  it('is parsed by the schema that the vendor was given', async () => {
    upstream().script({ body: answering({ content: JSON.stringify(place) }) })
    const { client, handed } = recordingClient(gateway())
    const { choices } = await client.chat.completions.parse({
      ...question,
      response_format: zodResponseFormat(Place, 'place'),
    })
    expect(choices[0]!.message.parsed).toEqual(place)
    const sent = upstream().arrived[0]!.text
    expect(sent).toBe(asSent(handed[0]!))
    expect(JSON.parse(sent).response_format.json_schema).toMatchObject({ name: 'place', strict: true })
  })

  it('is parsed from a stream', async () => {
    const text = JSON.stringify(place)
    const body = sse(
      chunk({ role: 'assistant', content: text.slice(0, 9) }),
      chunk({ content: text.slice(9) }),
      chunk({}, 'stop'),
      '[DONE]',
    )
    upstream().script({ headers: events, body })
    const stream = openaiClient(gateway()).chat.completions.stream({
      ...question,
      response_format: zodResponseFormat(Place, 'place'),
    })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]!.message.parsed).toEqual(place)
  })
})

describe('other text routes', () => {
  const texts = {
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1,
    model,
    choices: [{ index: 0, text: ' hello', logprobs: null, finish_reason: 'stop' }],
  }

  it('completes a prompt', async () => {
    upstream().script({ body: { ...texts, usage } })
    const { client, handed } = recordingClient(gateway())
    const answer = await client.completions.create({ model: 'fast', prompt: ['Say', 'hello'], best_of: 2 })
    expect(answer).toEqual({ ...texts, usage })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/completions`,
      bytes: asSent(handed[0]!),
    })
  })

  it('streams the completion of a prompt', async () => {
    upstream().script({ headers: events, body: sse(texts, '[DONE]') })
    const stream = await openaiClient(gateway()).completions.create({ model: 'fast', prompt: 'Say', stream: true })
    expect(await collect(stream)).toEqual([texts])
  })

  it('lists the models, and finds one whose name has a slash', async () => {
    const client = openaiClient(gateway())
    const ids = (await collect(client.models.list())).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(['fast', 'acme/best']))
    expect(await client.models.retrieve('acme/best')).toMatchObject({ id: 'acme/best', object: 'model' })
  })
})
