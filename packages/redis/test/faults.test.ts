import { createLocalLimiter } from '@tianjillm/limits'
import { freePort, needsRedis, redisProgram } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { createRedisLimiter, createRedisStore } from '../src/index.ts'
import { createLines, open, openUp, redisServer } from './surroundings.ts'

const local = () => createLocalLimiter(() => performance.now())
const isDown = { timeout: 10_000, interval: 10 }

describe.skipIf(!redisProgram())(needsRedis('when Redis'), () => {
  it('is killed, limits are local ones, one line tells of it and one that it is back', async () => {
    const server = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port: server.port }, lines)
    const limiter = createRedisLimiter(redis, local())
    expect(await limiter.take('key', { perMinute: 3 })).toMatchObject({ remaining: 2 })
    await server.kill()
    await expect.poll(() => lines.warnings, isDown).toHaveLength(1)
    const takes = [1, 2, 3].map(() => limiter.take('key', { perMinute: 3 }))
    expect(takes.map((taken) => 'isAllowed' in taken && taken.isAllowed)).toEqual([true, true, false])
    await server.restart()
    await expect.poll(() => lines.infos, isDown).toHaveLength(1)
    expect(await limiter.take('key', { perMinute: 3 })).toMatchObject({ isAllowed: true, remaining: 2 })
    expect(await server.client.exists('tianji:limit:key')).toBe(1)
    await server.kill()
    await server.restart()
    await expect.poll(() => redis.ask((client) => client.ping()), isDown).toBeDefined()
    expect([lines.warnings, lines.infos]).toMatchObject([{ length: 1 }, { length: 1 }])
  })

  it('is slow, those who ask get on without it, soon at once, and share again when it answers again', async () => {
    const server = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port: server.port }, lines)
    const limiter = createRedisLimiter(redis, local())
    server.freeze()
    const first = await Promise.all([1, 2, 3, 4].map(() => limiter.take('key', { perMinute: 3 })))
    expect(first.map(({ isAllowed }) => isAllowed)).toEqual([true, true, true, false])
    // Now it is known: not even a promise.
    expect(limiter.take('key', { perMinute: 3 })).toMatchObject({ isAllowed: false })
    expect(lines.warnings).toHaveLength(1)
    server.thaw()
    await expect.poll(() => lines.infos, isDown).toHaveLength(1)
    expect(await redis.ask((client) => client.ping())).toBe('PONG')
  })

  it('stays slow for long, it is found again over a new connection', async () => {
    const server = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port: server.port }, lines)
    server.freeze()
    await Promise.all([1, 2, 3].map(() => redis.ask((client) => client.ping())))
    // A connection without a sign of life is given up after three seconds.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    server.thaw()
    await expect.poll(() => redis.ask((client) => client.ping()), isDown).toBeDefined()
    expect([lines.warnings, lines.infos]).toMatchObject([{ length: 1 }, { length: 1 }])
  })

  it('answers while the gateway itself is busy, that is in time', async () => {
    const { port } = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port }, lines)
    const answers = [1, 2, 3, 4].map(() => redis.ask((client) => client.ping()))
    // Sent are they only when the process comes to it.
    await new Promise((resolve) => setImmediate(resolve))
    const begun = performance.now()
    while (performance.now() - begun < 400);
    expect(await Promise.all(answers)).toEqual(['PONG', 'PONG', 'PONG', 'PONG'])
    expect(lines.warnings).toEqual([])
  })

  it('fails now and then, nobody gives it up for that', async () => {
    const { port } = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port }, lines)
    const fail = () => redis.ask(() => Promise.reject(new Error('no answer')))
    for (let round = 0; round < 5; round++) {
      await Promise.all([fail(), fail()])
      expect(await redis.ask((client) => client.ping())).toBe('PONG')
    }
    expect(lines.warnings).toEqual([])
    await Promise.all([fail(), fail(), fail()])
    expect(redis.ask((client) => client.ping())).toBeUndefined()
    expect(lines.warnings).toHaveLength(1)
  })

  it('refuses a command, it can still be asked', async () => {
    const { port, client } = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port }, lines)
    await client.lpush('tianji:limit:key', 'not a bucket')
    await client.lpush('tianji:cache:answer', 'not a text')
    const limiter = createRedisLimiter(redis, local())
    for (let count = 0; count < 5; count++) await limiter.take('key', { perMinute: 2 })
    expect(await createRedisStore(redis).get('answer')).toBeUndefined()
    expect(await limiter.take('key', { perMinute: 2 })).toMatchObject({ isAllowed: false })
    expect(await redis.ask((client) => client.ping())).toBe('PONG')
    expect(lines.warnings).toEqual(['Redis refuses a command.'])
  })

  it('has more to answer than can wait, the others are not kept waiting', async () => {
    const { port } = await redisServer()
    const redis = await openUp({ port })
    const asked = Array.from({ length: 1_500 }, () => redis.ask((client) => client.ping()))
    expect(asked.filter((answer) => answer !== undefined)).toHaveLength(1_000)
    await Promise.all(asked)
    expect(redis.ask((client) => client.ping())).toBeDefined()
  })

  it('wants another password, the log says so without telling the password', async () => {
    const { port } = await redisServer({ password: 'right-password' })
    const lines = createLines()
    const redis = open({ port, password: 'wrong-password' }, lines)
    await expect.poll(() => lines.warnings, isDown).toHaveLength(1)
    expect(redis.ask((client) => client.ping())).toBeUndefined()
    expect(lines.text()).toContain('WRONGPASS')
    expect(lines.text()).not.toContain('wrong-password')
  })

  it('comes only later, it is found', async () => {
    const server = await redisServer()
    await server.kill()
    const lines = createLines()
    const redis = open({ port: server.port }, lines)
    await expect.poll(() => lines.warnings, isDown).toHaveLength(1)
    await server.restart()
    await expect.poll(() => lines.infos, isDown).toHaveLength(1)
    expect(await redis.ask((client) => client.ping())).toBe('PONG')
  })

  it('is gone for minutes, each of them is told once', async () => {
    let minutes = 0
    const lines = createLines()
    open({ port: await freePort() }, lines, () => minutes * 60_000)
    await expect.poll(() => lines.warnings, isDown).toHaveLength(1)
    minutes += 1
    await expect.poll(() => lines.warnings, isDown).toHaveLength(2)
    expect(lines.infos).toEqual([])
  })
})

describe.skipIf(!redisProgram())(needsRedis('a closed Redis'), () => {
  it('is not asked, and nobody is told', async () => {
    const { port } = await redisServer()
    const lines = createLines()
    const redis = await openUp({ port }, lines)
    const answer = redis.ask((client) => client.ping())
    redis.close()
    expect(redis.ask((client) => client.ping())).toBeUndefined()
    await answer
    expect(lines.text()).toBe('')
  })
})
