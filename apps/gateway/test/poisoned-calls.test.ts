import { randomBytes } from 'node:crypto'
import { openStore } from '@tianjillm/store'
import { describeOnBoth, fakeUpstream } from '@tianjillm/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

const call = { model: 'mock', messages: [{ role: 'user', content: 'Hi' }] }
const NUL = 'a\u0000b'
/** Longer than what an index takes, however it is packed. */
const LONG = randomBytes(20_000).toString('hex')

/** Calls with signs that a database refuses, wherever a call says something that is written down. */
const poisoned: readonly (readonly [title: string, body: object])[] = [
  ['user', { ...call, user: NUL }],
  ['user that is not whole', { ...call, user: 'a\ud800b' }],
  ['user that is long', { ...call, user: LONG }],
  ['user that is a prototype', { ...call, user: '__proto__' }],
  ['tags', { ...call, tags: [NUL, '\ud800', '', '__proto__', LONG] }],
  ['very many tags', { ...call, tags: Array.from({ length: 20_000 }, (_, index) => `tag ${index}`) }],
  ['tags of metadata', { ...call, metadata: { tags: [NUL], [NUL]: NUL } }],
  ['trace', { ...call, litellm_trace_id: NUL }],
  ['model', { ...call, model: NUL }],
  ['model of a wildcard', { ...call, model: `any/${NUL}` }],
  ['long model of a wildcard', { ...call, model: `any/${LONG.slice(0, 4_000)}` }],
  ...[1.5, -3, 1e308, '7', null, {}].map((count): (typeof poisoned)[number] => [
    `usage ${JSON.stringify(count)}`,
    { ...call, model: 'strange', metadata: { count } },
  ]),
  ['SQL', { ...call, user: "'; DROP TABLE tianji_spend_logs; --", tags: ["'); DELETE FROM tianji_daily_spend; --"] }],
]

describeOnBoth('a call that says what no database can keep', (newUrl) => {
  it('is written down all the same, and so are all others', async () => {
    const url = newUrl()
    const upstream = await fakeUpstream()
    onTestFinished(() => upstream.close())
    let count: unknown
    upstream.script(() => ({
      body: {
        ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: count, completion_tokens: count, total_tokens: count },
      },
    }))
    const gateway = await startGateway(`
model_list:
  - {model_name: mock, litellm_params: {model: mock/any, input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
  - {model_name: any/*, litellm_params: {model: mock/any, input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
  - model_name: strange
    litellm_params: {model: openai/m, api_key: x, api_base: '${upstream.url}', input_cost_per_token: 1, output_cost_per_token: 1}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${url}'}
`)
    onTestFinished(() => gateway.stop(100))
    const ask = async (path: string, body: object) => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      await response.text()
      return response.status
    }
    // With customers of its own the gateway looks those of calls up.
    await ask('/customer/new', { user_id: 'carol' })
    for (const [title, body] of poisoned) {
      count = 'metadata' in body ? (body.metadata as { readonly count?: unknown }).count : undefined
      expect([title, await ask('/v1/chat/completions', body)]).toEqual([title, title === 'model' ? 404 : 200])
    }
    expect(await ask('/v1/chat/completions', { ...call, user: 'carol' })).toBe(200)
    const store = await openStore({ url })
    onTestFinished(() => store.close())
    await vi.waitFor(
      async () => {
        const logs = await store.database.selectFrom('tianji_spend_logs').select('end_user_id').execute()
        expect(logs.map(({ end_user_id }) => end_user_id)).toContain('carol')
        expect(logs.length).toBe(poisoned.length + 1)
      },
      { timeout: 10_000 },
    )
    const days = await store.database.selectFrom('tianji_daily_spend').selectAll().where('kind', '=', 'all').execute()
    expect(days.reduce((sum, { requests }) => sum + requests, 0)).toBe(poisoned.length + 1)
  })
})
