import { needsRedis, redisProgram } from '@tianjillm/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRedis, shareUsage, type Usage } from '../src/index.ts'
import { createLines, redisServer, type Server } from './surroundings.ts'

const soon = { timeout: 5_000, interval: 20 }

/** A gateway in a minute that does not pass unless it is told to. */
function gateway({ port }: Server) {
  let minute = 0
  const taken = new Map<string, Usage>([['idle', { requests: 0, tokens: 0 }]])
  const heard = new Map<string, Usage>()
  const redis = openRedis({ port }, createLines(), () => minute * 60_000)
  onTestFinished(() => redis.close())
  shareUsage(redis, { own: () => taken, hear: (id, usage) => heard.set(id, usage) })
  const pass = () => {
    minute += 1
    taken.set('id', { requests: 0, tokens: 0 })
    heard.clear()
  }
  return { taken, heard, pass }
}

describe.skipIf(!redisProgram())(needsRedis('usage of deployments'), () => {
  it('is told to other gateways, and only what they have not heard of', async () => {
    const server = await redisServer()
    const [one, other] = [gateway(server), gateway(server)]
    one.taken.set('a b', { requests: 3, tokens: 100 })
    other.taken.set('a b', { requests: 1, tokens: 10 })
    await expect.poll(() => one.heard.get('a b'), soon).toEqual({ requests: 1, tokens: 10 })
    await expect.poll(() => other.heard.get('a b'), soon).toEqual({ requests: 3, tokens: 100 })
    one.taken.set('a b', { requests: 5, tokens: 250 })
    one.taken.set('second', { requests: 1, tokens: 0 })
    await expect.poll(() => other.heard.get('a b'), soon).toEqual({ requests: 5, tokens: 250 })
    await expect.poll(() => other.heard.get('second'), soon).toEqual({ requests: 1, tokens: 0 })
    expect(one.heard.get('second')).toEqual({ requests: 0, tokens: 0 })
  })

  it('is counted anew each minute, and forgotten soon after', async () => {
    const server = await redisServer()
    const [one, other] = [gateway(server), gateway(server)]
    one.taken.set('id', { requests: 3, tokens: 100 })
    await expect.poll(() => other.heard.get('id'), soon).toEqual({ requests: 3, tokens: 100 })
    for (const { pass } of [one, other]) pass()
    one.taken.set('id', { requests: 1, tokens: 7 })
    await expect.poll(() => other.heard.get('id'), soon).toEqual({ requests: 1, tokens: 7 })
    for (const key of await server.client.keys('*')) {
      const life = await server.client.pttl(key)
      expect(life).toBeGreaterThan(0)
      expect(life).toBeLessThanOrEqual(120_000)
    }
  })

  it('is never less than nothing, whatever Redis has forgotten', async () => {
    const server = await redisServer()
    const one = gateway(server)
    one.taken.set('id', { requests: 3, tokens: 100 })
    await expect.poll(() => one.heard.has('id'), soon).toBe(true)
    await server.client.flushall()
    one.heard.clear()
    one.taken.set('id', { requests: 4, tokens: 110 })
    await expect.poll(() => one.heard.get('id'), soon).toEqual({ requests: 0, tokens: 0 })
  })
})
