import type { Redis } from './redis.ts'
import { defineScript, runScript } from './script.ts'

/** What gateways tell each other of deployments that are left alone for a while. */
export interface Cooldowns {
  /** `until` is by the clock of this machine. */
  tell(deploymentId: string, until: number): void
  /** Has all be heard again that hold now. */
  recall(): void
}

/**
 * Notes how long a deployment is left alone, by Redis's own clock and never shorter than it was, and tells those who
 * listen how many milliseconds that is from now. Those that are over are swept out.
 */
const tell = defineScript(`
local id, time = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local known = redis.call('ZSCORE', KEYS[1], id)
if known and tonumber(known) >= now + time then return 0 end
redis.call('ZADD', KEYS[1], now + time, id)
if redis.call('PTTL', KEYS[1]) < time then redis.call('PEXPIRE', KEYS[1], time) end
redis.call('PUBLISH', KEYS[1], time .. ' ' .. id)
return 1
`)

/** Ids of the deployments that are left alone, each with the milliseconds that are left. */
const list = defineScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local all = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'WITHSCORES')
for index = 2, #all, 2 do all[index] = tostring(all[index] - now) end
return all
`)

/**
 * Shares cooldowns with all gateways that use the same Redis and namespace. `onCooldown` hears of each that is
 * told, also here, and whenever a connection is made of all that hold. Its `until` is by the clock of this machine,
 * whatever those of others say. While Redis does not answer, each gateway has its own.
 */
export function shareCooldowns(redis: Redis, onCooldown: (deploymentId: string, until: number) => void): Cooldowns {
  const { now } = redis
  const key = `${redis.namespace}:cooldowns`
  const listAll = async () => {
    const answer = (await redis.ask((client) => runScript(client, list, key))) ?? []
    // Ids and times by turns, as the script has them.
    const all = answer as readonly string[]
    for (let index = 0; index < all.length; index += 2) onCooldown(all[index]!, now() + Number(all[index + 1]))
  }
  const recall = () => void listAll()
  const hear = (message: string) => {
    const [, time, id] = /^(\d+) (.+)$/s.exec(message) ?? []
    if (id !== undefined) onCooldown(id, now() + Number(time))
  }
  let isListening = false
  redis.onUp(() => {
    // Whichever connection is made anew later is the one after which nothing is missed.
    recall()
    if (!isListening) redis.subscribe(key, { begin: recall, hear })
    isListening = true
  })
  return {
    tell(deploymentId, until) {
      const time = Math.ceil(until - now())
      if (time > 0) void redis.ask((client) => runScript(client, tell, key, deploymentId, time))
    },
    recall,
  }
}
