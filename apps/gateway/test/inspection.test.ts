import type { JsonObject } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'

/** None of them may be told, whoever asks. */
const secrets = {
  openai: 'sk-vendor-key-of-these-tests',
  anthropic: 'anthropic-key-of-these-tests',
  gemini: 'google-key-of-these-tests',
  awsSecret: 'aws-secret-of-these-tests',
  awsSession: 'aws-session-of-these-tests',
  extraHeader: 'extra-header-of-these-tests',
  extraBody: 'extra-body-of-these-tests',
  gigachat: 'gigachat-key-of-these-tests',
  urlPassword: 'url-password-of-these-tests',
  urlSignature: 'url-signature-of-these-tests',
  master: MASTER_KEY,
}
const CONFINED = 'sk-confined-to-claude'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - model_name: gpt
    litellm_params:
      model: openai/gpt-4o
      api_base: ${url}/v1?api-key=${secrets.openai}
      api_key: ${secrets.openai}
      temperature: 0.5
      extra_headers: {x-team-token: ${secrets.extraHeader}, x-team: sea}
      extra_body: {session_token: ${secrets.extraBody}, best_of: 1}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${url}, api_key: ${secrets.anthropic}}}
  - {model_name: gemini, litellm_params: {model: gemini/gemini-2.5-pro, api_base: ${url}, api_key: ${secrets.gemini}}}
  - model_name: nova
    litellm_params:
      model: bedrock/amazon.nova-lite-v1:0
      aws_access_key_id: AKIAOFTHESETESTS1234
      aws_secret_access_key: ${secrets.awsSecret}
      aws_session_token: ${secrets.awsSession}
      aws_region_name: eu-west-1
  - {model_name: giga, litellm_params: {model: gigachat/GigaChat, api_base: ${url}, auth_url: ${url}/oauth, api_key: ${secrets.gigachat}}}
  - model_name: behind
    litellm_params:
      model: openai/gpt-4o
      api_base: http://user:${secrets.urlPassword}@127.0.0.1:1/v1?sig=${secrets.urlSignature}
      api_key: any
  - {model_name: any/*, litellm_params: {model: openai/*, api_base: ${url}/v1, api_key: ${secrets.openai}}}
general_settings: {master_key: ${MASTER_KEY}}
keys: [{key: ${CONFINED}, models: [claude]}]
`,
)

const messages = [{ role: 'user', content: 'Is the sea salt?' }]

interface Reply {
  readonly status: number
  readonly text: string
  readonly body: JsonObject
}

async function ask(path: string, body: unknown, key = MASTER_KEY): Promise<Reply> {
  const response = await fetch(`${gateway().url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, text, body: JSON.parse(text) as JsonObject }
}

const transform = (model: string, more: object = { messages }, call_type = 'completion', key = MASTER_KEY) =>
  ask('/utils/transform_request', { call_type, request_body: { model, ...more } }, key)

describe('POST /utils/token_counter', () => {
  const count = (body: object, key = MASTER_KEY) => ask('/utils/token_counter', body, key)

  it('counts a chat, and tells which model it would go to', async () => {
    const { status, body } = await count({ model: 'gpt', messages })
    expect(status).toBe(200)
    expect(body).toEqual({
      total_tokens: 12,
      request_model: 'gpt',
      model_used: 'gpt-4o',
      tokenizer_type: 'openai_tokenizer',
    })
  })

  it('counts tools, prompts, texts to embed, and the contents of Google', async () => {
    const tools = [{ type: 'function', function: { name: 'taste', description: 'Tastes water.' } }]
    const totals = await Promise.all(
      [
        { messages, tools },
        { prompt: 'Is the sea salt?' },
        { input: ['Is the sea', ' salt?'] },
        { contents: [{ role: 'user', parts: [{ text: 'Is the sea salt?' }] }] },
      ].map(async (request) => (await count({ model: 'gpt', ...request })).body.total_tokens),
    )
    expect(totals).toEqual([39, 5, 5, 12])
  })

  it('counts for models of a wildcard, and for such as nobody knows', async () => {
    expect((await count({ model: 'any/gpt-5', messages })).body).toMatchObject({ model_used: 'gpt-5' })
    expect((await count({ model: 'of-tomorrow', messages })).body).toMatchObject({ model_used: 'of-tomorrow' })
  })

  it('is for everybody with a key, about the models of the key', async () => {
    expect((await count({ model: 'claude', messages }, CONFINED)).status).toBe(200)
    const refused = await count({ model: 'gpt', messages }, CONFINED)
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'key_model_access_denied' } } })
    expect((await count({ model: 'gpt', messages }, 'sk-nobody')).status).toBe(401)
  })

  it.each<[string, unknown, string]>([
    ['no JSON', '{', ''],
    ['a list', [], 'model'],
    ['no model', { messages }, 'model'],
    ['a model that is no text', { model: 1, messages }, 'model'],
    ['nothing to count', { model: 'gpt', messages: null }, 'messages'],
    ['messages that are none', { model: 'gpt', messages: ['Hi'] }, 'messages[0]'],
    ['messages that are no list', { model: 'gpt', messages: { __proto__: null, length: 1e9 } }, 'messages'],
    ['tools that are no list', { model: 'gpt', messages, tools: 'all' }, 'tools'],
  ])('refuses %s', async (_what, body, param) => {
    const { status, body: answer } = await ask('/utils/token_counter', body)
    expect(status).toBe(400)
    expect(answer.error).toMatchObject({ type: 'invalid_request_error', param })
  })

  it('takes what is strange in messages and tools for what it can', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const strange = `{"model":"gpt","messages":[{"role":1,"content":${deep},"tool_calls":[null,{"function":"x"}]}],"tools":[{"function":{"parameters":{"properties":{"a":null},"required":7}}},{}]}`
    const { status, body } = await ask('/utils/token_counter', strange)
    expect(status).toBe(200)
    expect(body.total_tokens).toBeGreaterThan(0)
  })
})

describe('POST /utils/transform_request', () => {
  it('shows what a vendor of the same wire would get, with what the configuration adds', async () => {
    const { status, body } = await transform('gpt', { messages, tags: ['a'], top_p: 0.1 })
    expect(status).toBe(200)
    expect(body).toEqual({
      raw_request_api_base: expect.stringContaining(upstream().url),
      raw_request_body: {
        model: 'gpt-4o',
        messages,
        top_p: 0.1,
        temperature: 0.5,
        session_token: '[redacted]',
        best_of: 1,
      },
      raw_request_headers: {
        authorization: '[redacted]',
        'content-type': 'application/json',
        'x-team-token': '[redacted]',
        'x-team': 'sea',
      },
    })
  })

  it('shows what vendors of other wires would get, one that is signed too', async () => {
    const claude = await transform('claude')
    expect(claude.body).toMatchObject({
      raw_request_api_base: `${upstream().url}/v1/messages`,
      raw_request_body: { model: 'claude-opus-5', messages: [{ role: 'user' }] },
      raw_request_headers: { 'x-api-key': '[redacted]' },
    })
    const nova = await transform('nova')
    expect(nova.body).toMatchObject({
      raw_request_api_base: 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse',
      raw_request_body: { messages: [{ role: 'user', content: [{ text: 'Is the sea salt?' }] }] },
      raw_request_headers: { authorization: '[redacted]', 'x-amz-security-token': '[redacted]' },
    })
  })

  it.each([
    ['completion', 'gpt', { messages, stream: true }],
    ['acompletion', 'claude', { messages }],
    ['completion', 'gemini', { messages, stream: true }],
    ['completion', 'nova', { messages }],
    ['completion', 'any/gpt-5', { messages, user: secrets.openai }],
    ['completion', 'behind', { messages }],
    ['text_completion', 'gpt', { prompt: 'The sea' }],
    ['embedding', 'gemini', { input: ['The sea', 'the land'] }],
    ['image_generation', 'gpt', { prompt: 'The sea' }],
    ['aspeech', 'gpt', { input: 'The sea', voice: 'alloy' }],
  ])('tells no secret: %s of %s', async (callType, model, request) => {
    const { status, text } = await transform(model, request, callType)
    expect(status, text).toBe(200)
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret)
    expect(text).not.toMatch(/AKIA|Signature=[0-9a-f]/)
  })

  it('asks no vendor', async () => {
    upstream().script({ body: {} })
    await transform('gpt')
    await transform('giga')
    expect(upstream().arrived).toEqual([])
  })

  it('says so where a request cannot be written without asking', async () => {
    const { status, body } = await transform('giga')
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ code: 'unsupported_operation', message: expect.stringContaining('gigachat') })
  })

  it('is for everybody with a key, about the models of the key', async () => {
    expect((await transform('claude', { messages }, 'completion', CONFINED)).status).toBe(200)
    expect(await transform('gpt', { messages }, 'completion', CONFINED)).toMatchObject({
      status: 403,
      body: { error: { code: 'key_model_access_denied' } },
    })
  })

  it.each<[string, unknown, string]>([
    ['an unknown call', { call_type: '__proto__', request_body: { model: 'gpt', messages } }, 'call_type'],
    ['a call with files', { call_type: 'transcription', request_body: { model: 'gpt' } }, 'call_type'],
    ['no request', { call_type: 'completion' }, 'request_body'],
    ['a request without model', { call_type: 'completion', request_body: { messages } }, 'request_body.model'],
    ['a request that no model could answer', { call_type: 'completion', request_body: { model: 'gpt' } }, 'messages'],
  ])('refuses %s', async (_what, body, param) => {
    const { status, body: answer } = await ask('/utils/transform_request', body)
    expect(status).toBe(400)
    expect(answer.error).toMatchObject({ type: 'invalid_request_error', param })
  })

  it.each([10_000, 50_000])('refuses a request that is nested too deeply to be shown: %d times', async (depth) => {
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
    const body = `{"call_type":"completion","request_body":{"model":"gpt","messages":[{"role":"user","content":"a"}],"x":${deep}}}`
    const { status, body: answer } = await ask('/utils/transform_request', body)
    expect(status).toBe(400)
    expect(answer.error).toMatchObject({ message: 'The request is nested too deeply.' })
  })

  it('refuses a model that is not there, and an operation that its vendor does not have', async () => {
    expect((await transform('of-tomorrow')).status).toBe(404)
    expect((await transform('claude', { input: 'The sea' }, 'embedding')).body.error).toMatchObject({
      code: 'unsupported_operation',
    })
  })
})
