import { expectSent } from '@tianjillm/testing'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { openaiClient, recordingClient, refusal } from './openai-client.ts'
import { expectedAuthorization } from './signature.ts'

const aws = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'aws-secret', region: 'us-east-1', service: 'bedrock' }

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - model_name: plain
    litellm_params: &plain
      model: openai/gpt-4o
      api_base: ${url}
      api_key: openai-key
  - model_name: enriched
    litellm_params:
      <<: *plain
      temperature: 0.3
      extra_body: { reasoning: { effort: low }, route: a }
      extra_headers: { X-Team: search, X-Zone: 7 }
  - model_name: llama
    litellm_params: &llama
      model: groq/llama-3.3-70b-versatile
      api_base: ${url}
      api_key: groq-key
  - model_name: lenient-llama
    litellm_params:
      <<: *llama
      drop_params: true
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_base: ${url}
      api_key: anthropic-key
  - model_name: dated-claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_base: ${url}
      api_key: anthropic-key
      extra_headers: { Anthropic-Version: 2024-01-01 }
  - model_name: nova
    litellm_params:
      model: bedrock/amazon.nova-lite-v1:0
      aws_access_key_id: ${aws.accessKeyId}
      aws_secret_access_key: ${aws.secretAccessKey}
      aws_region_name: ${aws.region}
      aws_bedrock_runtime_endpoint: ${url}
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'hi' }]
const completion = {
  id: 'c1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
}
const message = { id: 'm1', role: 'assistant', content: [{ type: 'text', text: 'yes' }], stop_reason: 'end_turn' }

/** Asks as JavaScript's users of LiteLLM do: what is not OpenAI's is written beside the rest. */
function ask(model: string, rest: object = {}, reply: object = completion) {
  upstream().script({ body: reply })
  return openaiClient(gateway()).chat.completions.create({ model, messages, ...rest })
}

const sentJson = () => JSON.parse(upstream().arrived[0]!.text)

describe('a parameter the vendor lacks', () => {
  it.each([
    ['llama', { n: 2 }, 'n', /^400 groq: chat does not support n\. .*drop_params: true/],
    ['llama', { logit_bias: { 5: 1 }, top_logprobs: 3 }, 'logit_bias', /logit_bias, top_logprobs/],
    ['claude', { frequency_penalty: 0.5 }, 'frequency_penalty', /^400 anthropic: .* frequency_penalty/],
    ['nova', { seed: 7 }, 'seed', /^400 bedrock: .* seed/],
  ])('is refused by name: %s %o', async (model, rest, param, message) => {
    expect(await refusal(ask(model, rest))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'unsupported_parameter',
      param,
      message: expect.stringMatching(message),
    })
    expect(upstream().arrived).toEqual([])
  })

  it('is dropped when the client says so', async () => {
    await ask('llama', { drop_params: true, n: 2, logit_bias: { 5: 1 }, temperature: 0 })
    expect(sentJson()).toEqual({ model: 'llama-3.3-70b-versatile', messages, temperature: 0 })
  })

  it('is dropped when the configuration says so', async () => {
    await ask('lenient-llama', { n: 2, temperature: 0 })
    expect(sentJson()).toEqual({ model: 'llama-3.3-70b-versatile', messages, temperature: 0 })
  })

  it('is no error while it asks for nothing', async () => {
    await ask('claude', { frequency_penalty: 0, n: 1, logprobs: false, seed: null, store: false, user: 'u1' }, message)
    expect(sentJson()).toEqual({
      model: 'claude-sonnet-4-5',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      metadata: { user_id: 'u1' },
    })
  })
})

describe("a vendor's own parameter", () => {
  it('goes to the vendor as it is', async () => {
    await ask('claude', { top_k: 5, thinking: { type: 'enabled', budget_tokens: 1024 } }, message)
    expect(sentJson()).toMatchObject({
      top_k: 5,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      max_tokens: 4096 + 1024,
    })
  })

  it('of extra_body is added to what the vendor gets, and replaces nothing', async () => {
    await ask('plain', { temperature: 1, extra_body: { temperature: 0, top_k: 5, deep: { list: [1, null] } } })
    expect(sentJson()).toEqual({ model: 'gpt-4o', messages, temperature: 1, top_k: 5, deep: { list: [1, null] } })
  })

  it('of extra_body reaches vendors of other wires', async () => {
    await ask('claude', { extra_body: { container: 'c1' } }, message)
    expect(sentJson()).toMatchObject({ container: 'c1' })
    expect(sentJson()).not.toHaveProperty('extra_body')
  })

  it('of extra_body is signed with the rest', async () => {
    const answer = { output: { message: { role: 'assistant', content: [{ text: 'yes' }] } }, stopReason: 'end_turn' }
    await ask('nova', { extra_body: { requestMetadata: { team: 'a' } }, extra_headers: { 'X-Team': 'a' } }, answer)
    const [request] = upstream().arrived
    await expectSent(request, {
      url: `${upstream().url}/model/amazon.nova-lite-v1%3A0/converse`,
      headers: { authorization: expectedAuthorization(request!, aws), 'x-team': 'a' },
      json: { messages: [{ role: 'user', content: [{ text: 'hi' }] }], requestMetadata: { team: 'a' } },
    })
  })

  it('does not make the gateway ask for another model than the deployment has', async () => {
    await ask('plain', { extra_body: { model: 'o1-pro' } })
    expect(sentJson().model).toBe('gpt-4o')
  })
})

describe('what the configuration adds', () => {
  it('fills in where the client says nothing', async () => {
    await ask('enriched')
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/chat/completions`,
      headers: { authorization: 'Bearer openai-key', 'x-team': 'search', 'x-zone': '7' },
      json: { model: 'gpt-4o', messages, temperature: 0.3, reasoning: { effort: 'low' }, route: 'a' },
    })
  })

  it("comes before the client's extras, but not before its parameters", async () => {
    await ask('enriched', { temperature: 0.9, extra_body: { route: 'b' }, extra_headers: { 'X-Zone': '8' } })
    await expectSent(upstream().arrived[0], {
      url: `${upstream().url}/chat/completions`,
      headers: { 'x-team': 'search', 'x-zone': '7' },
      json: { model: 'gpt-4o', messages, temperature: 0.9, reasoning: { effort: 'low' }, route: 'a' },
    })
  })

  it("replaces a header of the vendor's, however it is spelled", async () => {
    await ask('dated-claude', {}, message)
    expect(upstream().arrived[0]!.headers['anthropic-version']).toBe('2024-01-01')
  })
})

describe('extra_headers of a client', () => {
  it('reach the vendor', async () => {
    await ask('plain', { extra_headers: { 'X-Trace': 'abc', 'OpenAI-Beta': 'assistants=v2' } })
    expect(upstream().arrived[0]!.headers).toMatchObject({ 'x-trace': 'abc', 'openai-beta': 'assistants=v2' })
    expect(sentJson()).toEqual({ model: 'gpt-4o', messages })
  })

  it('do not change who pays, nor how the body is read', async () => {
    const extra_headers = {
      Authorization: 'Bearer mine',
      HOST: 'evil.test',
      'Content-Length': '3',
      connection: 'close',
    }
    await ask('plain', { extra_headers })
    expect(upstream().arrived[0]!.headers).toMatchObject({
      authorization: 'Bearer openai-key',
      host: new URL(upstream().url).host,
    })
    expect(sentJson()).toEqual({ model: 'gpt-4o', messages })
  })

  it.each([
    { 'accept-encoding': 'gzip' },
    { expect: '100-continue' },
    { upgrade: 'websocket' },
    { 'keep-alive': 'timeout=5' },
  ])('do not change how the gateway talks to the vendor: %o', async (extra_headers) => {
    await ask('plain', { extra_headers })
    const { headers } = upstream().arrived[0]!
    expect(headers).not.toMatchObject(extra_headers)
  })

  it.each([
    ['name', { 'not a name': 'x' }],
    ['value', { 'x-trace': 'one\r\nauthorization: Bearer mine' }],
  ])('with an impossible %s are the mistake of the client', async (_what, extra_headers) => {
    expect(await refusal(ask('plain', { extra_headers }))).toMatchObject({ status: 400, param: 'extra_headers' })
    expect(upstream().arrived).toEqual([])
  })
})

describe("the gateway's own fields", () => {
  it('reach no vendor', async () => {
    await ask('plain', {
      drop_params: false,
      guardrails: [],
      tags: ['a'],
      litellm_metadata: { a: 1 },
      num_retries: 0,
      timeout: 30,
      cache: { 'no-cache': true },
      metadata: { job: '1' },
    })
    expect(sentJson()).toEqual({ model: 'gpt-4o', messages, metadata: { job: '1' } })
  })

  it("headers of the client's own stay at the gateway", async () => {
    upstream().script({ body: completion })
    const { client } = recordingClient(gateway())
    await client.chat.completions.create({ model: 'plain', messages }, { headers: { cookie: 'a=b', 'x-private': '1' } })
    const { headers } = upstream().arrived[0]!
    expect(Object.keys(headers).sort()).toEqual([
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
    ])
  })
})

describe('a request that is wrong', () => {
  it.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content[0].image_url'],
    [{ messages: [{ role: 'robot', content: 'hi' }] }, 'messages[0].role'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ stream: 'yes' }, 'stream'],
    [{ n: 0 }, 'n'],
    [{ tools: {} }, 'tools'],
  ])('is refused by the name of its field: %o', async (wrong, param) => {
    expect(await refusal(ask('plain', wrong))).toMatchObject({ status: 400, type: 'invalid_request_error', param })
    expect(upstream().arrived).toEqual([])
  })
})
