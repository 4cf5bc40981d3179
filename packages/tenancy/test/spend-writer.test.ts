import { openStore, type Store } from '@tianjillm/store'
import { describeOnBoth, sampleReport, stubLog } from '@tianjillm/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createSpendWriter, type SpendWriterSettings, spendIn } from '../src/index.ts'

const DAY = Date.UTC(2026, 10, 21)
const admin = { role: 'proxy_admin', keyHash: undefined, userId: undefined, teamId: undefined } as const

async function writerFor(url: string, settings: Pick<SpendWriterSettings, 'most' | 'interval' | 'settled'> = {}) {
  const store = await openStore({ url })
  onTestFinished(() => store.close().catch(() => {}))
  const log = stubLog()
  const writer = createSpendWriter({ store, log, now: () => DAY, interval: 5, ...settings })
  return { store, log, writer, spend: spendIn(store) }
}

const call = (id: string, more: object = {}) =>
  sampleReport({
    id,
    startTime: DAY + 3_600_000,
    caller: { keyHash: 'k', userId: 'ada' },
    modelGroup: 'fast',
    cost: 0.25,
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    tags: ['a', 'a', 'b'],
    ...more,
  })

/** Calls in the store, however they came there. */
async function countIn({ database }: Store): Promise<number> {
  const { total } = await database
    .selectFrom('tianji_spend_logs')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  return total
}

describeOnBoth('a writer of spend', (newUrl) => {
  it('gives up a call that the database refuses, and that one alone', async () => {
    const { store, log, writer, spend } = await writerFor(newUrl())
    for (let index = 0; index < 30; index++)
      writer.add(call(`c${index}`, index === 7 ? { httpStatus: null } : {}), [
        { kind: 'key', id: 'k', period: 0, endsAt: null },
      ])
    await writer.flush()
    expect(await countIn(store)).toBe(29)
    expect(await spend.sums('keys', {})).toMatchObject({ data: [{ id: 'k', api_requests: 29 }] })
    expect(log.lines).toEqual([expect.stringMatching(/^error: The call c7 cannot be written to the database/)])
    writer.add(call('later'), [])
    await writer.flush()
    expect(await countIn(store)).toBe(30)
  })

  it('writes what was added soon after, and adds it up', async () => {
    const { store, writer, spend } = await writerFor(newUrl())
    for (let index = 0; index < 3; index++) writer.add(call(`c${index}`), [])
    writer.add(call('unpriced', { cost: undefined, modelGroup: 'large' }), [])
    await expect.poll(() => countIn(store)).toBe(4)
    const sums = { spend: 0.75, api_requests: 3, failed_requests: 0, unpriced_requests: 0, total_tokens: 45 }
    expect(await spend.sums('models', {})).toMatchObject({
      data: [
        { id: 'fast', ...sums },
        { id: 'large', spend: 0 },
      ],
    })
    expect(await spend.sums('keys', {})).toMatchObject({ data: [{ id: 'k', spend: 0.75, unpriced_requests: 1 }] })
    expect(await spend.sums('tags', { size: 1 })).toMatchObject({ data: [{ id: 'a', spend: 0.75 }] })
    expect(await spend.days({})).toMatchObject({ data: [{ date: '2026-11-21', spend: 0.75, api_requests: 4 }] })
  })

  it('lets what comes while it writes wait for the next time', async () => {
    let last = 0
    const { store, writer } = await writerFor(newUrl(), {
      interval: 60_000,
      settled: () => {
        if (last < 20) writer.add(call(`c${++last}`), [])
      },
    })
    writer.add(call('c0'), [])
    await writer.flush()
    // The first, and what came while that was written.
    expect(await countIn(store)).toBe(2)
    writer.add(call('other'), [])
    await writer.flush()
    expect(await countIn(store)).toBeGreaterThanOrEqual(4)
  })

  it('marks tokens that were estimated', async () => {
    const { store, writer } = await writerFor(newUrl())
    writer.add(call('counted'), [])
    writer.add(call('estimated', { usageIsEstimated: true }), [])
    await writer.flush()
    const rows = await store.database
      .selectFrom('tianji_spend_logs')
      .select(['request_id', 'metadata'])
      .orderBy('request_id')
      .execute()
    expect(rows.map(({ metadata }) => metadata)).toEqual(['{}', '{"usage_estimated":true}'])
  })

  it('tells calls page by page, and nothing of what was said in them', async () => {
    const { writer, spend } = await writerFor(newUrl())
    for (let index = 0; index < 5; index++)
      writer.add(
        call(`c${index}`, { startTime: DAY + index, input: { messages: 'secret' }, output: { text: 'secret' } }),
        [],
      )
    await writer.flush()
    const page = await spend.logs({ size: 2, page: 2 }, admin)
    expect(page).toMatchObject({
      total: 5,
      total_pages: 3,
      data: [{ request_id: 'c2', spend: 0.25 }, { request_id: 'c1' }],
    })
    expect(JSON.stringify(page)).not.toContain('secret')
    expect(await spend.logs({ start_date: '2026-11-22' }, admin)).toMatchObject({ total: 0 })
    expect(await spend.logs({ end_date: '2026-11-21', user_id: 'ada' }, admin)).toMatchObject({ total: 5 })
    expect(await spend.logs({ user_id: "' or 1=1; --" }, admin)).toMatchObject({ total: 0 })
    await expect(spend.logs({ start_date: 'yesterday' }, admin)).rejects.toMatchObject({ kind: 'invalid_request' })
    await expect(spend.days({ start_date: '2026-11-22', end_date: '2026-11-21' })).rejects.toThrow('is after')
  })

  it('counts a call once that it had to write twice', async () => {
    const { store, writer, spend } = await writerFor(newUrl())
    writer.add(call('same'), [])
    await writer.flush()
    writer.add(call('same'), [])
    writer.add(call('other'), [])
    await writer.flush()
    expect(await countIn(store)).toBe(2)
    expect(await spend.sums('users', {})).toMatchObject({ data: [{ id: 'ada', spend: 0.5 }] })
  })
})

it('asks nothing of a store that is closed', async () => {
  const { store, log, writer } = await writerFor(':memory:')
  const write = vi.spyOn(store.database, 'transaction')
  writer.add(call('a'), [])
  writer.close()
  writer.add(call('b'), [])
  await writer.flush()
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(write).not.toHaveBeenCalled()
  expect(log.lines).toEqual([])
})

it('keeps what it cannot write, warns once, and loses the oldest when there is too much', async () => {
  const { store, log, writer } = await writerFor(':memory:', { most: 3 })
  const write = vi.spyOn(store.database, 'transaction')
  write.mockImplementation(() => {
    throw Object.assign(new Error('secret words'), { code: 'ECONNREFUSED' })
  })
  for (let index = 0; index < 5; index++) writer.add(call(`c${index}`), [])
  await writer.flush()
  await writer.flush()
  expect(log.lines).toEqual(['warn: Spend cannot be written to the database (ECONNREFUSED); it waits in memory.'])
  write.mockRestore()
  await writer.flush()
  const rows = await store.database.selectFrom('tianji_spend_logs').select('request_id').execute()
  expect(rows.map(({ request_id }) => request_id).toSorted()).toEqual(['c2', 'c3', 'c4'])
})
