import { type Bucket, chargeTo, createBucket, createLocalLimiter, type Taken, takeFrom } from '@tianjillm/limits'
import { needsRedis, redisProgram } from '@tianjillm/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedisLimiter } from '../src/index.ts'
import { open, openUp, redisServer } from './surroundings.ts'

const local = () => createLocalLimiter(() => performance.now())

describe.skipIf(!redisProgram())(needsRedis('a limiter in Redis'), () => {
  it('reckons as a local one does, to the last bit', async () => {
    const { port, client } = await redisServer()
    const limiter = createRedisLimiter(await openUp({ port }), local())
    const perMinute = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0.5, max: 1e6, noNaN: true }))
    const cost = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.double({ min: 0, max: 600, noNaN: true }))
    const charge = fc.oneof(fc.integer({ min: -40, max: 4_000 }), fc.double({ min: -600, max: 1e6, noNaN: true }))
    const step = fc.record({
      ...{ cost, pause: fc.integer({ min: 0, max: 70_000 }) },
      charge: fc.option(charge, { nil: undefined }),
    })
    const steps = fc.array(step, { maxLength: 20 })
    let turn = 0
    await fc.assert(
      fc.asyncProperty(perMinute, steps, async (perMinute, steps) => {
        const limit = { perMinute }
        const name = `law-${turn++}`
        const key = `tianji:limit:${name}`
        let bucket: Bucket | undefined
        for (const { cost, pause, charge } of steps) {
          // Time passes for the bucket in Redis by moving its last time back.
          const before = bucket === undefined ? null : String(bucket.time - pause)
          if (before !== null) await client.hset(key, 'time', before)
          const taken = charge === undefined ? await limiter.take(name, limit, cost) : undefined
          if (charge !== undefined) limiter.charge(name, limit, charge)
          // Nobody waits for what is charged.
          await expect.poll(() => client.hget(key, 'time'), { interval: 1 }).not.toBe(before)
          const now = Number(await client.hget(key, 'time'))
          bucket = bucket === undefined ? createBucket(limit, now) : { ...bucket, time: bucket.time - pause }
          if (charge === undefined) expect(taken).toEqual(takeFrom(bucket, limit, cost, now))
          else chargeTo(bucket, limit, charge, now)
          expect(Number(await client.hget(key, 'level'))).toBe(bucket.level)
          // It is there for as long as it is not full, but no longer than a month.
          const untilFull = Math.min(2_592_000_000, ((perMinute - bucket.level) * 60_000) / perMinute)
          expect(await client.pttl(key)).toBeGreaterThan(Math.min(untilFull, 60_000) - 500)
          if (bucket.level < 0) expect(await client.pttl(key)).toBeGreaterThan(untilFull - 500)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('gives two gateways that ask at once no more than the limit', async () => {
    const { port } = await redisServer()
    const [one, other] = [await openUp({ port }), await openUp({ port })].map((redis) =>
      createRedisLimiter(redis, local()),
    )
    const begun = performance.now()
    const all = await Promise.all(
      Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? one! : other!).take('key', { perMinute: 100 })),
    )
    const flowed = ((performance.now() - begun) * 100) / 60_000
    const allowed = all.filter(({ isAllowed }) => isAllowed).length
    expect(allowed).toBeGreaterThanOrEqual(100)
    expect(allowed).toBeLessThanOrEqual(100 + Math.ceil(flowed))
    const refused = all.find(({ isAllowed }) => !isAllowed)!
    expect(refused.remaining).toBe(0)
    expect(refused.retryAfter).toBeGreaterThan(0)
    expect(refused.retryAfter).toBeLessThanOrEqual(600)
  })

  it('shares nothing between namespaces', async () => {
    const { port } = await redisServer()
    const take = async (namespace: string) =>
      createRedisLimiter(await openUp({ port, namespace }), local()).take('key', { perMinute: 1 })
    expect(await take('one')).toMatchObject({ isAllowed: true })
    expect(await take('other')).toMatchObject({ isAllowed: true })
    expect(await take('one')).toMatchObject({ isAllowed: false })
  })

  it('forgets a bucket that is full again', async () => {
    const { port, client } = await redisServer()
    await createRedisLimiter(await openUp({ port }), local()).take('key', { perMinute: 10 })
    const [key] = await client.keys('*')
    expect(await client.pttl(key!)).toBeGreaterThan(60_000 - 1_000)
    expect(await client.pttl(key!)).toBeLessThanOrEqual(61_000)
  })

  it('keeps a limit that lets nobody in', async () => {
    const { port } = await redisServer()
    const limiter = createRedisLimiter(await openUp({ port }), local())
    expect(await limiter.take('key', { perMinute: 0 })).toMatchObject({ isAllowed: false, remaining: 0 })
  })

  it('goes on where it was when Redis goes, with no second burst', async () => {
    const server = await redisServer()
    const limiter = createRedisLimiter(await openUp({ port: server.port }), local())
    for (let count = 0; count < 7; count++) await limiter.take('key', { perMinute: 10 })
    await server.kill()
    const later: Taken[] = []
    for (let count = 0; count < 6; count++) later.push(await limiter.take('key', { perMinute: 10 }))
    expect(later.map(({ isAllowed }) => isAllowed)).toEqual([true, true, true, false, false, false])
  })

  it('knows the scripts again after Redis has lost them', async () => {
    const { port, client } = await redisServer()
    const limiter = createRedisLimiter(await openUp({ port }), local())
    await limiter.take('key', { perMinute: 10 })
    await client.script('FLUSH')
    expect(await limiter.take('key', { perMinute: 10 })).toMatchObject({ isAllowed: true, remaining: 8 })
  })
})

describe('a limiter over a Redis that is not there', () => {
  it('answers at once, as the local one does', () => {
    const limiter = createRedisLimiter(open({ port: 1 }), local())
    const takes = [1, 2, 3].map(() => limiter.take('key', { perMinute: 2 }))
    expect(takes.map((taken) => 'isAllowed' in taken && taken.isAllowed)).toEqual([true, true, false])
  })
})
