import { request } from 'node:http'
import { sse } from '@tianjillm/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../src/http/app.ts'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - model_name: gpt
    litellm_params: { model: openai/gpt-4o, api_key: k, api_base: ${url} }
  - model_name: gpt
    litellm_params: { model: openai/gpt-4o, api_key: k2, api_base: ${url} }
general_settings: { master_key: ${MASTER_KEY} }
litellm_settings: { callbacks: [prometheus] }
`,
)

/** A call by node's own client, which uses none of what is counted. */
const ask = (body: object) =>
  new Promise<string>((resolve, reject) => {
    const text = JSON.stringify(body)
    const headers = { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' }
    const call = request(`${gateway().url}/v1/chat/completions`, { method: 'POST', headers }, (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('end', () => resolve(Buffer.concat(pieces).toString()))
    })
    call.on('error', reject)
    call.end(text)
  })

/** Counts what is made of these globals from now on. */
const counted = [
  'AbortController',
  'Headers',
  'ReadableStream',
  'Request',
  'Response',
  'TransformStream',
  'WritableStream',
] as const
function count(): Readonly<Record<string, number>> {
  const made: Record<string, number> = {}
  for (const name of counted) {
    const original = globalThis[name] as unknown as new (...args: unknown[]) => object
    made[name] = 0
    vi.stubGlobal(
      name,
      new Proxy(original, {
        construct(target, args, newTarget) {
          made[name]!++
          return Reflect.construct(target, args, newTarget)
        },
      }),
    )
  }
  made.fetch = 0
  const { fetch } = globalThis
  vi.stubGlobal('fetch', (...args: Parameters<typeof fetch>) => {
    made.fetch!++
    return fetch(...args)
  })
  return made
}

const nothing = { ...Object.fromEntries(counted.map((name) => [name, 0])), fetch: 0 }
const chunk = (content: string, finish_reason: string | null = null) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content }, finish_reason }],
})

describe('the hot route', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('makes no fetch, no web stream and no web request for a call', async () => {
    upstream().script({
      body: { id: 'c', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
    })
    await ask({ model: 'gpt', messages: [{ role: 'user', content: 'warm' }] })
    const made = count()
    for (let index = 0; index < 20; index++) await ask({ model: 'gpt', messages: [{ role: 'user', content: 'hi' }] })
    expect(made).toEqual(nothing)
    expect(upstream().arrived.length).toBe(21)
  })

  it('makes none for a stream either, however many chunks it has', async () => {
    const events = Array.from({ length: 50 }, (_, index) => sse(chunk(String(index))))
    const body = {
      pieces: [...events, sse(chunk('', 'stop'), '[DONE]')],
      headers: { 'content-type': 'text/event-stream' },
    }
    upstream().script(body)
    const made = count()
    const text = await ask({ model: 'gpt', stream: true, messages: [{ role: 'user', content: 'hi' }] })
    expect(text.match(/^data: /gm)).toHaveLength(52)
    expect(made).toEqual(nothing)
  })

  it("is found by Hono's faster router", async () => {
    const app = createApp(() => {
      throw new Error('Only the route is asked for.')
    })
    await app.request('/health/liveness')
    expect(app.router.name).toBe('SmartRouter + RegExpRouter')
  })

  it('hands the very bytes on, both ways', async () => {
    const answer = '{"id":"c" , "choices":[],\n"unknown":{"é":1.0}}'
    upstream().script({ body: answer, headers: { 'content-type': 'application/json' } })
    const text = await ask({
      model: 'gpt',
      messages: [{ role: 'user', content: 'hi' }],
      not_yet_known: [1.5, { a: null }],
    })
    expect(text).toBe(answer)
    expect(upstream().arrived[0]!.text).toBe(
      '{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"not_yet_known":[1.5,{"a":null}]}',
    )
  })
})
