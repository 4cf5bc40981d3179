import { expectSent, type Scripted, sse } from '@tianjillm/testing'
import { toFile } from 'openai'
import type { ImageEditParamsNonStreaming, ImageGenerateParamsStreaming } from 'openai/resources/images'
import { describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { type Handed, openaiClient, recordingClient, refusal } from './openai-client.ts'

const key = 'sk-upstream'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - { model_name: openai/*, litellm_params: { model: openai/*, api_base: '${url}/v1', api_key: ${key} } }
  - { model_name: dall-e-2, litellm_params: { model: openai/dall-e-2-live, api_base: '${url}/v1', api_key: ${key} } }
  - { model_name: gemini/*, litellm_params: { model: gemini/*, api_base: '${url}/v1beta', api_key: ${key} } }
  - { model_name: elevenlabs/*, litellm_params: { model: elevenlabs/*, api_base: '${url}', api_key: ${key} } }
  - { model_name: deepgram/*, litellm_params: { model: deepgram/*, api_base: '${url}/v1', api_key: ${key} } }
  - { model_name: stability/*, litellm_params: { model: stability/*, api_base: '${url}', api_key: ${key}, poll_interval: 5 } }
general_settings:
  master_key: ${MASTER_KEY}
`,
)

/** Bytes that break whatever reads them as text, or as part of the form around them. */
const awkward = Buffer.concat([
  Buffer.from(
    '\r\n--\r\n----------------------------\r\nContent-Disposition: form-data; name="model"\r\n\r\nevil\r\n--',
  ),
  Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 31 + (index >> 8)) % 256)),
  Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x00, 0x0d, 0x0a, 0x0d, 0x0a, 0x2d, 0x2d]),
])
const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), awkward])
const file = (bytes: Buffer, name: string, type: string) => toFile(bytes, name, { type })

/** What the client wrote, with the vendor's model between the same bytes. */
function withModel({ bytes }: Handed, written: string, model: string): Buffer {
  const before = 'name="model"\r\n\r\n'
  // The last one: a file of these tests holds the like of it.
  const start = bytes.lastIndexOf(`${before}${written}\r\n`) + before.length
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(model), bytes.subarray(start + written.length)])
}

describe('embeddings', () => {
  const vector = [0.5, -0.25, 3, 0.1]
  const floats = vector.map(Math.fround)
  const base64 = Buffer.from(new Float32Array(vector).buffer).toString('base64')
  const answering = (embedding: unknown) => ({
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding }],
    model: 'text-embedding-3-small',
    usage: { prompt_tokens: 2, total_tokens: 2 },
  })

  it('come as base64 unasked, which the client decodes', async () => {
    upstream().script({ body: answering(base64) })
    const { client, handed } = recordingClient(gateway())
    const input = ['hi', 'model']
    const { data, usage } = await client.embeddings.create({ model: 'openai/text-embedding-3-small', input })
    expect(data[0]!.embedding).toEqual(floats)
    expect(usage.prompt_tokens).toBe(2)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/embeddings`,
      bytes: handed[0]!.bytes.toString().replace('openai/text-embedding', 'text-embedding'),
    })
    expect(upstream().arrived[0]!.text).toContain('"encoding_format":"base64"')
  })

  it('come as numbers when asked for', async () => {
    upstream().script({ body: answering(vector) })
    const { data } = await openaiClient(gateway()).embeddings.create({
      model: 'openai/text-embedding-3-small',
      input: [1, 2, 3],
      encoding_format: 'float',
      dimensions: 4,
    })
    expect(data[0]!.embedding).toEqual(vector)
    expect(JSON.parse(upstream().arrived[0]!.text)).toMatchObject({ input: [1, 2, 3], dimensions: 4 })
  })

  it('become base64 where the vendor has only numbers', async () => {
    upstream().script({ body: { embeddings: [{ values: vector }, { values: [1, 2, 3, 4] }] } })
    const model = 'gemini-embedding-001'
    const { data } = await openaiClient(gateway()).embeddings.create({
      model: `gemini/${model}`,
      input: ['hi', 'you'],
      dimensions: 4,
    })
    expect(data).toEqual([
      { object: 'embedding', index: 0, embedding: floats },
      { object: 'embedding', index: 1, embedding: [1, 2, 3, 4] },
    ])
    const request = (text: string) => ({
      model: `models/${model}`,
      content: { parts: [{ text }] },
      outputDimensionality: 4,
    })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1beta/models/${model}:batchEmbedContents`,
      headers: { 'x-goog-api-key': key },
      json: { requests: [request('hi'), request('you')] },
    })
  })

  it('stay numbers where the client wants them', async () => {
    upstream().script({ body: { embedding: { values: vector } } })
    const client = openaiClient(gateway())
    const { data } = await client.embeddings.create({
      model: 'gemini/gemini-embedding-001',
      input: 'hi',
      encoding_format: 'float',
    })
    expect(data[0]!.embedding).toEqual(vector)
  })
})

describe('images', () => {
  const made = { created: 1_790_000_000, data: [{ b64_json: 'aGk=', revised_prompt: 'A kite.' }] }

  it('are made', async () => {
    upstream().script({ body: made })
    const { client, handed } = recordingClient(gateway())
    const answer = await client.images.generate({ model: 'openai/gpt-image-1', prompt: 'A kite', quality: 'high' })
    expect(answer).toEqual(made)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/generations`,
      headers: { authorization: `Bearer ${key}` },
      bytes: handed[0]!.bytes.toString().replace('openai/gpt-image-1', 'gpt-image-1'),
    })
  })

  it("are made by the client's default model when it names none", async () => {
    upstream().script({ body: made })
    await openaiClient(gateway()).images.generate({ prompt: 'A kite' })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/generations`,
      json: { model: 'dall-e-2-live', prompt: 'A kite' },
    })
  })

  it('are streamed as they become clear', async () => {
    const parts = [
      { type: 'image_generation.partial_image', b64_json: 'aA==', partial_image_index: 0 },
      { type: 'image_generation.completed', b64_json: 'aGk=' },
    ]
    upstream().script({ headers: { 'content-type': 'text/event-stream' }, body: sse(...parts) })
    const stream = await openaiClient(gateway()).images.generate({
      model: 'openai/gpt-image-1',
      prompt: 'A kite',
      stream: true,
      partial_images: 1,
    })
    expect(await Array.fromAsync(stream)).toEqual(parts)
  })

  it('are streamed also when the gateway has taken out a field of its own', async () => {
    const parts = [{ type: 'image_generation.completed', b64_json: 'aGk=' }]
    upstream().script({ headers: { 'content-type': 'text/event-stream' }, body: sse(...parts) })
    const stream = await openaiClient(gateway()).images.generate({
      model: 'openai/gpt-image-1',
      prompt: 'A kite',
      stream: true,
      tags: ['team-a'],
    } as ImageGenerateParamsStreaming)
    expect(await Array.fromAsync(stream)).toEqual(parts)
    expect(JSON.parse(upstream().arrived[0]!.text)).toEqual({ model: 'gpt-image-1', prompt: 'A kite', stream: true })
  })

  it('of Gemini are answered in the same shape', async () => {
    upstream().script({
      body: { predictions: [{ mimeType: 'image/png', bytesBase64Encoded: 'aGk=' }] },
    })
    const client = openaiClient(gateway())
    const answer = await client.images.generate({ model: 'gemini/imagen-4.0-generate-001', prompt: 'A kite', n: 1 })
    expect(answer.data).toEqual([{ b64_json: 'aGk=' }])
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1beta/models/imagen-4.0-generate-001:predict`,
      json: { instances: [{ prompt: 'A kite' }], parameters: { sampleCount: 1 } },
    })
  })

  it('are edited: every byte of the form arrives, only the model is another', async () => {
    upstream().script({ body: made })
    const { client, handed } = recordingClient(gateway())
    const answer = await client.images.edit({
      image: await file(png, 'kite "1".png', 'image/png'),
      mask: await file(png.subarray(0, 500), 'mäsk.png', 'image/png'),
      prompt: 'Make it red\r\n--and big',
      model: 'openai/gpt-image-1',
      n: 2,
    })
    expect(answer).toEqual(made)
    const bytes = withModel(handed[0]!, 'openai/gpt-image-1', 'gpt-image-1')
    expect(bytes.includes(png)).toBe(true)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/edits`,
      headers: { authorization: `Bearer ${key}`, 'content-type': handed[0]!.contentType },
      bytes,
    })
  })

  it('are edited several at a time', async () => {
    upstream().script({ body: made })
    const { client, handed } = recordingClient(gateway())
    await client.images.edit({
      image: [await file(png, 'a.png', 'image/png'), await file(png, 'b.png', 'image/png')],
      prompt: 'Both',
      model: 'openai/gpt-image-1',
    })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/edits`,
      bytes: withModel(handed[0]!, 'openai/gpt-image-1', 'gpt-image-1'),
    })
  })

  it('are edited with the same fields and files when the gateway has taken out a field of its own', async () => {
    upstream().script({ body: made })
    await openaiClient(gateway()).images.edit({
      image: await file(png, 'kite.png', 'image/png'),
      prompt: 'Make it "red" & größer',
      model: 'openai/gpt-image-1',
      n: 1,
      litellm_trace_id: 't1',
    } as ImageEditParamsNonStreaming)
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/edits`,
      headers: { authorization: `Bearer ${key}` },
      form: {
        image: { name: 'kite.png', type: 'image/png', bytes: png },
        prompt: 'Make it "red" & größer',
        model: 'gpt-image-1',
        n: '1',
      },
    })
  })

  it('are varied, by a model that the client did not name', async () => {
    upstream().script({ body: made })
    const { client, handed } = recordingClient(gateway())
    await client.images.createVariation({ image: await file(png, 'kite.png', 'image/png'), n: 2, size: '256x256' })
    expect(handed[0]!.bytes.includes('\r\n\r\ndall-e')).toBe(false)
    const request = upstream().arrived[0]!
    await expectSent(request, {
      url: `${upstream().url}/v1/images/variations`,
      headers: { authorization: `Bearer ${key}` },
      form: {
        image: { name: 'kite.png', type: 'image/png', bytes: png },
        n: '2',
        size: '256x256',
        model: 'dall-e-2-live',
      },
    })
    // A part is put in; nothing else changes.
    const { bytes } = handed[0]!
    const added = request.body.length - bytes.length
    const boundary = /boundary=(.*)$/.exec(handed[0]!.contentType)![1]!
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\ndall-e-2-live\r\n`
    expect(added).toBe(part.length)
    expect(Buffer.from(request.body).equals(Buffer.concat([Buffer.from(part), bytes]))).toBe(true)
  })

  it('are varied by the model of the client', async () => {
    upstream().script({ body: made })
    const { client, handed } = recordingClient(gateway())
    await client.images.createVariation({
      image: await file(png, 'kite.png', 'image/png'),
      model: 'openai/dall-e-2' as 'dall-e-2',
    })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/images/variations`,
      bytes: withModel(handed[0]!, 'openai/dall-e-2', 'dall-e-2'),
    })
  })

  it('must be images', async () => {
    upstream().script({ body: made })
    const image = await file(Buffer.from('hello'), 'a.png', 'image/png')
    const error = await refusal(openaiClient(gateway()).images.createVariation({ image }))
    expect(error).toMatchObject({ status: 400, param: expect.stringMatching(/^image/) })
    expect(upstream().arrived).toEqual([])
  })

  it('are not varied where the provider cannot', async () => {
    const call = openaiClient(gateway()).images.createVariation({
      image: await file(png, 'a.png', 'image/png'),
      model: 'stability/sd3' as 'dall-e-2',
    })
    expect(await refusal(call)).toMatchObject({
      status: 400,
      code: 'unsupported_operation',
      message: expect.stringMatching(/stability: the operation imageVariation/),
    })
  })
})

describe('images of Stability', () => {
  const url = () => `${upstream().url}/v2beta/stable-image`
  const headers = () => ({ authorization: `Bearer ${key}`, accept: 'application/json' })

  it('are asked for in a form, one by one', async () => {
    upstream().script({ body: { image: 'b25l', finish_reason: 'SUCCESS', seed: 7 } })
    const answer = await openaiClient(gateway()).images.generate({
      model: 'stability/stable-image-core',
      prompt: 'A kite',
      n: 2,
      size: '1792x1024',
      output_format: 'webp',
      style_preset: 'anime',
    } as never)
    expect(answer.data).toEqual([{ b64_json: 'b25l' }, { b64_json: 'b25l' }])
    expect(upstream().arrived).toHaveLength(2)
    for (const request of upstream().arrived)
      await expectSent(request, {
        url: `${url()}/generate/core`,
        headers: headers(),
        form: { prompt: 'A kite', aspect_ratio: '16:9', output_format: 'webp', style_preset: 'anime' },
      })
  })

  it('are edited with the very bytes of the file', async () => {
    upstream().script({ body: { image: 'b25l', finish_reason: 'SUCCESS' } })
    const answer = await openaiClient(gateway()).images.edit({
      model: 'stability/inpaint',
      image: await file(png, 'kite.png', 'image/png'),
      mask: await file(png.subarray(0, 900), 'mask.png', 'image/png'),
      prompt: 'A red kite',
    })
    expect(answer.data).toEqual([{ b64_json: 'b25l' }])
    await expectSent(upstream().arrived[0], {
      url: `${url()}/edit/inpaint`,
      headers: headers(),
      form: {
        image: { name: 'kite.png', type: 'image/png', bytes: png },
        mask: { name: 'mask.png', type: 'image/png', bytes: png.subarray(0, 900) },
        prompt: 'A red kite',
      },
    })
  })

  it('that take long are asked for again', async () => {
    upstream().script(
      { body: { id: 'job1' } },
      { status: 202, body: { id: 'job1', status: 'in-progress' } },
      { body: { result: 'b25l', finish_reason: 'SUCCESS' } },
    )
    const answer = await openaiClient(gateway()).images.edit({
      model: 'stability/creative',
      image: await file(png, 'kite.png', 'image/png'),
      prompt: 'Larger',
    })
    expect(answer.data).toEqual([{ b64_json: 'b25l' }])
    expect(upstream().arrived.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v2beta/stable-image/upscale/creative',
      'GET /v2beta/results/job1',
      'GET /v2beta/results/job1',
    ])
  })
})

describe('speech', () => {
  const vendors: readonly {
    readonly model: string
    readonly voice: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly json: object
  }[] = [
    {
      model: 'openai/gpt-4o-mini-tts',
      voice: 'alloy',
      path: '/v1/audio/speech',
      headers: { authorization: `Bearer ${key}` },
      json: { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Grüß Gott' },
    },
    {
      model: 'elevenlabs/eleven_multilingual_v2',
      voice: 'nPczCjzI2devNBz1zQrb',
      path: '/v1/text-to-speech/nPczCjzI2devNBz1zQrb/stream?output_format=mp3_44100_128',
      headers: { 'xi-api-key': key },
      json: { text: 'Grüß Gott', model_id: 'eleven_multilingual_v2' },
    },
    {
      model: 'deepgram/aura-2-thalia-en',
      voice: 'alloy',
      path: '/v1/speak?model=aura-2-thalia-en&encoding=mp3',
      headers: { authorization: `Token ${key}` },
      json: { text: 'Grüß Gott' },
    },
  ]
  const speak = (model: string, voice: string) =>
    openaiClient(gateway()).audio.speech.create({ model, voice, input: 'Grüß Gott' })

  it.each(vendors)('of $model comes as the very bytes of the vendor', async ({ model, voice, path, headers, json }) => {
    upstream().script({ headers: { 'content-type': 'audio/mpeg' }, body: awkward })
    const response = await speak(model, voice)
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect(Buffer.from(await response.arrayBuffer()).equals(awkward)).toBe(true)
    await expectSent(upstream().arrived[0], { url: `${upstream().url}${path}`, headers, json })
  })

  it.each(vendors)('of $model begins before the vendor has finished', async ({ model, voice }) => {
    upstream().script({ headers: { 'content-type': 'audio/mpeg' }, pieces: [new Uint8Array([1, 255])], hangs: true })
    const reader = (await speak(model, voice)).body!.getReader()
    expect((await reader.read()).value).toEqual(new Uint8Array([1, 255]))
    await reader.cancel()
    await upstream().arrived[0]!.abandoned
  })

  it.each(vendors)('of $model that breaks off does not look whole', async ({ model, voice }) => {
    upstream().script({ headers: { 'content-type': 'audio/mpeg' }, pieces: [new Uint8Array([1])], dies: true })
    const response = await speak(model, voice)
    await expect(response.arrayBuffer()).rejects.toThrow('terminated')
  })

  it('that is refused is an error, not a file', async () => {
    const detail = { status: 'quota_exceeded', message: 'This request exceeds your quota.' }
    upstream().script({ status: 401, body: { detail } })
    expect(await refusal(speak('elevenlabs/eleven_v3', 'x'))).toMatchObject({ status: 429, code: 'insufficient_quota' })
  })
})

describe('transcripts', () => {
  const audio = () => file(awkward, 'grüße.mp3', 'audio/mpeg')
  const transcribe = async (model: string, rest: object = {}) =>
    openaiClient(gateway()).audio.transcriptions.create({ model, file: await audio(), ...rest } as never) as unknown

  it.each(['transcriptions', 'translations'] as const)(
    '(%s) are asked for with the bytes of the client',
    async (route) => {
      upstream().script({ body: { text: 'Hello.', usage: { type: 'duration', seconds: 1 } } })
      const { client, handed } = recordingClient(gateway())
      const answer = await client.audio[route].create({
        file: await audio(),
        model: 'openai/whisper-1',
        prompt: 'Grüße',
        temperature: 0,
        ...(route === 'transcriptions' && { timestamp_granularities: ['word', 'segment'] }),
      })
      expect(answer).toEqual({ text: 'Hello.', usage: { type: 'duration', seconds: 1 } })
      const bytes = withModel(handed[0]!, 'openai/whisper-1', 'whisper-1')
      expect(bytes.includes(awkward)).toBe(true)
      await expectSent(upstream().arrived[0], {
        url: `${upstream().url}/v1/audio/${route}`,
        headers: { authorization: `Bearer ${key}`, 'content-type': handed[0]!.contentType },
        bytes,
      })
    },
  )

  it('come as the vendor wrote them', async () => {
    const subtitles = '1\n00:00:00,000 --> 00:00:01,000\nGrüße\n\n'
    upstream().script({ headers: { 'content-type': 'text/plain; charset=utf-8' }, body: subtitles })
    expect(await transcribe('openai/whisper-1', { response_format: 'srt' })).toBe(subtitles)
  })

  it('are streamed', async () => {
    const parts = [
      { type: 'transcript.text.delta', delta: 'Hel' },
      { type: 'transcript.text.done', text: 'Hello' },
    ]
    upstream().script({ headers: { 'content-type': 'text/event-stream' }, body: sse(...parts) })
    const stream = await transcribe('openai/gpt-4o-transcribe', { stream: true })
    expect(await Array.fromAsync(stream as AsyncIterable<unknown>)).toEqual(parts)
  })

  it('are asked for with the same fields when the gateway has taken out one of its own', async () => {
    upstream().script({ body: { text: 'Hello.' } })
    const timestamp_granularities = ['word']
    await transcribe('openai/whisper-1', { timestamp_granularities, temperature: 0.5, drop_params: true })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/audio/transcriptions`,
      form: {
        model: 'whisper-1',
        file: { name: 'grüße.mp3', type: 'audio/mpeg', bytes: awkward },
        'timestamp_granularities[]': 'word',
        temperature: '0.5',
      },
    })
  })

  it('of ElevenLabs are asked for in a form of its own', async () => {
    upstream().script({ body: { text: 'Hello.', language_code: 'eng', words: [] } })
    expect(await transcribe('elevenlabs/scribe_v1', { language: 'en' })).toEqual({ text: 'Hello.' })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/speech-to-text`,
      headers: { 'xi-api-key': key },
      form: {
        file: { name: 'grüße.mp3', type: 'audio/mpeg', bytes: awkward },
        model_id: 'scribe_v1',
        language_code: 'en',
      },
    })
  })
})

describe('transcripts of Deepgram', () => {
  const words = [
    { word: 'hello', start: 0.08, end: 0.5, confidence: 0.99, punctuated_word: 'Hello' },
    { word: 'world', start: 0.5, end: 1.25, confidence: 0.98, punctuated_word: 'world.' },
    { word: 'bye', start: 61.5, end: 3_662.007, confidence: 0.97, punctuated_word: 'Bye.' },
  ]
  const reply: Scripted = {
    body: {
      metadata: { request_id: 'r1', duration: 3662.5, channels: 1 },
      results: {
        channels: [
          { detected_language: 'en', alternatives: [{ transcript: 'hello world bye', confidence: 0.99, words }] },
        ],
      },
    },
  }
  const timed = words.map(({ word, start, end }) => ({ word, start, end }))
  const segments = [
    { id: 0, start: 0.08, end: 1.25, text: 'hello world' },
    { id: 1, start: 61.5, end: 3662.007, text: 'bye' },
  ]

  async function transcribe(rest: object): Promise<unknown> {
    upstream().script(reply)
    const audio = await file(awkward, 'a.wav', 'audio/wav')
    return openaiClient(gateway()).audio.transcriptions.create({
      file: audio,
      model: 'deepgram/nova-3',
      ...rest,
    } as never)
  }

  it('are asked for with the file alone as the body', async () => {
    expect(await transcribe({ language: 'en', smart_format: true })).toEqual({ text: 'hello world bye' })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/v1/listen?model=nova-3&language=en&smart_format=true`,
      headers: { authorization: `Token ${key}`, 'content-type': 'audio/wav' },
      bytes: awkward,
    })
  })

  it.each([
    [{ response_format: 'json' }, { text: 'hello world bye' }],
    [{ response_format: 'text' }, 'hello world bye\n'],
    [
      { response_format: 'srt' },
      '1\n00:00:00,080 --> 00:00:01,250\nhello world\n\n2\n00:01:01,500 --> 01:01:02,007\nbye\n\n',
    ],
    [
      { response_format: 'vtt' },
      'WEBVTT\n\n00:00:00.080 --> 00:00:01.250\nhello world\n\n00:01:01.500 --> 01:01:02.007\nbye\n\n',
    ],
    [
      { response_format: 'verbose_json' },
      { task: 'transcribe', language: 'en', duration: 3662.5, text: 'hello world bye', segments },
    ],
    [
      { response_format: 'verbose_json', timestamp_granularities: ['word'] },
      { task: 'transcribe', language: 'en', duration: 3662.5, text: 'hello world bye', words: timed },
    ],
    [
      { response_format: 'verbose_json', timestamp_granularities: ['word', 'segment'] },
      { task: 'transcribe', language: 'en', duration: 3662.5, text: 'hello world bye', words: timed, segments },
    ],
  ])('come in the form asked for: %o', async (rest, answer) => {
    expect(await transcribe(rest)).toEqual(answer)
  })

  it('lack the translations', async () => {
    const call = openaiClient(gateway()).audio.translations.create({
      file: await file(awkward, 'a.wav', 'audio/wav'),
      model: 'deepgram/nova-3' as 'whisper-1',
    })
    expect(await refusal(call)).toMatchObject({ status: 400, code: 'unsupported_operation' })
  })

  it('refuse a prompt by name', async () => {
    expect(await refusal(transcribe({ prompt: 'Names: Ulm' }))).toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'prompt',
    })
  })
})
