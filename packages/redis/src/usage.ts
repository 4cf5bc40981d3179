import type { Redis } from './redis.ts'
import { defineScript, runScript } from './script.ts'

/** What was taken of a deployment in a minute. */
export interface Usage {
  readonly requests: number
  readonly tokens: number
}

/** Whoever counts what is taken of deployments. */
export interface UsageCounts {
  /** What was taken here in the minute that `now` is in, by deployment. Without any there is nothing to exchange. */
  own(now: number): Iterable<readonly [id: string, usage: Usage]>
  /** What others have taken in that minute. */
  hear(id: string, elsewhere: Usage, now: number): void
}

const MINUTE = 60_000
/** Milliseconds between exchanges. */
const PAUSE = 1_000

const none: Usage = { requests: 0, tokens: 0 }

/** Adds to what was taken of deployments, and gives what was taken in all. */
const exchange = defineScript(`
for index = 1, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[1], 'requests ' .. ARGV[index], ARGV[index + 1])
  redis.call('HINCRBY', KEYS[1], 'tokens ' .. ARGV[index], ARGV[index + 2])
end
redis.call('PEXPIRE', KEYS[1], 120000)
return redis.call('HGETALL', KEYS[1])
`)

/**
 * Tells all gateways that use the same Redis and namespace once a second what is taken here, and hears what others take.
 * Minutes are those of each machine's clock. While Redis does not answer, what was heard last counts until its minute is
 * over.
 */
export function shareUsage(redis: Redis, { own, hear }: UsageCounts): void {
  let minute = Number.NaN
  let told: ReadonlyMap<string, Usage> = new Map()
  const exchangeNow = async () => {
    const now = redis.now()
    const thisMinute = Math.floor(now / MINUTE)
    if (thisMinute !== minute) told = new Map()
    minute = thisMinute
    const taken = new Map(own(now))
    if (taken.size === 0) return
    const key = `${redis.namespace}:usage:${minute}`
    const totals = await redis.ask((client) => runScript(client, exchange, key, ...newIn(taken, told)))
    if (totals === undefined || Math.floor(redis.now() / MINUTE) !== minute) return
    told = taken
    for (const [id, all] of usagesIn(totals)) hear(id, difference(all, taken.get(id)), now)
  }
  redis.every(PAUSE, () => void exchangeNow())
}

/** What was taken since it was told last, as the script wants it. */
function newIn(taken: ReadonlyMap<string, Usage>, told: ReadonlyMap<string, Usage>): readonly (string | number)[] {
  return [...taken].flatMap(([id, usage]) => {
    const { requests, tokens } = difference(usage, told.get(id))
    return requests === 0 && tokens === 0 ? [] : [id, requests, tokens]
  })
}

function difference(usage: Usage, without: Usage = none): Usage {
  // Redis may have forgotten what it was told, and then knows of less than was taken here.
  const requests = Math.max(0, usage.requests - without.requests)
  return { requests, tokens: Math.max(0, usage.tokens - without.tokens) }
}

/** Names and numbers by turns, as the script gives them. */
function usagesIn(totals: unknown): ReadonlyMap<string, Usage> {
  const fields = totals as readonly string[]
  const usages = new Map<string, { requests: number; tokens: number }>()
  for (let index = 0; index < fields.length; index += 2) {
    const [, kind, id] = /^(requests|tokens) (.*)$/s.exec(fields[index]!) ?? []
    if (id === undefined) continue
    const usage = usages.get(id) ?? { ...none }
    usages.set(id, usage)
    usage[kind as keyof Usage] = Number(fields[index + 1])
  }
  return usages
}
