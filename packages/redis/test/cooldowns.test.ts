import { needsRedis, redisProgram } from '@tianjillm/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openRedis, type RedisSettings, shareCooldowns } from '../src/index.ts'
import { createLines, redisServer, type Server } from './surroundings.ts'

/** A gateway whose clock is ahead by so many milliseconds. */
function gateway(settings: RedisSettings, ahead = 0) {
  const now = () => Date.now() + ahead
  const redis = openRedis(settings, createLines(), now)
  onTestFinished(() => redis.close())
  const heard = new Map<string, number>()
  const cooldowns = shareCooldowns(redis, (id, until) => {
    heard.set(id, until - now())
  })
  return { heard, tell: (id: string, time: number) => cooldowns.tell(id, now() + time) }
}

/** Until so many hear the channel. */
async function listening({ client }: Server, count: number): Promise<void> {
  await vi.waitFor(
    async () => expect(await client.pubsub('NUMSUB', 'tianji:cooldowns')).toEqual(['tianji:cooldowns', count]),
    10_000,
  )
}

describe.skipIf(!redisProgram())(needsRedis('cooldowns'), () => {
  it('are heard by other gateways, whatever their clocks say', async () => {
    const server = await redisServer()
    const [one, other] = [gateway(server, 3_600_000), gateway(server, -3_600_000)]
    await listening(server, 2)
    one.tell('a deployment', 30_000)
    await expect.poll(() => other.heard.has('a deployment')).toBe(true)
    expect(other.heard.get('a deployment')).toBeGreaterThan(29_000)
    expect(other.heard.get('a deployment')).toBeLessThanOrEqual(30_000)
  })

  it('are heard by a gateway that starts later, but those that are over are not', async () => {
    const server = await redisServer()
    const one = gateway(server)
    await listening(server, 1)
    one.tell('short', 20)
    one.tell('long', 60_000)
    await expect.poll(() => one.heard.size).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const late = gateway(server, 90_000)
    await expect.poll(() => late.heard.has('long')).toBe(true)
    expect([...late.heard.keys()]).toEqual(['long'])
    expect(late.heard.get('long')).toBeGreaterThan(50_000)
    expect(late.heard.get('long')).toBeLessThan(60_000)
  })

  it('never become shorter', async () => {
    const server = await redisServer()
    const one = gateway(server)
    await listening(server, 1)
    one.tell('id', 60_000)
    one.tell('id', 5_000)
    one.tell('last', 1_000)
    await expect.poll(() => one.heard.has('last')).toBe(true)
    expect(one.heard.get('id')).toBeGreaterThan(50_000)
    const late = gateway(server)
    await expect.poll(() => late.heard.get('id')).toBeGreaterThan(50_000)
  })

  it('are heard again after Redis was restarted', async () => {
    const server = await redisServer()
    const [one, other] = [gateway(server), gateway(server)]
    await listening(server, 2)
    await server.kill()
    one.tell('lost', 60_000)
    await server.restart()
    await listening(server, 2)
    await vi.waitFor(() => {
      one.tell('found', 60_000)
      expect(other.heard.has('found')).toBe(true)
    }, 10_000)
    expect(other.heard.has('lost')).toBe(false)
  })

  it('that were told during a break of the connection are read when it is there again', async () => {
    const server = await redisServer()
    const [one, other] = [gateway(server), gateway(server)]
    await listening(server, 2)
    one.tell('id', 60_000)
    await expect.poll(() => other.heard.has('id')).toBe(true)
    other.heard.clear()
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expect.poll(() => other.heard.has('id')).toBe(true)
  })

  it('leave nothing behind when all are over', async () => {
    const server = await redisServer()
    const one = gateway(server)
    await listening(server, 1)
    one.tell('id', 50)
    await expect.poll(() => one.heard.size).toBe(1)
    await expect.poll(() => server.client.keys('*')).toEqual([])
  })
})
