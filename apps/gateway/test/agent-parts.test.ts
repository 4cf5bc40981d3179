import { createLocalLimiter } from '@tianjillm/limits'
import { describe, expect, test } from 'vitest'
import { addressesBehind, householdOf } from '../src/agent/client-address.ts'
import { createRateLimit, minutesIn } from '../src/agent/rate-limit.ts'
import { splitCommand } from '../src/agent/split-command.ts'
import { createTurnstile } from '../src/agent/turnstile.ts'

describe('a command of the environment', () => {
  test.each([
    ['npx -y @bytebase/dbhub --demo', ['npx', '-y', '@bytebase/dbhub', '--demo']],
    ['  node\t"my server.js"   a\\ b ', ['node', 'my server.js', 'a b']],
    [`run --dsn='postgres://x?a=$HOME' "it's \\"fine\\""`, ['run', '--dsn=postgres://x?a=$HOME', `it's "fine"`]],
    ['C:\\\\tools\\\\run.exe "C:\\Program Files"', ['C:\\tools\\run.exe', 'C:\\Program Files']],
    ["a '' b", ['a', '', 'b']],
    ['a $(rm -rf /) `id` *', ['a', '$(rm', '-rf', '/)', '`id`', '*']],
    ['', []],
    ['run "and then', undefined],
    ["run 'and \\'", ['run', 'and \\']],
  ])('%j is split as a shell does, and nothing in it is expanded', (text, words) => {
    expect(splitCommand(text)).toEqual(words)
  })
})

describe('the address of a client', () => {
  const from = (remoteAddress: string, forwarded?: string, proxies: readonly string[] = ['10.0.0.0/8', '::1']) =>
    addressesBehind(proxies)({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    } as never)

  test.each([
    ['its own where no proxy is trusted', from('10.0.0.1', '1.2.3.4', []), '10.0.0.1'],
    ['its own when it is no trusted proxy', from('9.9.9.9', '1.2.3.4'), '9.9.9.9'],
    ['what a trusted proxy says', from('10.0.0.1', '1.2.3.4'), '1.2.3.4'],
    ['the last that was not written by a client', from('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.9.9.9'), '1.2.3.4'],
    ['the first proxy when all are trusted', from('10.0.0.1', '10.0.0.3, 10.0.0.2'), '10.0.0.3'],
    ['the proxy that wrote nonsense', from('10.0.0.1', '1.2.3.4, unknown'), '10.0.0.1'],
    ['the proxy where it says nothing', from('10.0.0.1'), '10.0.0.1'],
    ['without a port or a prefix', from('::ffff:10.0.0.1', '1.2.3.4:5678'), '1.2.3.4'],
    ['without brackets', from('::1', '[2001:db8::7]:443'), '2001:db8::7'],
  ])('is %s', (_what, found, expected) => {
    expect(found).toBe(expected)
  })

  test('stands for its network where everybody has as many as they like', () => {
    const same = ['2001:db8:0:7::1', '2001:0db8:0000:0007:ffff:ffff:ffff:ffff', '2001:db8:0:7:8::']
    expect(new Set(same.map(householdOf))).toEqual(new Set(['2001:db8:0:7']))
    expect(householdOf('::1')).toBe('0:0:0:0')
    expect(householdOf('1.2.3.4')).toBe('1.2.3.4')
  })
})

describe('the rate limit of the agent', () => {
  /** A limit over this many seconds, and a clock that stands still until it is moved. */
  function limitOf(window: number) {
    const clock = { now: 0 }
    const limiter = createLocalLimiter(() => clock.now / minutesIn(window))
    return { clock, limit: createRateLimit({ most: 2, window, limiter }) }
  }

  test.each([10, 60, 3600])('lets so many in within %i seconds, and says when there is room', async (window) => {
    const { clock, limit } = limitOf(window)
    const count = async (client = '1.2.3.4') => limit.count(client)
    expect((await count()).headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
    expect((await count()).refusal).toBeUndefined()
    const { refusal, headers } = await count()
    expect(refusal).toMatchObject({ kind: 'rate_limited', facts: { retryAfter: window / 2 } })
    const full = Number(headers['x-ratelimit-reset']) - Date.now() / 1000
    expect([full > window - 2, full < window + 2]).toEqual([true, true])
    expect((await count('5.6.7.8')).refusal).toBeUndefined()
    clock.now += (window / 2) * 1000
    expect((await count()).refusal).toBeUndefined()
    expect((await count()).refusal).toBeDefined()
  })
})

describe('a turnstile', () => {
  const waiting = new AbortController().signal
  const overloaded = expect.objectContaining({ kind: 'overloaded', facts: { retryAfter: 5 } })

  test('lets so many in, and those that wait in the order they came', async () => {
    const turnstile = createTurnstile({ patience: 60_000, room: 2 })
    const leave = await turnstile.enter(1, waiting)
    const order: string[] = []
    const enter = async (name: string) => {
      const out = await turnstile.enter(1, waiting)
      order.push(name)
      return out
    }
    const [second, third] = [enter('second'), enter('third')]
    await expect(turnstile.enter(1, waiting)).rejects.toEqual(overloaded)
    leave()
    leave()
    ;(await second)()
    await third
    expect(order).toEqual(['second', 'third'])
    await expect(createTurnstile({ patience: 60_000, room: 0 }).enter(0, waiting)).rejects.toEqual(overloaded)
  })

  test('refuses who has waited long enough, and forgets who has gone', async () => {
    const turnstile = createTurnstile({ patience: 5, room: 5 })
    const leave = await turnstile.enter(1, waiting)
    await expect(turnstile.enter(1, waiting)).rejects.toEqual(overloaded)
    const leaving = new AbortController()
    const gone = turnstile.enter(1, leaving.signal)
    leaving.abort('gone')
    await expect(gone).rejects.toMatchObject({ kind: 'client_closed' })
    leave()
    await turnstile.enter(1, waiting)
  })
})
