import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asked, model, type Scene } from '../tool-scripts.ts'
import { answered, refused, told } from './answer.ts'
import { type Stage, setStage, stageOfTest } from './stage.ts'

const providers = ['openai', 'huawei_maas'] as const
type Provider = (typeof providers)[number]

const other: Readonly<Record<Provider, Provider>> = { openai: 'huawei_maas', huawei_maas: 'openai' }

/** What each vendor documents of its wire. */
const wires = {
  openai: { path: '/v1/chat/completions', authorization: 'Bearer sk-openai', model: 'gpt-4o' },
  huawei_maas: { path: '/maas/v2/chat/completions', authorization: 'Bearer maas-key', model: 'deepseek-v3' },
} as const

const scenes: readonly Scene[] = [{ calls: [['default-list_tables']] }, { says: 'Customers and orders.' }]
const failures = {
  'is overloaded': { status: 503, body: { error: { message: 'Come back later.', type: 'server_error' } } },
  'has another key': { status: 401, body: { error: { message: 'Who are you?', type: 'invalid_api_key' } } },
  'wants us to wait': { status: 429, headers: { 'retry-after': '30' }, body: { error: { message: 'Too many.' } } },
  'cuts the line': { body: '{"id":', dies: true },
} as const

describe.each(providers)('with LLM_PROVIDER=%s', (provider) => {
  let stage: Stage
  const question = { content: 'What tables are there?' }

  beforeAll(async () => {
    stage = await setStage({ transport: 'stdio', env: { LLM_PROVIDER: provider } })
  })
  afterAll(() => stage.close())
  beforeEach(() => {
    for (const vendor of Object.values(stage.vendors)) vendor.script({ status: 500, body: { error: 'not asked' } })
  })

  test('a query is answered over its wire', async () => {
    const vendor = stage.vendors[provider]
    vendor.script(...scenes.map(model))
    const answer = await answered(await stage.ask('/api/query', question))
    expect(answer).toMatchObject({ content: 'Customers and orders.', provider_used: provider })
    expect(answer.tool_calls).toMatchObject([{ tool_name: 'default-list_tables', error: null }])
    const { path, authorization, model: id } = wires[provider]
    for (const { path: asked, headers } of vendor.arrived)
      expect([asked, headers.authorization]).toEqual([path, authorization])
    expect(asked(vendor.arrived[0]!.text).model).toBe(id)
    expect(stage.vendors[other[provider]].arrived).toEqual([])
  })

  test('a query that asks for the other is answered by the other', async () => {
    stage.vendors[other[provider]].script(...scenes.map(model))
    const answer = await answered(await stage.ask('/api/query', { ...question, provider: other[provider] }))
    expect(answer.provider_used).toBe(other[provider])
    expect(stage.vendors[provider].arrived).toEqual([])
  })

  test.each(Object.entries(failures))('the other answers when it %s, and both are told', async (_name, failure) => {
    stage.vendors[provider].script(failure)
    stage.vendors[other[provider]].script(...scenes.map(model))
    const answer = await answered(await stage.ask('/api/query', question))
    expect(answer).toMatchObject({ content: 'Customers and orders.', provider_used: other[provider] })
    expect(answer.attempts).toMatchObject([
      { provider, model: wires[provider].model, error: expect.any(String) },
      { provider: other[provider], model: wires[other[provider]].model },
    ])
  })

  test('the other goes on with what tools have said when it fails on the way', async () => {
    stage.vendors[provider].script(model(scenes[0]!), failures['is overloaded'])
    const next = stage.vendors[other[provider]]
    next.script(model(scenes[1]!))
    const answer = await answered(await stage.ask('/api/query', question))
    expect(answer).toMatchObject({
      content: 'Customers and orders.',
      tool_calls: [{ tool_name: 'default-list_tables' }],
    })
    expect(asked(next.arrived[0]!.text).messages.at(-1)).toMatchObject({
      role: 'tool',
      content: expect.stringContaining('customers'),
    })
  })

  test('a stream goes on with the other', async () => {
    stage.vendors[provider].script(failures['is overloaded'])
    stage.vendors[other[provider]].script(...scenes.map(model))
    const events = await told(await stage.ask('/api/query', { ...question, stream: true }))
    const steps = events.filter(({ type }) => type === 'step').map(({ data }) => data.provider)
    expect(steps).toEqual([provider, other[provider], other[provider]])
    expect(events.at(-1)).toMatchObject({ type: 'done', data: { provider_used: other[provider] } })
  })

  test('a query that nobody can answer is refused with what each said', async () => {
    for (const vendor of Object.values(stage.vendors)) vendor.script(failures['is overloaded'])
    const refusal = await refused(await stage.ask('/api/query', question))
    expect(refusal).toMatchObject({ status: 503, error: 'PROVIDER_UNAVAILABLE' })
    expect(refusal.details?.attempts).toMatchObject([{ provider }, { provider: other[provider] }])
    expect(refusal.message).toContain('Come back later.')
  })
})

test('a provider that is not there is refused with those that are', async () => {
  const stage = await stageOfTest({ transport: 'stdio' })
  const refusal = await refused(await stage.ask('/api/query', { content: 'Hi', provider: 'nobody' }))
  expect(refusal).toMatchObject({ error: 'PROVIDER_UNAVAILABLE' })
  expect(refusal.message).toMatch(/openai.*huawei_maas/)
})

test('a gateway whose provider lacks its key does not start, and names the variable', async () => {
  const vendors = { LLM_PROVIDER: 'huawei_maas', MAAS_API_KEY: 'maas-key', MAAS_API_URL: 'http://127.0.0.1:1' }
  await expect(setStage({ transport: 'stdio', vendors })).rejects.toThrow('MAAS_MODEL_NAME')
})
