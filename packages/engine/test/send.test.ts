import {
  defineProvider,
  GatewayError,
  type JsonObject,
  type Operation,
  type Provider,
  type UpstreamReply,
} from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream, redirectedTransport, stubHost } from '@tianjillm/testing'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveCall } from '../src/call.ts'
import { createDeployment, type DeploymentSettings } from '../src/deployment.ts'
import { send } from '../src/send.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const URL = 'https://api.acme.example/v1'
const base: Operation<JsonObject, JsonObject> = {
  request: (input) => ({
    method: 'POST',
    url: URL,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  }),
  response: (reply) => reply.json<JsonObject>(),
}

/** A provider with these operations, asked once. */
const ask = (
  provider: object,
  input: JsonObject,
  settings: Partial<DeploymentSettings> = {},
  operation: 'chat' | 'embedding' = 'chat',
) => {
  const plugin = defineProvider({
    name: 'acme',
    title: 'Acme',
    docs: 'https://acme.example',
    env: [],
    options: v.object({}),
    create: () => provider as Provider,
  })
  const host = stubHost(upstream)
  const transport = redirectedTransport(upstream)
  const deployment = createDeployment(plugin, { model: 'vendor-model', options: {}, ...settings }, host, transport)
  const call = new LiveCall(host, { id: 'c', operation, model: 'group' })
  return send({ deployment, model: 'vendor-model' }, { input }, call, transport)
}
const sent = (index = 0) => JSON.parse(upstream.arrived[index]!.text)

describe('a request on its way to a vendor', () => {
  it('has the vendor model, the deployment defaults, and nothing that speaks to the gateway', async () => {
    upstream.script({ body: {} })
    await ask(
      { chat: base },
      { model: 'group', temperature: 0, guardrails: ['x'], tags: ['y'], own: 1 },
      { defaults: { temperature: 1, seed: 5 } },
    )
    expect(sent()).toEqual({ model: 'vendor-model', temperature: 0, seed: 5, own: 1 })
  })

  it('has the extras of the configuration laid over it, and those of the client added', async () => {
    upstream.script({ body: {} })
    const headers = { authorization: 'Bearer ours', 'content-type': 'application/json' }
    const chat = { ...base, request: () => ({ method: 'POST', url: URL, headers, body: '{"a":1,"b":1}' }) }
    await ask(
      { chat },
      {
        model: 'group',
        extra_body: { a: 3, b: 3, d: 3, model: 'other' },
        extra_headers: { 'X-Own': 'client', 'X-Client': 'client', Authorization: 'Bearer theirs' },
      },
      { extraBody: { b: 2, c: 2 }, extraHeaders: { 'X-Own': 'config', 'x-other': 'config' } },
    )
    expect(sent()).toEqual({ a: 1, b: 2, c: 2, d: 3 })
    expect(upstream.arrived[0]!.headers).toMatchObject({
      'x-own': 'config',
      'x-client': 'client',
      'x-other': 'config',
      authorization: 'Bearer ours',
    })
  })

  it('is refused, or relieved, of what the vendor lacks', async () => {
    upstream.script({ body: {} })
    const chat = { ...base, supports: ['temperature'] }
    await expect(ask({ chat }, { model: 'g', seed: 1, temperature: 1, logprobs: false })).rejects.toMatchObject({
      kind: 'unsupported_parameter',
      facts: { param: 'seed' },
    })
    await ask({ chat }, { model: 'g', seed: 1, temperature: 1, drop_params: true })
    expect(sent()).toEqual({ model: 'vendor-model', temperature: 1 })
    await ask({ chat }, { model: 'g', seed: 1 }, { dropParams: true })
    expect(sent(1)).toEqual({ model: 'vendor-model' })
  })

  it('is renewed once after a 401', async () => {
    let key = 'old'
    const provider = {
      chat: base,
      authorize: (request: { headers: object }) => ({
        ...request,
        headers: { ...request.headers, authorization: key },
      }),
      renew: () => {
        key = 'new'
      },
    }
    upstream.script({ status: 401 }, { body: { ok: 1 } })
    expect(await ask(provider, { model: 'g' })).toEqual({ type: 'json', value: { ok: 1 } })
    expect(upstream.arrived.map(({ headers }) => headers.authorization)).toEqual(['old', 'new'])
    upstream.script({ status: 401 })
    await expect(ask(provider, { model: 'g' })).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
    expect(upstream.arrived.length).toBe(2)
  })
})

describe('a vendor that works on a job', () => {
  const polling = (url: string): object => ({
    chat: {
      ...base,
      poll: async (reply: UpstreamReply) => {
        const { state } = await reply.json<{ state: string }>()
        return state === 'busy' ? { request: { method: 'GET', url, headers: {} }, after: 1 } : undefined
      },
    },
  })

  it('is asked until it is done', async () => {
    upstream.script({ body: { state: 'busy' } }, { body: { state: 'busy' } }, { body: { state: 'done', text: 'x' } })
    expect(await ask(polling(`${URL}/jobs/1`), { model: 'g' })).toMatchObject({ value: { state: 'done', text: 'x' } })
    expect(upstream.arrived.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `POST ${URL}`,
      `GET ${URL}/jobs/1`,
      `GET ${URL}/jobs/1`,
    ])
  })

  it('is not followed to another host', async () => {
    upstream.script({ body: { state: 'busy' } })
    await expect(ask(polling('https://evil.example/jobs/1'), { model: 'g' })).rejects.toMatchObject({
      kind: 'upstream_invalid_response',
      message: expect.stringContaining('foreign host'),
    })
    expect(upstream.arrived.length).toBe(1)
  })
})

describe('a vendor that takes one item a call', () => {
  const embedding = {
    ...base,
    split: {
      each: (input: { input: readonly string[] }) => input.input.map((text) => ({ ...input, input: text })),
      join: (answers: readonly { data: readonly unknown[] }[]) => ({ data: answers.flatMap(({ data }) => data) }),
    },
  }

  it('is asked for all, a few at a time, and the answers keep their order', async () => {
    let now = 0
    let most = 0
    upstream.script(async ({ text }) => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
      now--
      return { body: { data: [{ embedding: [JSON.parse(text).input.length] }] } }
    })
    const input = Array.from({ length: 30 }, (_, index) => 'x'.repeat(index + 1))
    const answer = await ask({ embedding }, { model: 'g', input }, {}, 'embedding')
    expect(
      (answer as unknown as { value: { data: readonly { embedding: readonly number[] }[] } }).value.data.map(
        (item) => item.embedding[0],
      ),
    ).toEqual(input.map((text) => text.length))
    expect(most).toBeLessThanOrEqual(8)
    expect(most).toBeGreaterThan(1)
  })
})

describe('what goes wrong in a provider', () => {
  it('is told as an answer that could not be understood, without its words', async () => {
    upstream.script({ body: {} })
    const response = () => {
      throw new TypeError("Cannot read properties of undefined (reading 'secret')")
    }
    const error = (await ask({ chat: { ...base, response } }, { model: 'g' }).catch(
      (reason: unknown) => reason,
    )) as GatewayError
    expect(error.kind).toBe('upstream_invalid_response')
    expect(error.message).toBe("acme: the vendor's answer could not be understood.")
  })

  it('is kept for every call when the provider could not be built', async () => {
    const missing = new GatewayError('misconfigured', 'acme: no API key. Set ACME_API_KEY or litellm_params.api_key.')
    const plugin = defineProvider({
      name: 'acme',
      title: 'Acme',
      docs: 'https://acme.example',
      env: ['ACME_API_KEY'],
      options: v.object({}),
      create: (): Provider => {
        throw missing
      },
    })
    const host = stubHost(upstream)
    const transport = redirectedTransport(upstream)
    expect(() => createDeployment(plugin, { model: 'm', options: {} }, host, transport)).toThrow(missing.message)

    const told: unknown[] = []
    const deployment = createDeployment(plugin, { model: 'm', options: {} }, host, transport, (error) =>
      told.push(error),
    )
    expect(told).toEqual([missing])
    for (const operation of ['chat', 'speech'] as const) {
      const call = new LiveCall(host, { id: 'c', operation, model: 'm' })
      const outcome = send({ deployment, model: 'm' }, { input: { model: 'm' } }, call, transport)
      await expect(outcome).rejects.toMatchObject({ kind: 'misconfigured', message: missing.message })
    }
  })
})
