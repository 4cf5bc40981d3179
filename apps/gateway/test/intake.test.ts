import { type FakeUpstream, fakeUpstream, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

/** What a vendor gets of a request, with these `general_settings`. */
async function arrived(general: string, path: string, body: object, headers: Record<string, string> = {}) {
  const gateway = await startGateway(`
model_list:
  - {model_name: asked, litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: sk-vendor}}
  - {model_name: forced, litellm_params: {model: openai/two, api_base: ${upstream.url}, api_key: sk-vendor}}
general_settings: {master_key: ${MASTER_KEY}, ${general}}
`)
  onTestFinished(() => gateway.stop(100))
  upstream.script(
    'stream' in body
      ? { headers: { 'content-type': 'text/event-stream' }, pieces: [sse({ id: 'c', choices: [] }, '[DONE]')] }
      : { body: { id: 'c', choices: [], data: [] } },
  )
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}`, ...headers },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  await response.text()
  const { text, headers: sent } = upstream.arrived[0]!
  return { body: JSON.parse(text), headers: sent }
}

const messages = [{ role: 'user', content: 'Hi' }]

describe('general_settings', () => {
  it('completion_model is asked, whatever a client asks for', async () => {
    const chat = await arrived('completion_model: forced', '/v1/chat/completions', { model: 'asked', messages })
    expect(chat.body).toEqual({ model: 'two', messages })
    const text = await arrived('completion_model: forced', '/v1/completions', { model: 'nobody', prompt: 'Hi' })
    expect(text.body.model).toBe('two')
  })

  it('embedding_model is for embeddings alone', async () => {
    const embedding = await arrived('embedding_model: forced', '/v1/embeddings', { model: 'asked', input: 'Hi' })
    expect(embedding.body.model).toBe('two')
    const chat = await arrived('embedding_model: forced', '/v1/chat/completions', { model: 'asked', messages })
    expect(chat.body.model).toBe('one')
  })

  it('always_include_stream_usage has streams count, unless a client says not to', async () => {
    const asking = (more: object) =>
      arrived('always_include_stream_usage: true', '/v1/chat/completions', { model: 'asked', messages, ...more })
    expect((await asking({ stream: true })).body.stream_options).toEqual({ include_usage: true })
    const unwanted = { stream: true, stream_options: { include_usage: false } }
    expect((await asking(unwanted)).body.stream_options).toEqual({ include_usage: false })
    expect((await asking({})).body).not.toHaveProperty('stream_options')
  })

  it('forward_client_headers_to_llm_api hands on what is for vendors, and no key', async () => {
    const general = 'forward_client_headers_to_llm_api: true, litellm_key_header_name: x-our-key'
    const headers = {
      ...{ 'x-trace': 'abc', 'x-our-key': MASTER_KEY, 'x-litellm-tags': 'a', 'x-api-key': MASTER_KEY },
      ...{ 'x-forwarded-for': '10.0.0.1', 'x-stainless-lang': 'js', 'user-agent': 'mine' },
    }
    const { headers: sent } = await arrived(general, '/v1/chat/completions', { model: 'asked', messages }, headers)
    expect(sent).toMatchObject({ 'x-trace': 'abc', authorization: 'Bearer sk-vendor' })
    for (const name of ['x-our-key', 'x-litellm-tags', 'x-api-key', 'x-forwarded-for', 'x-stainless-lang'])
      expect(sent).not.toHaveProperty(name)
    const without = await arrived(
      'max_request_size_mb: 1',
      '/v1/chat/completions',
      { model: 'asked', messages },
      headers,
    )
    expect(without.headers).not.toHaveProperty('x-trace')
  })
})
