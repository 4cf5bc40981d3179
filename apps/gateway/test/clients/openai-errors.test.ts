import { createServer } from 'node:net'
import { collect, type Scripted, sse } from '@tianjillm/testing'
import OpenAI from 'openai'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { openaiClient, recordingClient, refusal } from './openai-client.ts'

const openaiKey = 'the-configured-key-of-openai'
const groqKey = 'the-configured-key-of-groq'
const anthropicKey = 'the-configured-key-of-anthropic'

/** A port nobody listens at. */
const deadPort = await new Promise<number>((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { readonly port: number }
    server.close(() => resolve(port))
  })
})

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - { model_name: gpt, litellm_params: { model: openai/gpt-4o, api_base: '${url}/v1', api_key: ${openaiKey} } }
  - { model_name: llama, litellm_params: { model: groq/llama, api_base: '${url}', api_key: ${groqKey} } }
  - { model_name: claude, litellm_params: { model: anthropic/claude, api_base: '${url}', api_key: ${anthropicKey} } }
  - { model_name: keyless, litellm_params: { model: gemini/gemini-2.5-flash, api_base: '${url}' } }
  - model_name: hasty
    litellm_params: { model: openai/gpt-4o, api_base: '${url}/v1', api_key: ${openaiKey}, timeout: 0.2 }
  - model_name: dead
    litellm_params: { model: openai/gpt-4o, api_base: 'http://127.0.0.1:${deadPort}/v1', api_key: ${openaiKey} }
  - { model_name: embedding, litellm_params: { model: anthropic/claude, api_base: '${url}', api_key: ${anthropicKey} } }
router_settings:
  num_retries: 0
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'hi' }]
const ask = (model: string) => openaiClient(gateway()).chat.completions.create({ model, messages })
const stream = (model: string) => openaiClient(gateway()).chat.completions.create({ model, messages, stream: true })
const events = { 'content-type': 'text/event-stream' }

/** OpenAI's error body. */
const failing = (status: number, error: object, headers: Record<string, string> = {}): Scripted => ({
  status,
  headers,
  body: { error: { message: 'Something is wrong.', type: 'server_error', param: null, code: null, ...error } },
})

/** What a client must never be told. */
const secrets = [openaiKey, groqKey, anthropicKey, MASTER_KEY]
const withoutSecrets = (error: InstanceType<typeof OpenAI.APIError>) => {
  const told = JSON.stringify([error.message, error.error, [...(error.headers ?? [])]])
  for (const secret of secrets) expect(told).not.toContain(secret)
  return error
}

describe('the gateway itself', () => {
  it.each(['wrong', '', 'sk-master-for-test', `${MASTER_KEY}x`])('refuses the key "%s"', async (key) => {
    const { client } = recordingClient(gateway())
    const call = client.chat.completions.create(
      { model: 'gpt', messages },
      { headers: { authorization: `Bearer ${key}` } },
    )
    upstream().script({ body: {} })
    const error = withoutSecrets(await refusal(call))
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(error).toMatchObject({
      status: 401,
      type: 'authentication_error',
      code: 'invalid_api_key',
      param: null,
    })
    expect(error.headers!.get('www-authenticate')).toBe('Bearer')
    expect(upstream().arrived).toEqual([])
  })

  it('does not know a model', async () => {
    const error = await refusal(ask('gtp'))
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'not_found_error' })
    expect(error.message).toMatch(/"gtp" is not configured\. Did you mean "?gpt"?\?/)
    expect(error.requestID).toMatch(/^[\w-]{36}$/)
  })

  it('does not know a model of the list', async () => {
    const error = await refusal(openaiClient(gateway()).models.retrieve('nothing'))
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error.code).toBe('model_not_found')
  })

  it('does not know a route', async () => {
    const error = await refusal(openaiClient(gateway()).fineTuning.jobs.list())
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error.code).toBe('not_found')
  })

  it('names the provider and the operation that it lacks', async () => {
    const error = await refusal(openaiClient(gateway()).embeddings.create({ model: 'embedding', input: 'hi' }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error.code).toBe('unsupported_operation')
    expect(error.message).toContain('anthropic: the operation embedding is not supported')
    expect(error.error).toMatchObject({
      provider_specific_fields: { provider: 'anthropic', operation: 'embedding' },
    })
  })

  it('says which key a deployment lacks', async () => {
    const error = await refusal(ask('keyless'))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 500, code: 'misconfigured' })
    expect(error.message).toContain('GEMINI_API_KEY')
  })

  it('refuses a body that is no JSON', async () => {
    const { client } = recordingClient(gateway(), (body) => body.slice(0, -1))
    const error = await refusal(client.chat.completions.create({ model: 'gpt', messages }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error.message).toMatch(/not valid JSON/)
  })

  it('refuses a file where there should be JSON, and JSON where there should be a file', async () => {
    const client = openaiClient(gateway())
    const form = new FormData()
    form.append('model', 'gpt')
    expect(await refusal(client.post('/chat/completions', { body: form }))).toMatchObject({ status: 415 })
    expect(await refusal(client.post('/audio/transcriptions', { body: { model: 'gpt' } }))).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
  })
})

describe("a vendor's refusal", () => {
  it('for too many requests says when to come again', async () => {
    upstream().script(failing(429, { code: 'rate_limit_exceeded', message: 'Limit 3 / min.' }, { 'retry-after': '7' }))
    const error = withoutSecrets(await refusal(ask('gpt')))
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error.headers!.get('retry-after')).toBe('7')
    expect(error.error).toEqual({
      message: 'openai: Limit 3 / min.',
      type: 'rate_limit_error',
      param: null,
      code: 'rate_limit_exceeded',
    })
    expect(upstream().arrived).toHaveLength(1)
  })

  it.each([
    [{ 'retry-after-ms': '1500' }, '2'],
    [{ 'retry-after': 'nonsense' }, null],
    [{}, null],
  ])('with the headers %o says to wait %s', async (headers, seconds) => {
    upstream().script(failing(429, {}, headers))
    expect((await refusal(ask('gpt'))).headers!.get('retry-after')).toBe(seconds)
  })

  it('for want of money is told apart', async () => {
    upstream().script(failing(429, { code: 'insufficient_quota', type: 'insufficient_quota' }))
    const error = await refusal(ask('gpt'))
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error.code).toBe('insufficient_quota')
  })

  it.each([401, 403])('of the configured key (%i) is not the fault of the client', async (status) => {
    upstream().script(failing(status, { code: 'invalid_api_key', message: `Incorrect API key provided: ${openaiKey}` }))
    const error = withoutSecrets(await refusal(ask('gpt')))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 502, type: 'api_error', code: 'upstream_auth_failed' })
    expect(error.message).toBe('502 openai: the vendor refused the configured credentials')
  })

  it.each([
    [500, 500, 'upstream_error'],
    [502, 502, 'upstream_error'],
    [503, 503, 'overloaded'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'overloaded'],
  ])('of status %i is answered with %i', async (status, told, code) => {
    upstream().script(failing(status, {}))
    const error = withoutSecrets(await refusal(ask('gpt')))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: told, code, message: `${told} openai: Something is wrong.` })
  })

  it.each([
    ['context_length_exceeded', "This model's maximum context length is 128000 tokens.", 'messages'],
    ['content_policy_violation', 'Your request was rejected by the safety system.', null],
  ])('%s keeps its code and its field', async (code, message, param) => {
    upstream().script(failing(400, { code, message, param, type: 'invalid_request_error' }))
    const error = await refusal(ask('gpt'))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ code, param, message: `400 openai: ${message}` })
  })

  it('of its own model is a model that is not found', async () => {
    upstream().script(failing(404, { code: 'model_not_found', message: 'The model `gpt-4o` does not exist' }))
    const error = await refusal(ask('gpt'))
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error.code).toBe('model_not_found')
  })

  it('in the words of another wire is told in those of OpenAI', async () => {
    upstream().script({
      status: 429,
      headers: { 'retry-after': '3' },
      body: { type: 'error', error: { type: 'rate_limit_error', message: 'Slow down.' }, request_id: 'req_1' },
    })
    const error = withoutSecrets(await refusal(ask('claude')))
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error.message).toBe('429 anthropic: Slow down.')
    expect(error.headers!.get('retry-after')).toBe('3')
  })

  it('as a web page is not pasted into the message', async () => {
    upstream().script({ status: 502, headers: { 'content-type': 'text/html' }, body: '<html><h1>Bad gateway</h1>' })
    expect((await refusal(ask('gpt'))).message).toBe('502 openai: the vendor answered 502')
  })

  it('that repeats the configured key is told without it', async () => {
    upstream().script(failing(400, { message: `The header "authorization: Bearer ${openaiKey}" is odd.` }))
    const error = withoutSecrets(await refusal(ask('gpt')))
    expect(error.message).toContain('[redacted]')
  })

  it('that repeats the configured key as its code or field is told without it', async () => {
    upstream().script(failing(400, { param: `headers.${openaiKey}` }))
    withoutSecrets(await refusal(ask('gpt')))
  })

  it('before a stream begins is an ordinary error', async () => {
    for (const model of ['gpt', 'llama', 'claude']) {
      upstream().script(failing(429, {}, { 'retry-after': '2' }))
      const error = await refusal(stream(model))
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error.headers!.get('retry-after')).toBe('2')
    }
  })

  it('leaves it to the client to try again', async () => {
    upstream().script(failing(500, {}))
    const client = openaiClient(gateway()).withOptions({ maxRetries: 1 })
    await refusal(client.chat.completions.create({ model: 'gpt', messages }))
    expect(upstream().arrived).toHaveLength(2)
  })
})

describe('a vendor that cannot be understood', () => {
  it.each(['gpt', 'llama', 'claude'])('answers %s with a web page', async (model) => {
    upstream().script({ headers: { 'content-type': 'text/html' }, body: '<html>Welcome to nginx!</html>' })
    expect(await refusal(ask(model))).toMatchObject({ status: 502, code: 'upstream_invalid_response' })
  })

  it.each([
    ['gpt', 'application/json', { id: 'c1', choices: [] }],
    ['llama', 'application/json', { id: 'c1', choices: [] }],
    ['gpt', 'text/html', '<html>Welcome to nginx!</html>'],
    ['llama', 'text/html', '<html>Welcome to nginx!</html>'],
  ])('answers %s with %s in place of a stream', async (model, type, body) => {
    upstream().script({ headers: { 'content-type': type }, body })
    expect(await refusal(stream(model).then(collect))).toMatchObject({ code: 'upstream_invalid_response' })
  })

  it.each(['llama', 'claude'])('answers %s with half of its JSON', async (model) => {
    upstream().script({ headers: { 'content-type': 'application/json' }, body: '{"id":"c1","choices":[' })
    expect(await refusal(ask(model))).toMatchObject({ status: 502, code: 'upstream_invalid_response' })
  })

  it.each(['gpt', 'llama', 'claude'])('sends %s elsewhere', async (model) => {
    upstream().script({ status: 302, headers: { location: 'http://169.254.169.254/' }, body: '' })
    expect(await refusal(ask(model))).toMatchObject({ code: 'upstream_error' })
    expect(upstream().arrived).toHaveLength(1)
  })
})

describe('a vendor that is not there', () => {
  it('cannot be reached', async () => {
    const error = withoutSecrets(await refusal(ask('dead')))
    expect(error).toMatchObject({ status: 502, type: 'api_error', code: 'upstream_unreachable' })
    expect(error.message).toMatch(/^502 openai: cannot reach http:\/\/127\.0\.0\.1:\d+\. .*\(ECONNREFUSED\)\.$/)
  })

  it.each(['gpt', 'llama'])('breaks off the answer of %s', async (model) => {
    upstream().script({ headers: { 'content-type': 'application/json' }, pieces: ['{"id":'], dies: true })
    const error = await refusal(ask(model))
    expect(error).toMatchObject({ status: 502, code: 'upstream_unreachable' })
    expect(error.message).toContain('broke in the middle of the answer')
  })

  it('takes too long to begin', async () => {
    upstream().script({ delay: 2_000 })
    const error = withoutSecrets(await refusal(ask('hasty')))
    expect(error).toMatchObject({
      status: 504,
      type: 'timeout_error',
      code: 'upstream_timeout',
      message: '504 openai: no answer within 0.2 s.',
    })
    await upstream().arrived[0]!.abandoned
  })

  it('takes too long to go on', async () => {
    upstream().script({ headers: { 'content-type': 'application/json' }, pieces: ['{"id":'], hangs: true })
    expect(await refusal(ask('hasty'))).toMatchObject({ status: 504, code: 'upstream_timeout' })
    await upstream().arrived[0]!.abandoned
  })
})

describe('a stream that goes wrong in its middle', () => {
  const chunk = (content: string, finish_reason: string | null = null) => ({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }],
  })

  /** What came before the error, and the error. */
  async function broken(model: string, reply: Scripted) {
    upstream().script({ headers: events, ...reply })
    const answer = await stream(model)
    let text = ''
    const error = await refusal(
      (async () => {
        for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
      })(),
    )
    return { text, error: withoutSecrets(error) }
  }

  it.each(['gpt', 'llama'])('is an error for %s when the connection breaks', async (model) => {
    const { text, error } = await broken(model, { pieces: [sse(chunk('Hel'))], dies: true })
    expect(text).toBe('Hel')
    expect(error).toMatchObject({ code: 'upstream_unreachable', type: 'api_error' })
  })

  it.each(['gpt', 'llama'])('is an error for %s when it ends without an end', async (model) => {
    const { text, error } = await broken(model, { body: sse(chunk('Hel'), chunk('lo')) })
    expect(text).toBe('Hello')
    expect(error).toMatchObject({ code: 'upstream_invalid_response' })
    expect(error.message).toContain('ended before the answer was complete')
  })

  it('is an error for gpt when only its text says that it is done', async () => {
    const { error } = await broken('gpt', { body: sse(chunk('Streams end with [DONE]')) })
    expect(error).toMatchObject({ code: 'upstream_invalid_response' })
  })

  it('is none when the vendor finishes without an end mark', async () => {
    upstream().script({ headers: events, body: sse(chunk('Hel'), chunk('lo', 'stop')) })
    expect(await collect(await stream('gpt'))).toHaveLength(2)
  })

  it('is an error when it stands still', async () => {
    const { text, error } = await broken('hasty', { pieces: [sse(chunk('Hel'))], hangs: true })
    expect(text).toBe('Hel')
    expect(error).toMatchObject({ code: 'upstream_timeout' })
  })

  it.each(['gpt', 'llama'])('is an error for %s when the vendor says so', async (model) => {
    const failure = { error: { message: 'The server had an error.', type: 'server_error', code: null, param: null } }
    const { text, error } = await broken(model, { body: sse(chunk('Hel'), failure) })
    expect(text).toBe('Hel')
    expect(error.message).toContain('The server had an error.')
  })

  it('tells no secret that the vendor repeats', async () => {
    const failure = { error: { message: `Bad key ${groqKey}.`, code: 400 } }
    const { error } = await broken('llama', { body: sse(chunk('Hel'), failure) })
    expect(error.message).toContain('groq: Bad key')
  })

  it.each(['gpt', 'llama'])('is an error for %s when it is cut within an event', async (model) => {
    upstream().script({ headers: events, pieces: [`${sse(chunk('Hel'))}data: {"id":"c1","choi`], dies: true })
    const error = await refusal(stream(model).then(collect))
    expect(error).toMatchObject({ code: 'upstream_unreachable' })
  })
})
