import { type FakeUpstream, fakeUpstream, type Scripted, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const usage = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 }
const chat = { path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'Hi' }] } }

interface Asked {
  /** The vendor's model. */
  readonly model: string
  readonly path: string
  readonly body: object
  readonly answer: Scripted
  /** More of the deployment, and of the whole configuration. */
  readonly params?: string
  readonly settings?: string
  readonly times?: number
}

/** US dollars that the metrics of a gateway count; 0 for what it does not know. */
async function spendOn({ model, path, body, answer, params = '', settings = '', times = 1 }: Asked): Promise<number> {
  upstream.script(answer)
  const gateway = await startGateway(`
model_list:
  - {model_name: m, litellm_params: {model: openai/${model}, api_base: ${upstream.url}, api_key: k${params}}}
litellm_settings: {callbacks: [prometheus]${settings}}
router_settings: {num_retries: 0}
`)
  onTestFinished(() => gateway.stop(100))
  for (let time = 0; time < times; time++) {
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: JSON.stringify({ model: 'm', ...body }) }
    await (await fetch(`${gateway.url}${path}`, request)).arrayBuffer()
  }
  return vi.waitFor(async () => {
    const page = await (await fetch(`${gateway.url}/metrics`)).text()
    const valuesOf = (name: string) =>
      [...page.matchAll(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'gm'))].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      )
    expect(valuesOf('litellm_proxy_total_requests_metric_total')).toBe(times)
    return valuesOf('litellm_spend_metric_total')
  }, 10_000)
}

describe('what a call costs is told to callbacks', () => {
  it('by its tokens, as the map of models knows their prices', async () => {
    const answer = { body: { id: 'c', choices: [], usage } }
    expect(await spendOn({ ...chat, model: 'gpt-4o-mini', answer })).toBeCloseTo(1_000 * 0.15e-6 + 500 * 0.6e-6, 12)
    const cached = { ...usage, prompt_tokens_details: { cached_tokens: 800 } }
    const withCached = { ...chat, model: 'gpt-4o-mini', answer: { body: { id: 'c', choices: [], usage: cached } } }
    expect(await spendOn(withCached)).toBeCloseTo(200 * 0.15e-6 + 800 * 0.075e-6 + 500 * 0.6e-6, 12)
  })

  it('and to the client, in a header of answers that come whole', async () => {
    upstream.script({ body: { id: 'c', choices: [], usage } })
    const gateway = await startGateway(`
model_list:
  - {model_name: m, litellm_params: {model: openai/gpt-4o-mini, api_base: ${upstream.url}, api_key: k}}
litellm_settings: {callbacks: [prometheus]}
`)
    onTestFinished(() => gateway.stop(100))
    const { headers } = await fetch(`${gateway.url}${chat.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', ...chat.body }),
    })
    expect(Number(headers.get('x-litellm-response-cost'))).toBeCloseTo(0.00045, 12)
    expect(headers.get('x-tianji-response-cost')).toBe(headers.get('x-litellm-response-cost'))
  })

  it("by the operator's own prices", async () => {
    const answer = { body: { id: 'c', choices: [], usage } }
    const params = ', input_cost_per_token: 0.001, output_cost_per_token: 0.002'
    expect(await spendOn({ ...chat, model: 'gpt-4o-mini', answer, params })).toBeCloseTo(2, 9)
    expect(await spendOn({ ...chat, model: 'of-my-own', answer, params })).toBeCloseTo(2, 9)
  })

  it('of a stream, when it counts its tokens', async () => {
    const headers = { 'content-type': 'text/event-stream' }
    const pieces = [sse({ id: 'c', choices: [] }, { id: 'c', choices: [], usage }, '[DONE]')]
    const body = { ...chat.body, stream: true, stream_options: { include_usage: true } }
    const asked = { ...chat, body, model: 'gpt-4o-mini', answer: { headers, pieces } }
    expect(await spendOn(asked)).toBeCloseTo(0.00045, 12)
  })

  it('by images, their size and quality, and by characters', async () => {
    const images = { path: '/v1/images/generations', model: 'dall-e-3', answer: { body: { created: 1, data: [] } } }
    expect(await spendOn({ ...images, body: { prompt: 'A cat', size: '1024x1024' } })).toBeCloseTo(0.04, 9)
    const hd = { prompt: 'A cat', size: '1024x1024', quality: 'hd', n: 2 }
    expect(await spendOn({ ...images, body: hd })).toBeCloseTo(0.16, 9)
    const speech = { path: '/v1/audio/speech', model: 'tts-1', body: { input: 'x'.repeat(1_000), voice: 'alloy' } }
    const sound = { headers: { 'content-type': 'audio/mpeg' }, body: 'sound' }
    expect(await spendOn({ ...speech, answer: sound })).toBeCloseTo(0.015, 9)
  })

  it('by characters as people count them, and by pixels', async () => {
    const speech = { path: '/v1/audio/speech', model: 'tts-1', body: { input: '😀'.repeat(1_000), voice: 'alloy' } }
    const sound = { headers: { 'content-type': 'audio/mpeg' }, body: 'sound' }
    expect(await spendOn({ ...speech, answer: sound })).toBeCloseTo(0.015, 9)
    const image = { path: '/v1/images/generations', model: 'mine', body: { prompt: 'A cat', size: '10x20', n: 3 } }
    const params = ', output_cost_per_pixel: 0.0001'
    expect(await spendOn({ ...image, params, answer: { body: { created: 1, data: [] } } })).toBeCloseTo(0.06, 9)
  })

  it('by how much a search was to read', async () => {
    const used = { ...usage, server_tool_use: { web_search_requests: 1 } }
    const answer = { body: { id: 'c', choices: [], usage: used } }
    const sizes = '{search_context_size_low: 0.5, search_context_size_medium: 1, search_context_size_high: 2}'
    const params = `, input_cost_per_token: 0, output_cost_per_token: 0, search_context_cost_per_query: ${sizes}`
    const body = { ...chat.body, web_search_options: { search_context_size: 'high' } }
    expect(await spendOn({ ...chat, body, model: 'mine', answer, params })).toBeCloseTo(2, 9)
    expect(await spendOn({ ...chat, model: 'mine', answer, params })).toBeCloseTo(1, 9)
  })

  it('and is never made up: not of unknown models, failures, or old answers', async () => {
    const answer = { body: { id: 'c', choices: [], usage } }
    expect(await spendOn({ ...chat, model: 'nobody-knows', answer })).toBe(0)
    expect(await spendOn({ ...chat, model: 'gpt-4o-mini', answer: { status: 500, body: {} } })).toBe(0)
    const settings = ', cache: true, cache_params: {type: local}'
    expect(await spendOn({ ...chat, model: 'gpt-4o-mini', answer, settings, times: 3 })).toBeCloseTo(0.00045, 12)
  })
})
