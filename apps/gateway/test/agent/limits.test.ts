import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asked, model } from '../tool-scripts.ts'
import { answered, refused } from './answer.ts'
import { held, type Stage, setStage, stageOfTest, TOKEN } from './stage.ts'

const hello = model({ says: 'Hello.' })
const query = { content: 'Hi' }

describe('the rate limit', () => {
  test('is told with every answer, and refuses what is too much with how long to wait', async () => {
    const stage = await stageOfTest({ transport: 'stdio', agent: { rate_limit: 10, window: 60 } })
    stage.vendors.openai.script(hello)
    for (let left = 9; left >= 0; left--) {
      const { status, headers } = await stage.ask('/api/query', query)
      expect([status, headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual([
        ...[200, '10', String(left)],
      ])
      expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 1)
    }
    const { status, error, message, headers } = await refused(await stage.ask('/api/query', query))
    expect([status, error, headers.get('x-ratelimit-remaining')]).toEqual([429, 'RATE_LIMITED', '0'])
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(message).toMatch(/\d/)
    expect(stage.vendors.openai.arrived).toHaveLength(10)
  })

  test('does not hold health', async () => {
    const stage = await stageOfTest({ transport: 'stdio', agent: { rate_limit: 1 } })
    for (let count = 0; count < 3; count++) expect((await fetch(`${stage.url}/api/health`)).status).toBe(200)
  })
})

describe('queries at once', () => {
  test('are refused with 503 when there are too many of them, and go on when there is room', async () => {
    const stage = await stageOfTest({ transport: 'stdio', agent: { max_parallel: 2 } })
    const { turn, release } = held(hello)
    const { openai } = stage.vendors
    openai.script(turn)
    const first = [stage.ask('/api/query', query), stage.ask('/api/query', query)]
    await expect.poll(() => openai.arrived.length).toBe(2)
    const refusal = await refused(await stage.ask('/api/query', query))
    expect(refusal).toMatchObject({ status: 503, error: 'OVERLOADED' })
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    release()
    for (const response of await Promise.all(first)) expect((await answered(response)).content).toBe('Hello.')
    expect((await stage.ask('/api/query', query)).status).toBe(200)
  })
})

describe('a query', () => {
  let all: Stage
  beforeAll(async () => {
    all = await setStage({ transport: 'stdio', agent: { query_timeout: 3, max_turns: 3 } })
  })
  afterAll(() => all.close())

  test.each([
    ['without words', { content: ' \n ' }],
    ['that is too long', { content: 'a'.repeat(4_001) }],
    ['that is no text', { content: { a: 1 } }],
    ['over a transport that is none', { ...query, transport: 'pigeon' }],
    ['of a session that is no UUID', { ...query, session_id: '../../etc/passwd' }],
  ])('%s is refused, and no model is asked', async (_name, body) => {
    all.vendors.openai.script(hello)
    const { status, message, request_id: id } = await refused(await all.ask('/api/query', body))
    expect([status, typeof message, typeof id]).toEqual([400, 'string', 'string'])
    expect(all.vendors.openai.arrived).toEqual([])
  })

  test('that is no JSON is refused', async () => {
    const refusal = await refused(await all.ask('/api/query', undefined, { method: 'POST', body: '{' }))
    expect(refusal).toMatchObject({ status: 400, error: 'INVALID_QUERY' })
  })

  test('without a key is refused', async () => {
    const headers = { authorization: 'Bearer sk-of-somebody-else' }
    const refusal = await refused(await all.ask('/api/query', query, { headers }))
    expect(refusal).toMatchObject({ status: 401, error: 'AUTHENTICATION_FAILED' })
    expect(JSON.stringify(refusal)).not.toContain(TOKEN)
  })

  test('ends when its time is up', async () => {
    all.vendors.openai.script({ hangs: true, pieces: [] })
    all.vendors.huawei_maas.script({ hangs: true, pieces: [] })
    const refusal = await refused(await all.ask('/api/query', query))
    expect(refusal).toMatchObject({ status: 504, error: 'TIMEOUT' })
  })

  test('ends after so many turns, and says so', async () => {
    all.vendors.openai.script(model({ says: 'Once more.', calls: [['default-list_tables']] }))
    const { tool_calls: calls, content } = await answered(await all.ask('/api/query', query))
    expect(all.vendors.openai.arrived).toHaveLength(3)
    expect(calls).toHaveLength(2)
    expect(content).toMatch(/^Once more\..*not complete/s)
  })

  test('whose client leaves is given up', async () => {
    const { openai } = all.vendors
    openai.script({ hangs: true, pieces: [] })
    const leaving = new AbortController()
    const asking = all.ask('/api/query', query, { signal: leaving.signal }).catch(() => 'left')
    await expect.poll(() => openai.arrived.length).toBe(1)
    leaving.abort()
    expect(await asking).toBe('left')
    await openai.arrived[0]!.abandoned
  })
})

describe('a session', () => {
  let all: Stage
  beforeAll(async () => {
    all = await setStage({ transport: 'stdio' })
  })
  afterAll(() => all.close())
  const begin = async (body: object) => all.ask('/api/session', body)

  test('knows what was asked before', async () => {
    all.vendors.openai.script(
      ...[{ calls: [['default-list_tables']] as const }, { says: 'Customers and orders.' }, { says: 'Two.' }].map(
        model,
      ),
    )
    const first = await answered(await all.ask('/api/query', { content: 'Which tables are there?' }))
    const { session_id } = first
    const second = await answered(await all.ask('/api/query', { content: 'How many are that?', session_id }))
    expect([second.content, second.session_id]).toEqual(['Two.', session_id])
    const { messages } = asked(all.vendors.openai.arrived[2]!.text)
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'user'])
    expect(messages[4]).toMatchObject({ content: 'Customers and orders.' })
  })

  test('is begun, read and ended', async () => {
    const created = await begin({ provider_preference: 'huawei_maas', max_messages: 4, context: { city: 'Rome' } })
    const session = await created.json()
    expect([created.status, session]).toMatchObject([
      201,
      { provider_preference: 'huawei_maas', max_messages: 4, context: { city: 'Rome' }, messages: [] },
    ])
    all.vendors.huawei_maas.script(hello)
    const answer = await answered(await all.ask('/api/query', { ...query, session_id: session.id }))
    expect(answer.provider_used).toBe('huawei_maas')
    const kept = await (await all.ask(`/api/session/${session.id}`)).json()
    expect(kept.messages).toMatchObject([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello.' },
    ])
    expect((await all.ask(`/api/session/${session.id}`, undefined, { method: 'DELETE' })).ok).toBe(true)
    const refusal = await refused(await all.ask(`/api/session/${session.id}`))
    expect(refusal).toMatchObject({ status: 404, error: 'SESSION_NOT_FOUND' })
  })

  test('keeps as many messages as it may', async () => {
    const { id } = await (await begin({ max_messages: 2 })).json()
    all.vendors.openai.script(hello)
    for (const content of ['One', 'Two', 'Three'])
      await answered(await all.ask('/api/query', { content, session_id: id }))
    const { messages } = await (await all.ask(`/api/session/${id}`)).json()
    expect(messages).toMatchObject([{ content: 'Three' }, { content: 'Hello.' }])
  })

  test('that there never was is refused', async () => {
    const session_id = crypto.randomUUID()
    const refusal = await refused(await all.ask('/api/query', { ...query, session_id }))
    expect(refusal).toMatchObject({ status: 404, error: 'SESSION_NOT_FOUND' })
  })

  test('with as many messages as nobody may have is refused', async () => {
    expect((await refused(await begin({ max_messages: 101 }))).status).toBe(400)
  })
})
