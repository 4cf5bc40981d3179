import type { Log } from '@tianjillm/core'
import { ReplyError } from 'ioredis'
import { type Client, createClient } from './client.ts'
import type { RedisSettings } from './settings.ts'
import { type Listener, subscribe } from './subscription.ts'

/** Redis, for those who can do without it at any moment. */
export interface Redis {
  /** What all keys begin with. */
  readonly namespace: string
  /** The clock of this machine, in ms. */
  readonly now: () => number
  /**
   * The answer, or undefined when there is none: at once while Redis is known to be gone, slow or busy, after 200 ms at
   * most when that turns out only now. Never rejects.
   */
  ask<Answer>(question: (client: Client) => Promise<Answer>): Promise<Answer | undefined> | undefined
  /** Calls when Redis can be asked, which may be now, and each time that it can be asked again. */
  onUp(listener: () => void): void
  /** Does something again and again, so many milliseconds apart, until this is closed. */
  every(time: number, task: () => void): void
  /** Hears a channel, over a connection of its own. */
  subscribe(channel: string, listener: Listener): void
  /** Closes all connections; whoever still asks gets no answer. */
  close(): void
}

/** Milliseconds in which an answer is of use. */
const ANSWER_TIME = 200
/** Failures in a row after which nobody asks any more. */
const MOST_FAILURES = 3
/** Milliseconds after which it is tried whether Redis answers again. */
const PAUSE = 1_000
/** Questions that may wait for an answer. */
const MOST_UNDER_WAY = 1_000
/** Milliseconds for which one warning is enough. */
const WARNING_PAUSE = 60_000

/**
 * Begins to connect, and returns at once. While Redis is gone or slow nobody waits for it, it is tried once a second, and
 * the log tells of it once a minute. `now` is a clock in ms. Throws TypeError for a URL that is none.
 */
export function openRedis(settings: RedisSettings, log: Log, now: () => number): Redis {
  const client = createClient(settings)
  const subscriptions: Client[] = []
  const listeners: (() => void)[] = []
  const timers: NodeJS.Timeout[] = []
  let isUp = false
  let isClosed = false
  let failures = 0
  let underWay = 0
  let warnedAt = Number.NEGATIVE_INFINITY
  let isToldDown = false

  const warn = (message: string, error: unknown) => {
    if (isClosed || now() - warnedAt < WARNING_PAUSE) return false
    warnedAt = now()
    log.warn(message, { reason: reasonOf(error) })
    return true
  }
  const goUp = () => {
    failures = 0
    if (isUp || isClosed) return
    isUp = true
    if (isToldDown) log.info('Redis answers again: what gateways share is shared again.')
    isToldDown = false
    for (const listener of listeners) listener()
  }
  const goDown = (error: unknown) => {
    isUp = false
    if (warn('Redis does not answer: until it does, this gateway keeps to its own counts.', error)) isToldDown = true
  }
  const fail = (error: unknown) => {
    // It is there, and quick to say no.
    if (error instanceof ReplyError) warn('Redis refuses a command.', error)
    else if (++failures >= MOST_FAILURES) goDown(error)
  }
  const every = (time: number, task: () => void) => void timers.push(setInterval(task, time).unref())
  const settle = async <Answer>(question: (client: Client) => Promise<Answer>): Promise<Answer | undefined> => {
    underWay += 1
    try {
      const answer = await inTime(question(client))
      failures = 0
      return answer
    } catch (error) {
      fail(error)
      return undefined
    } finally {
      underWay -= 1
    }
  }

  client.on('ready', goUp)
  client.on('error', goDown)
  client.on('close', () => goDown('the connection has closed'))
  every(PAUSE, () => {
    if (!isUp && client.status === 'ready') inTime(client.ping()).then(goUp, goDown)
  })

  return {
    namespace: settings.namespace ?? 'tianji',
    now,
    ask: (question) => (isUp && underWay < MOST_UNDER_WAY ? settle(question) : undefined),
    onUp(listener) {
      listeners.push(listener)
      if (isUp) listener()
    },
    every,
    subscribe: (channel, listener) => void subscriptions.push(subscribe(createClient(settings), channel, listener)),
    close() {
      isClosed = true
      isUp = false
      timers.forEach(clearInterval)
      for (const each of [client, ...subscriptions]) each.disconnect()
    },
  }
}

/** The answer, or a rejection when it takes too long. */
function inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // What has arrived while the process itself was too busy to look is read before an immediate runs, and is in time.
    const giveUp = () => setImmediate(reject, new Error(`no answer within ${ANSWER_TIME} ms`))
    const timer = setTimeout(giveUp, ANSWER_TIME)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** What went wrong, in words without arguments of commands. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return (error.message || (code ?? error.name)).slice(0, 200)
}
