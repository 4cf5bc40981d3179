import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'
import { type Ask, exchange, type Reply, replyIn, send } from './wire.ts'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - {model_name: demo, litellm_params: {model: openai/gpt-4o, api_base: ${url}/v1, api_key: sk-upstream}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${url}, api_key: sk-upstream}}
  - {model_name: dall-e-2, litellm_params: {model: openai/dall-e-2, api_base: ${url}/v1, api_key: sk-upstream}}
  - {model_name: whisper-1, litellm_params: {model: openai/whisper-1, api_base: ${url}/v1, api_key: sk-upstream}}
general_settings: {master_key: ${MASTER_KEY}}
`,
)

const CHAT = '/v1/chat/completions'
const MEBIBYTE = 1024 * 1024
const key = { authorization: `Bearer ${MASTER_KEY}` }
const messages = [{ role: 'user', content: 'Hello' }]
const good = { model: 'demo', messages }
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
}

/** A body of any type at any route. */
const body =
  (text: string | Uint8Array, type = 'application/json', path = CHAT): Ask =>
  (url) =>
    send(`${url}${path}`, { headers: { ...key, 'content-type': type }, body: text })

const json = (value: unknown, path = CHAT): Ask => body(JSON.stringify(value), 'application/json', path)
const chat = (fields: object): Ask => json({ ...good, ...fields })
const said = (...content: readonly unknown[]): Ask => chat({ messages: [{ role: 'user', content }] })
const call = (method: string, path: string): Ask => {
  return (url) => send(`${url}${path}`, { method, headers: key })
}

/** Text of a request with the key in place of `KEY`. */
const withKey = (text: string) => text.replace('KEY', `authorization: Bearer ${MASTER_KEY}`)

/** A request written by hand. */
const wire =
  (text: string): Ask =>
  (url) =>
    exchange(url, withKey(text))

const PNG = '\x89PNG\r\n\x1a\n'
const BOUNDARY = 'tianji-boundary'
const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`

/** A part's head and content. */
const field = (name: string, content: string) => `content-disposition: form-data; name="${name}"\r\n\r\n${content}`
const file = (name: string, content: string) =>
  `content-disposition: form-data; name="${name}"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n${content}`
const formText = (parts: readonly string[]) =>
  Buffer.from(`${parts.map((part) => `--${BOUNDARY}\r\n${part}\r\n`).join('')}--${BOUNDARY}--\r\n`, 'latin1')
const VARIATIONS = '/v1/images/variations'
const form =
  (parts: readonly string[], path = VARIATIONS): Ask =>
  (url) =>
    body(formText(parts), MULTIPART, path)(url)

type Expected = readonly [status: number, type: string, code: string | null, param: string | null]

const invalid = (param: string | null): Expected => [400, 'invalid_request_error', null, param]
const unknownModel: Expected = [404, 'not_found_error', 'model_not_found', 'model']
const unknownRoute: Expected = [404, 'not_found_error', 'not_found', null]
const wrongMethod: Expected = [405, 'invalid_request_error', 'method_not_allowed', null]
const tooLarge: Expected = [413, 'invalid_request_error', 'payload_too_large', null]
const wrongMedia: Expected = [415, 'invalid_request_error', 'unsupported_media_type', null]
const headersTooLarge: Expected = [431, 'invalid_request_error', 'headers_too_large', null]
const unauthorized: Expected = [401, 'authentication_error', 'invalid_api_key', null]

function expectError({ status, headers, text }: Reply, [wanted, type, code, param]: Expected): void {
  expect(headers['content-type']).toMatch(/^application\/json/)
  expect({ status, ...JSON.parse(text) }).toEqual({
    status: wanted,
    error: { message: expect.stringMatching(/./), type, code, param },
  })
}

async function expectAlive(): Promise<void> {
  upstream().script({ body: completion })
  const { status, text } = await json(good)(gateway().url)
  expect({ status, answer: JSON.parse(text) }).toEqual({ status: 200, answer: completion })
}

/** Every request is refused before a vendor hears of it, and the next good one is served. */
function refuses(rows: readonly (readonly [title: string, ask: Ask, ...expected: Expected])[]): void {
  it.each(rows)('refuses %s', async (_title, ask, ...expected) => {
    upstream().script({ body: completion })
    expectError(await ask(gateway().url), expected)
    expect(upstream().arrived).toEqual([])
    await expectAlive()
  })
}

describe('a body that is no JSON object', () => {
  refuses([
    ['nothing', body(''), ...invalid(null)],
    ['text', body('hello'), ...invalid(null)],
    ['truncated JSON', body(JSON.stringify(good).slice(0, -5)), ...invalid(null)],
    ['JSON with a comma too many', body('{"model":"demo",}'), ...invalid(null)],
    ['two objects', body('{}{}'), ...invalid(null)],
    ['bytes that are no text', body(new Uint8Array([0xff, 0xfe, 0x00, 0x80])), ...invalid(null)],
    ['compressed JSON', body(new Uint8Array([0x1f, 0x8b, 0x08, 0x00])), ...invalid(null)],
    ['a list', json([good]), ...invalid(null)],
    ['null', json(null), ...invalid(null)],
    ['a number', json(5), ...invalid(null)],
    ['100,000 lists in each other', body('['.repeat(100_000) + ']'.repeat(100_000)), ...invalid(null)],
    ['100,000 lists that nobody closes', body('['.repeat(100_000)), ...invalid(null)],
  ])
})

describe('a chat request with a wrong field', () => {
  refuses([
    ['no messages', json({ model: 'demo' }), ...invalid('messages')],
    ['messages of null', chat({ messages: null }), ...invalid('messages')],
    ['messages of text', chat({ messages: 'Hello' }), ...invalid('messages')],
    ['messages of an object', chat({ messages: { role: 'user' } }), ...invalid('messages')],
    ['empty messages', chat({ messages: [] }), ...invalid('messages')],
    ['a message of text', chat({ messages: ['Hello'] }), ...invalid('messages[0]')],
    ['a message of null', chat({ messages: [...messages, null] }), ...invalid('messages[1]')],
    ['a message without role', chat({ messages: [{ content: 'Hello' }] }), ...invalid('messages[0].role')],
    ['an unknown role', chat({ messages: [{ role: 'boss', content: '' }] }), ...invalid('messages[0].role')],
    ['a role of a number', chat({ messages: [{ role: 1, content: '' }] }), ...invalid('messages[0].role')],
    ['content of a number', chat({ messages: [{ role: 'user', content: 5 }] }), ...invalid('messages[0].content')],
    ['content of an object', chat({ messages: [{ role: 'user', content: {} }] }), ...invalid('messages[0].content')],
    ['a part of text', said('Hello'), ...invalid('messages[0].content[0]')],
    ['a part of null', said(null), ...invalid('messages[0].content[0]')],
    ['a part without type', said({ text: 'Hello' }), ...invalid('messages[0].content[0].type')],
    ['a part with a type of a number', said({ type: 5 }), ...invalid('messages[0].content[0].type')],
    ['a text part without text', said({ type: 'text' }), ...invalid('messages[0].content[0].text')],
    ['an image part without image', said({ type: 'image_url' }), ...invalid('messages[0].content[0].image_url')],
    [
      'an image part whose image is text',
      said({ type: 'image_url', image_url: 'https://x.test/a.png' }),
      ...invalid('messages[0].content[0].image_url'),
    ],
    [
      'an image part without URL',
      said({ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: {} }),
      ...invalid('messages[0].content[1].image_url.url'),
    ],
    ['an audio part without audio', said({ type: 'input_audio' }), ...invalid('messages[0].content[0].input_audio')],
    [
      'an audio part without format',
      said({ type: 'input_audio', input_audio: { data: '' } }),
      ...invalid('messages[0].content[0].input_audio.format'),
    ],
    ['a file part without file', said({ type: 'file' }), ...invalid('messages[0].content[0].file')],
    [
      'tool calls of an object',
      chat({ messages: [{ role: 'assistant', tool_calls: {} }] }),
      ...invalid('messages[0].tool_calls'),
    ],
    [
      'a tool call without arguments',
      chat({ messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'a' } }] }] }),
      ...invalid('messages[0].tool_calls[0].function.arguments'),
    ],
    ['tools of text', chat({ tools: 'all' }), ...invalid('tools')],
    ['tools of an object', chat({ tools: {} }), ...invalid('tools')],
    ['a tool of text', chat({ tools: ['search'] }), ...invalid('tools[0]')],
    ['a tool without type', chat({ tools: [{ function: { name: 'a' } }] }), ...invalid('tools[0].type')],
    ['a response format of text', chat({ response_format: 'json' }), ...invalid('response_format')],
    ['a response format without type', chat({ response_format: {} }), ...invalid('response_format.type')],
    ['a stream flag of text', chat({ stream: 'true' }), ...invalid('stream')],
    ['stream options of text', chat({ stream_options: 'usage' }), ...invalid('stream_options')],
    [
      'a usage flag of a number',
      chat({ stream_options: { include_usage: 1 } }),
      ...invalid('stream_options.include_usage'),
    ],
    ['max_tokens of text', chat({ max_tokens: '10' }), ...invalid('max_tokens')],
    ['max_tokens of 0', chat({ max_tokens: 0 }), ...invalid('max_tokens')],
    ['max_tokens of a fraction', chat({ max_tokens: 1.5 }), ...invalid('max_tokens')],
    ['max_completion_tokens below 0', chat({ max_completion_tokens: -1 }), ...invalid('max_completion_tokens')],
    ['a temperature of text', chat({ temperature: 'hot' }), ...invalid('temperature')],
    ['a top_p of a list', chat({ top_p: [] }), ...invalid('top_p')],
    ['an n of 0', chat({ n: 0 }), ...invalid('n')],
    ['an n of text', chat({ n: '1' }), ...invalid('n')],
    ['a stop of a number', chat({ stop: 5 }), ...invalid('stop')],
    ['a stop of numbers', chat({ stop: [5] }), ...invalid('stop')],
    ['a user of an object', chat({ user: {} }), ...invalid('user')],
    ['guardrails that are not configured', chat({ guardrails: ['nobody'] }), ...invalid('guardrails')],
    ['extra headers with a blank in the name', chat({ extra_headers: { 'a b': 'c' } }), ...invalid('extra_headers')],
    ['extra headers with a line break', chat({ extra_headers: { a: 'b\r\nc: d' } }), ...invalid('extra_headers')],
  ])
})

describe('a wrong model', () => {
  refuses([
    ['no model', json({ messages }), ...invalid('model')],
    ['an empty model', chat({ model: '' }), ...invalid('model')],
    ['a model of null', chat({ model: null }), ...invalid('model')],
    ['a model of a number', chat({ model: 4 }), ...invalid('model')],
    ['a model of a list', chat({ model: ['demo'] }), ...invalid('model')],
    ['a model only in the prototype', body(`{"__proto__":${JSON.stringify(good)}}`), ...invalid('model')],
    ['an unknown model', chat({ model: 'gpt-99' }), ...unknownModel],
    ['a model of a mebibyte', chat({ model: 'x'.repeat(MEBIBYTE) }), ...unknownModel],
    ['a model with NUL', chat({ model: 'demo\0' }), ...unknownModel],
    ['a model with half a character', chat({ model: 'demo\ud800' }), ...unknownModel],
    ['a model that is written backwards', chat({ model: '\u202eomed' }), ...unknownModel],
    ['a model with line breaks', chat({ model: 'demo\r\nx-evil: 1' }), ...unknownModel],
    ['a model called __proto__', chat({ model: '__proto__' }), ...unknownModel],
    ['a model called constructor', chat({ model: 'constructor' }), ...unknownModel],
    [
      'an unknown model in the path',
      json({ messages }, '/openai/deployments/gpt-99/chat/completions'),
      ...unknownModel,
    ],
    ['bad percent-encoding', json(good, '/openai/deployments/%zz%/chat/completions'), ...unknownModel],
    ['percent-encoded NUL', json(good, '/openai/deployments/%00%ff/chat/completions'), ...unknownModel],
  ])

  it('names the model that was probably meant', async () => {
    const { text } = await chat({ model: 'dmeo' })(gateway().url)
    expect(JSON.parse(text).error.message).toBe('The model "dmeo" is not configured. Did you mean demo?')
  })

  it('does not repeat a long name', async () => {
    const { text } = await chat({ model: 'x'.repeat(MEBIBYTE) })(gateway().url)
    expect(text.length).toBeLessThan(1000)
  })
})

describe('other operations', () => {
  refuses([
    ['a completion without prompt', json({ model: 'demo' }, '/v1/completions'), ...invalid('prompt')],
    ['a completion with an empty list', json({ model: 'demo', prompt: [] }, '/v1/completions'), ...invalid('prompt')],
    ['an embedding without input', json({ model: 'demo' }, '/v1/embeddings'), ...invalid('input')],
    ['an embedding of an object', json({ model: 'demo', input: {} }, '/v1/embeddings'), ...invalid('input')],
    [
      'an embedding in an unknown format',
      json({ model: 'demo', input: 'a', encoding_format: 'hex' }, '/v1/embeddings'),
      ...invalid('encoding_format'),
    ],
    ['an image without prompt', json({ model: 'dall-e-2' }, '/v1/images/generations'), ...invalid('prompt')],
    ['eleven images', json({ model: 'dall-e-2', prompt: 'a', n: 11 }, '/v1/images/generations'), ...invalid('n')],
    ['speech of nothing', json({ model: 'demo', input: '' }, '/v1/audio/speech'), ...invalid('input')],
    [
      'a search where none is configured',
      json({ query: 'a' }, '/v1/search'),
      ...([400, 'invalid_request_error', 'no_search_provider', null] as const),
    ],
  ])
})

describe('a body that is too large', () => {
  const large = JSON.stringify({ ...good, padding: 'x'.repeat(20 * MEBIBYTE) })
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nKEY\r\ncontent-type: application/json\r\n`

  refuses([
    ['20 MiB before they are sent', wire(`${head}content-length: ${20 * MEBIBYTE}\r\n\r\n`), ...tooLarge],
    [
      '20 MiB before they are sent, to a client that waits to be told',
      wire(`${head}expect: 100-continue\r\ncontent-length: ${20 * MEBIBYTE}\r\n\r\n`),
      ...tooLarge,
    ],
    ['20 MiB of JSON', body(large), ...tooLarge],
    ['40 MiB of multipart', form([file('image', PNG + 'x'.repeat(40 * MEBIBYTE))]), ...tooLarge],
  ])

  it('refuses 20 MiB in chunks, whose length nobody told', async () => {
    const { reply } = await pour(20 * MEBIBYTE)
    expectError(reply, tooLarge)
    await expectAlive()
  })

  it('answers and closes the connection while the client keeps sending', async () => {
    const { reply, sent } = await pour(Number.POSITIVE_INFINITY)
    expectError(reply, tooLarge)
    expect(sent).toBeLessThan(256 * MEBIBYTE)
    await expectAlive()
  })

  /** Writes chunks until so many bytes are out or the gateway has closed the connection. */
  async function pour(total: number) {
    const { hostname, port } = new URL(gateway().url)
    const socket = connect(Number(port), hostname)
    let received = ''
    let sent = 0
    socket.on('data', (piece) => {
      received += piece.toString('latin1')
    })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(`${withKey(head)}transfer-encoding: chunked\r\n\r\n`)
    const piece = `${(256 * 1024).toString(16)}\r\n${' '.repeat(256 * 1024)}\r\n`
    while (!socket.destroyed && sent < total) {
      await new Promise((resolve) => socket.write(piece, resolve))
      sent += piece.length
    }
    if (!socket.destroyed) socket.end('0\r\n\r\n')
    await closed
    return { reply: replyIn(received, true)!, sent }
  }
})

describe('a wrong content type', () => {
  const image = file('image', PNG)

  refuses([
    ['text where JSON is due', body(JSON.stringify(good), 'text/plain'), ...wrongMedia],
    ['a web form where JSON is due', body('model=demo', 'application/x-www-form-urlencoded'), ...wrongMedia],
    ['multipart where JSON is due', form([field('model', 'demo')], CHAT), ...wrongMedia],
    ['JSON where multipart is due', json({ model: 'dall-e-2' }, VARIATIONS), ...wrongMedia],
    ['an image where multipart is due', body(PNG, 'image/png', VARIATIONS), ...wrongMedia],
    ['multipart without boundary', body(formText([image]), 'multipart/form-data', VARIATIONS), ...invalid(null)],
    [
      'multipart with an empty boundary',
      body(formText([image]), 'multipart/form-data; boundary=""', VARIATIONS),
      ...invalid(null),
    ],
    [
      'multipart with a boundary that never occurs',
      body(formText([image]), 'multipart/form-data; boundary=other', VARIATIONS),
      ...invalid(null),
    ],
  ])
})

describe('a wrong multipart form', () => {
  const image = file('image', PNG)
  const whole = formText([image, field('n', '2')])

  refuses([
    ['nothing', body('', MULTIPART, VARIATIONS), ...invalid(null)],
    ['a form that ends in a head', body(whole.subarray(0, 60), MULTIPART, VARIATIONS), ...invalid(null)],
    ['a form that ends in a file', body(whole.subarray(0, 140), MULTIPART, VARIATIONS), ...invalid(null)],
    ['a form without its end', body(whole.subarray(0, -8), MULTIPART, VARIATIONS), ...invalid(null)],
    ['a part without name', form(['content-disposition: form-data\r\n\r\nx', image]), ...invalid(null)],
    ['a part without disposition', form(['content-type: image/png\r\n\r\nx', image]), ...invalid(null)],
    ['a part without head, which would hide the next one', form(['x', image]), ...invalid(null)],
    ['a part with a head of 100 KiB', form([`x-a: ${'a'.repeat(102_400)}\r\n${image}`]), ...invalid(null)],
    ['1,000 parts', form(Array.from({ length: 1000 }, (_, index) => field(`f${index}`, 'x'))), ...invalid(null)],
    ['no image', form([field('model', 'dall-e-2')]), ...invalid('image')],
    ['an image that is a field', form([field('image', PNG)]), ...invalid('image[0]')],
    ['an image that is none', form([file('image', 'hello, world')]), ...invalid('image')],
    ['an empty image', form([file('image', '')]), ...invalid('image')],
    ['an n of 0', form([image, field('n', '0')]), ...invalid('n')],
    ['an n of text', form([image, field('n', 'two')]), ...invalid('n')],
    ['a mask that is a field', form([image, field('mask', 'x')], '/v1/images/edits'), ...invalid('mask')],
    ['an unknown model', form([image, field('model', 'dall-e-9')]), ...unknownModel],
    ['speech without file', form([field('model', 'whisper-1')], '/v1/audio/transcriptions'), ...invalid('file')],
    ['speech without model', form([file('file', 'abc')], '/v1/audio/transcriptions'), ...invalid('model')],
    [
      'speech whose file is a field',
      form([field('model', 'whisper-1'), field('file', 'abc')], '/v1/audio/transcriptions'),
      ...invalid('file'),
    ],
  ])
})

describe('a wrong route', () => {
  refuses([
    ['GET of a call', call('GET', CHAT), ...wrongMethod],
    ['PUT of a call', call('PUT', CHAT), ...wrongMethod],
    ['DELETE of a form', call('DELETE', VARIATIONS), ...wrongMethod],
    ['POST of the models', call('POST', '/v1/models'), ...wrongMethod],
    ['an unknown route', call('GET', '/v1/nothing'), ...unknownRoute],
    ['a POST to an unknown route', json(good, '/v1/chat'), ...unknownRoute],
    ['a path that climbs', call('GET', '/v1/../../etc/passwd'), ...unknownRoute],
    ['a path with bad percent-encoding', call('GET', '/v1/%zz'), ...unknownRoute],
    ['an unknown model by name', call('GET', '/v1/models/gpt-99'), ...unknownModel],
    ['an unknown model by a bad name', call('GET', '/v1/models/%e0%a4%a'), ...unknownModel],
  ])

  it.each([
    ['GET', CHAT, 'POST'],
    ['PATCH', VARIATIONS, 'POST'],
    ['POST', '/v1/models', 'GET'],
  ])('tells after %s %s that it takes %s', async (method, path, allowed) => {
    const { headers } = await call(method, path)(gateway().url)
    expect(headers.allow).toBe(allowed)
  })
})

describe('a request that is not good HTTP', () => {
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nKEY\r\ncontent-type: application/json\r\n`

  refuses([
    ['garbage', wire('one two three\r\n\r\n'), ...invalid(null)],
    ['a TLS greeting', (url) => exchange(url, new Uint8Array([22, 3, 1, 0, 5, 1, 0, 0, 1, 3])), ...invalid(null)],
    ['HTTP/2 without being asked', wire('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), ...invalid(null)],
    [
      'a content length and chunks',
      wire(`${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
      ...invalid(null),
    ],
    ['two content lengths', wire(`${head}content-length: 4\r\ncontent-length: 5\r\n\r\nabcde`), ...invalid(null)],
    ['a content length below 0', wire(`${head}content-length: -1\r\n\r\n`), ...invalid(null)],
    ['chunks that are something else', wire(`${head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`), ...invalid(null)],
    [
      'chunks that are compressed last',
      wire(`${head}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n`),
      ...invalid(null),
    ],
    ['a chunk without length', wire(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`), ...invalid(null)],
    ['a header over two lines', wire(`${head}x-a: b\r\n c\r\n\r\n`), ...invalid(null)],
    ['a header with NUL', wire(`${head}x-a: \0\r\n\r\n`), ...invalid(null)],
    ['a blank before the colon', wire('GET /v1/models HTTP/1.1\r\nhost : x\r\nKEY\r\n\r\n'), ...invalid(null)],
    ['no host', wire('GET /v1/models HTTP/1.1\r\nKEY\r\n\r\n'), ...invalid(null)],
    ['a host that is none', wire('GET /v1/models HTTP/1.1\r\nhost: a/b c\r\nKEY\r\n\r\n'), ...invalid(null)],
    ['a backslash in the path', wire('GET /v1\\models HTTP/1.1\r\nhost: x\r\nKEY\r\n\r\n'), ...invalid(null)],
    ['a header of 20 KB', wire(`${head}x-bomb: ${'a'.repeat(20_000)}\r\n\r\n`), ...headersTooLarge],
    ['a header name of 20 KB', wire(`${head}${'a'.repeat(20_000)}: b\r\n\r\n`), ...headersTooLarge],
    [
      '2,500 headers',
      wire(`${head}${Array.from({ length: 2500 }, (_, index) => `x-${index}: a\r\n`).join('')}\r\n`),
      ...headersTooLarge,
    ],
  ])

  it('serves probes of old load balancers, which name no host', async () => {
    const { status } = await exchange(gateway().url, 'GET /health/liveliness HTTP/1.0\r\n\r\n')
    expect(status).toBe(200)
  })

  it('asks a client that waits for it to go on', async () => {
    upstream().script({ body: completion })
    const text = JSON.stringify(good)
    const waiting = `${withKey(head)}expect: 100-continue\r\ncontent-length: ${text.length}\r\n\r\n`
    const { hostname, port } = new URL(gateway().url)
    const socket = connect(Number(port), hostname)
    let received = ''
    socket.write(waiting)
    for await (const piece of socket) {
      const before = received
      received += String(piece)
      if (before === '') socket.write(text)
      if (replyIn(received, false)) break
    }
    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  })

  it('survives a client that leaves in the middle of its body', async () => {
    const { hostname, port } = new URL(gateway().url)
    for (const text of [
      head,
      `${head}content-length: 100\r\n\r\n{"model"`,
      `${head}transfer-encoding: chunked\r\n\r\n`,
    ]) {
      const socket = connect(Number(port), hostname)
      socket.write(withKey(text))
      await sleep(20)
      socket.resetAndDestroy()
    }
    await expectAlive()
  })
})

describe('an odd request that says something good', () => {
  afterEach(expectAlive)

  const arrivesAs = async (text: string) => {
    upstream().script({ body: completion })
    const { status } = await body(text)(gateway().url)
    expect(status).toBe(200)
    return JSON.parse(upstream().arrived[0]!.text)
  }

  it('takes the last of several models, as JSON has it, and sends only the vendor one', async () => {
    const sent = await arrivesAs(`{"model":"gpt-99","messages":${JSON.stringify(messages)},"model":"demo"}`)
    expect(sent).toEqual({ model: 'gpt-4o', messages })
  })

  it('is not fooled by a second model that is spelled with escapes', async () => {
    const sent = await arrivesAs(`{"model":"gpt-99","messages":${JSON.stringify(messages)},"mod\\u0065l":"demo"}`)
    expect(sent).toEqual({ model: 'gpt-4o', messages })
  })

  it('leaves models deeper down alone', async () => {
    const text = JSON.stringify({
      metadata: { model: 'a' },
      messages,
      model: 'demo',
      tools: [{ type: 'x', model: 'b' }],
    })
    expect(await arrivesAs(text)).toEqual({ ...JSON.parse(text), model: 'gpt-4o' })
  })

  it('sends __proto__ and constructor on without becoming them', async () => {
    const text = `{"model":"demo","messages":${JSON.stringify(messages)},"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"metadata":{"__proto__":{"isAdmin":true}}}`
    await arrivesAs(text)
    expect(upstream().arrived[0]!.text).toBe(text.replace('"demo"', '"gpt-4o"'))
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it('sends form fields called __proto__ and constructor on without becoming them', async () => {
    upstream().script({ body: { created: 1, data: [{ url: 'https://x.test/1.png' }] } })
    const parts = [field('__proto__', 'x'), field('constructor', 'y'), field('__proto__[isAdmin]', 'true')]
    const bytes = formText([...parts, field('model', 'dall-e-2'), file('image', PNG)])
    const { status } = await body(bytes, MULTIPART, VARIATIONS)(gateway().url)
    expect(status).toBe(200)
    expect(Buffer.from(upstream().arrived[0]!.body).equals(bytes)).toBe(true)
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it('sends 100,000 lists in each other on as they are', async () => {
    upstream().script({ body: completion })
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const { status } = await body(`{"model":"demo","messages":${JSON.stringify(messages)},"x":${deep}}`)(gateway().url)
    expect(status).toBe(200)
    expect(upstream().arrived[0]!.text).toContain(deep)
  })

  it('blames the client for 100,000 lists in each other where they cannot be written anew', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const reply = await body(`{"model":"claude","max_tokens":5,"messages":${JSON.stringify(messages)},"x":${deep}}`)(
      gateway().url,
    )
    expectError(reply, invalid(null))
  })
})

describe('the key', () => {
  const headerNames = [
    'x-litellm-api-key',
    'authorization',
    'api-key',
    'x-api-key',
    'x-goog-api-key',
    'ocp-apim-subscription-key',
  ]
  const withHeaders = (headers: Readonly<Record<string, string>>) =>
    send(`${gateway().url}${CHAT}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(good),
    })

  it.each(headerNames)('is taken from %s', async (name) => {
    upstream().script({ body: completion })
    expect((await withHeaders({ [name]: `Bearer ${MASTER_KEY}` })).status).toBe(200)
    if (name !== 'authorization') expect((await withHeaders({ [name]: MASTER_KEY })).status).toBe(200)
  })

  it.each(headerNames)('is refused in %s when it is wrong', async (name) => {
    upstream().script({ body: completion })
    for (const wrong of [
      'sk-wrong',
      `${MASTER_KEY}x`,
      MASTER_KEY.slice(0, -1),
      MASTER_KEY.toUpperCase(),
      'x'.repeat(8000),
    ])
      expectError(await withHeaders({ [name]: `Bearer ${wrong}` }), unauthorized)
    expect(upstream().arrived).toEqual([])
  })

  it.each([
    ['is missing', {}],
    ['is empty', { authorization: '' }],
    ['is a scheme without a key', { authorization: 'Bearer' }],
    ['is of another scheme', { authorization: `Basic ${btoa(`user:${MASTER_KEY}`)}` }],
    ['has no scheme', { authorization: MASTER_KEY }],
    ['is two keys', { authorization: `Bearer ${MASTER_KEY} ${MASTER_KEY}` }],
    ['is empty in all headers', Object.fromEntries(headerNames.map((name) => [name, '']))],
    ['is not valid text', { 'x-api-key': 'ÿþ' }],
  ])('is refused when it %s', async (_title, headers) => {
    expectError(await withHeaders(headers), unauthorized)
  })

  it('is needed for all that tells about the gateway', async () => {
    for (const path of ['/v1/models', '/models/demo', '/health', '/v1/search/tools'])
      expectError(await send(`${gateway().url}${path}`, { method: 'GET' }), unauthorized)
    const search = await send(`${gateway().url}/v1/search/any`, { body: '{}' })
    expectError(search, unauthorized)
  })

  it('is asked for with www-authenticate', async () => {
    expect((await withHeaders({})).headers['www-authenticate']).toBe('Bearer')
    const models = await send(`${gateway().url}/v1/models`, { method: 'GET' })
    expect(models.headers['www-authenticate']).toBe('Bearer')
  })

  it('is looked at before the body: 100 MB are refused at once', async () => {
    const head = `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-wrong\r\ncontent-length: 100000000\r\n\r\n`
    expectError(await exchange(gateway().url, `${head}{"model":`), unauthorized)
    await expectAlive()
  })

  it('is not told to anybody by an error', async () => {
    const { text } = await withHeaders({ authorization: `Bearer ${MASTER_KEY}x` })
    expect(text).not.toContain('sk-master')
  })
})
