import type { GuardedText, GuardrailPlugin, JsonObject, Verdict } from '@tianjillm/core'
import { Cancellation, createGuardrail, createHost, LiveCall } from '@tianjillm/engine'
import { type FakeUpstream, fakeUpstream, guarded, guardrailContract, stubHost } from '@tianjillm/testing'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, httpGuardrail } from '../src/index.ts'

const common = { title: 'Judge', docs: 'https://judge.test/docs', hooks: ['pre_call'], options: {} } as const
const answer = v.object({ ok: v.boolean(), texts: v.optional(v.array(v.string())) })
const verdict = (said: v.InferOutput<typeof answer>): Verdict => {
  if (said.texts) return { action: 'rewrite', texts: said.texts }
  return said.ok ? { action: 'pass' } : { action: 'block', reason: 'no' }
}

/** The key in a header of its own, a path with parameters, a base that every customer has for himself. */
const strict = httpGuardrail({
  ...common,
  name: 'strict_judge',
  apiKeyEnv: ['STRICT_KEY', 'STRICT_KEY_OLD'],
  baseEnv: ['STRICT_BASE'],
  auth: (apiKey) => ({ 'x-strict-token': apiKey }),
  options: { policy: v.optional(v.string(), 'p1') },
  answer,
  request: ({ texts }, { policy }, call) => ({
    path: `/policies/${policy}/judge?call=${call.id}`,
    headers: { 'x-policy': policy },
    body: { texts, note: undefined },
  }),
  verdict,
})

/** No key, and the key of others is found in the path. */
const open = httpGuardrail({
  ...common,
  name: 'open_judge',
  baseURL: 'https://open.test',
  answer,
  request: ({ texts }, { apiKey }) => (texts.length === 0 ? undefined : { path: `/${apiKey}/judge`, body: { texts } }),
  verdict,
})

guardrailContract(strict, {
  options: {},
  env: { STRICT_KEY_OLD: 'old-key', STRICT_BASE: 'https://me.strict.test/project/' },
  keyEnv: 'STRICT_KEY',
  wrongOptions: { options: { policy: 5 }, path: 'policy' },
  cases: [
    {
      title: 'asks with the key in its header, and says nothing of what is undefined',
      text: { texts: ['hi'] },
      sent: {
        url: 'https://me.strict.test/project/policies/p1/judge?call=call-1',
        headers: { 'x-strict-token': 'old-key', 'x-policy': 'p1', authorization: null },
        json: { texts: ['hi'] },
      },
      reply: { body: { ok: true, more: 'unknown' } },
      verdict: { action: 'pass' },
    },
    {
      title: 'sends what the client adds, but not in place of what the gateway sends',
      text: { texts: ['hi'], extraBody: { texts: [], buffer: 1, level: 'high' } },
      sent: {
        url: 'https://me.strict.test/project/policies/p1/judge?call=call-1',
        json: { texts: ['hi'], buffer: 1, level: 'high' },
      },
      reply: { body: { ok: true } },
      verdict: { action: 'pass' },
    },
    {
      title: 'blocks',
      text: { texts: ['bad'] },
      options: { apiKey: 'k', apiBase: 'http://other.test//', policy: 'p2' },
      sent: { url: 'http://other.test/policies/p2/judge?call=call-1', headers: { 'x-strict-token': 'k' } },
      reply: { body: { ok: false } },
      verdict: { action: 'block', reason: 'no' },
    },
    {
      title: 'rewrites',
      text: { texts: ['a', 'b'] },
      reply: { body: { ok: true, texts: ['*', 'b'] } },
      verdict: { action: 'rewrite', texts: ['*', 'b'] },
    },
  ],
})

describe('httpGuardrail', () => {
  let upstream: FakeUpstream
  beforeAll(async () => {
    upstream = await fakeUpstream()
  })
  afterAll(() => upstream.close())

  const check = (
    plugin: GuardrailPlugin,
    text: Partial<GuardedText> & Pick<GuardedText, 'texts'>,
    options: JsonObject = {},
    host = stubHost(upstream),
  ) => {
    const call = new LiveCall(host, { id: 'call-1', operation: 'chat', model: 'm' })
    return createGuardrail(plugin, options, host).check(guarded(text), call)
  }
  const failureOf = async (plugin: GuardrailPlugin, options: JsonObject = {}, host = stubHost(upstream)) => {
    const outcome = await Promise.resolve(check(plugin, { texts: ['hi'] }, options, host)).catch((error) => error)
    return { kind: outcome.kind, message: outcome.message, ...outcome.facts }
  }

  it('asks without a key where none is wanted', async () => {
    upstream.script({ body: { ok: true } })
    expect(await check(open, { texts: ['hi'] })).toEqual({ action: 'pass' })
    expect(upstream.arrived[0]).toMatchObject({ url: 'https://open.test//judge' })
    expect(upstream.arrived[0]!.headers.authorization).toBeUndefined()
  })

  it('passes what there is nothing to ask about, unasked', async () => {
    upstream.script({ status: 500 })
    expect(await check(open, { texts: [] })).toEqual({ action: 'pass' })
    expect(upstream.arrived.length).toBe(0)
  })

  it.each([
    [401, 'open_judge: the judge refused the configured credentials (401).'],
    [429, 'open_judge: the judge answered 429.'],
    [500, 'open_judge: the judge answered 500.'],
  ])('tells a %i in its own words', async (status, message) => {
    upstream.script({ status, body: { error: 'secret stack trace' } })
    expect(await failureOf(open, { apiKey: 'path-key' })).toEqual({
      kind: 'guardrail_unavailable',
      message,
      provider: 'open_judge',
      upstreamStatus: status,
    })
  })

  it('follows no redirect', async () => {
    upstream.script({ status: 307, headers: { location: '/elsewhere' } }, { body: { ok: true } })
    const failure = await failureOf(open, { apiBase: upstream.url }, createHost())
    expect(failure.message).toBe('open_judge: the judge answered 307.')
    expect(upstream.arrived.length).toBe(1)
  })

  it('asks once, and keeps the key in the path to itself', async () => {
    const host = createHost()
    const failure = await failureOf(open, { apiBase: 'http://127.0.0.1:1', apiKey: 'path-key' }, host)
    expect(failure).toMatchObject({
      kind: 'guardrail_unavailable',
      message: 'open_judge: the judge could not be reached.',
    })
    expect(failure.cause).toBeInstanceOf(Error)
    expect(`${failure.cause} ${failure.cause.cause}`).not.toContain('path-key')
  })

  it('refuses an answer that is too long', async () => {
    const pieces = Array.from({ length: 17 }, () => new Uint8Array(1024 * 1024).fill(32))
    upstream.script({ pieces })
    expect((await failureOf(open)).message).toBe("open_judge: the judge's answer is longer than 16777216 bytes.")
  })

  it('takes a rewrite of another number of texts for no verdict', async () => {
    upstream.script({ body: { ok: true, texts: [] } })
    expect(await failureOf(open)).toMatchObject({
      kind: 'guardrail_unavailable',
      message: 'open_judge: the judge rewrote 0 texts where 1 were sent.',
    })
  })

  it('throws the reason when the call ends', async () => {
    upstream.script({ hangs: true })
    const cancellation = new Cancellation()
    const host = stubHost(upstream)
    const call = new LiveCall(host, { id: 'call-1', operation: 'chat', model: 'm', cancellation })
    const pending = createGuardrail(open, {}, host).check(guarded({ texts: ['hi'] }), call)
    const reason = new Error('deadline')
    const outcome = expect(pending).rejects.toBe(reason)
    await expect.poll(() => upstream.arrived.length).toBe(1)
    cancellation.abort(reason)
    await outcome
  })

  it('wants the base URL when every customer has an own one', () => {
    expect(() => createGuardrail(strict, { apiKey: 'k' }, stubHost(upstream))).toThrow(
      'strict_judge: no API base. Set STRICT_BASE or litellm_params.api_base.',
    )
  })

  it.each(['judge.test', 'file:///etc/passwd'])('refuses %s as a base URL', (apiBase) => {
    expect(() => createGuardrail(open, { apiBase }, stubHost(upstream))).toThrow(
      'open_judge: the API base must be an http or https URL. Mend OPEN_JUDGE_API_BASE or litellm_params.api_base.',
    )
  })
})

describe('conversation', () => {
  it('lays a request out as it is', () => {
    const text = guarded({ texts: ['be kind', 'hi'], roles: ['system', 'user'], context: [] })
    expect(conversation(text)).toEqual({
      messages: [
        { role: 'system', content: 'be kind' },
        { role: 'user', content: 'hi' },
      ],
      offset: 0,
    })
  })

  it('puts the request before the answer, its text alone', () => {
    const text = guarded({
      direction: 'response',
      texts: ['a cat', 'a dog'],
      context: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url: 'https://x.test/1.png' } },
          ],
        },
        { role: 'assistant', content: null },
      ],
    })
    expect(conversation(text)).toEqual({
      messages: [
        { role: 'user', content: 'what is this?' },
        { role: 'assistant', content: 'a cat' },
        { role: 'assistant', content: 'a dog' },
      ],
      offset: 1,
    })
  })
})
