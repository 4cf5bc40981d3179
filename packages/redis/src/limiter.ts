import { type Limit, type Limiter, type Taken, takeFrom } from '@tianjillm/limits'
import type { Redis } from './redis.ts'
import { defineScript, runScript } from './script.ts'

/** Milliseconds until a bucket is full, and some more; at most a month. */
const life = `
local function life(size, left)
  if left >= 0 or size <= 0 then return 61000 end
  return math.min(2592000000, 1000 + math.ceil((size - left) * 60000 / size))
end
`

/**
 * Fills a bucket by Redis's own clock and takes out what it costs, as `takeFrom` of @tianjillm/limits does, and gives
 * what was in it before. A bucket that nothing is owed to is full after a minute, which is what one that has expired
 * is like.
 */
const take = defineScript(`${life}
local size, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local bucket = redis.call('HMGET', KEYS[1], 'level', 'time')
local level, time = tonumber(bucket[1]) or size, tonumber(bucket[2]) or now
if now > time then level = level + (now - time) * size / 60000 end
level = math.min(size, level)
local left = level
if level + 1e-6 >= cost then left = level - cost end
redis.call('HSET', KEYS[1], 'level', string.format('%.17g', left), 'time', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], life(size, left))
return string.format('%.17g', level)
`)

/** Takes what was used already, and keeps what is owed until it has flowed in. */
const charge = defineScript(`${life}
local size, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local bucket = redis.call('HMGET', KEYS[1], 'level', 'time')
local level, time = tonumber(bucket[1]) or size, tonumber(bucket[2]) or now
if now > time then level = level + (now - time) * size / 60000 end
local left = math.min(size, math.min(size, level) - cost)
redis.call('HSET', KEYS[1], 'level', string.format('%.17g', left), 'time', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], life(size, left))
return 1
`)

/**
 * A limiter that shares its buckets with all gateways that use the same Redis and namespace. While Redis does not answer
 * the local one decides, at once. That one is told of all that is let in here, so that it begins where this one ended.
 */
export function createRedisLimiter(redis: Redis, local: Limiter): Limiter {
  const takenOf = (name: string, limit: Limit, cost: number, level: unknown) => {
    if (typeof level !== 'string') return local.take(name, limit, cost)
    const taken: Taken = takeFrom({ level: Number(level), time: 0 }, limit, cost, 0)
    if (taken.isAllowed) void local.take(name, limit, cost)
    return taken
  }
  return {
    take(name, limit, cost = 1) {
      const key = `${redis.namespace}:limit:${name}`
      const asked = redis.ask((client) => runScript(client, take, key, limit.perMinute, cost))
      if (asked === undefined) return local.take(name, limit, cost)
      return asked.then((level) => takenOf(name, limit, cost, level))
    },
    charge(name, limit, cost) {
      local.charge(name, limit, cost)
      const key = `${redis.namespace}:limit:${name}`
      // What Redis did not hear of is known here all the same.
      void redis.ask((client) => runScript(client, charge, key, limit.perMinute, cost))
    },
  }
}
