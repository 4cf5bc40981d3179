import type { Log } from '@tianjillm/core'
import { startRedis, type TestRedis, type TestRedisSettings } from '@tianjillm/testing'
import { Redis as Client } from 'ioredis'
import { onTestFinished } from 'vitest'
import { openRedis, type Redis, type RedisSettings } from '../src/index.ts'

/** What was logged. */
export interface Lines extends Log {
  readonly warnings: string[]
  readonly infos: string[]
  /** All that was logged, with all facts. */
  readonly text: () => string
}

export function createLines(): Lines {
  const warnings: string[] = []
  const infos: string[] = []
  const all: string[] = []
  const into = (lines: string[]) => (message: string, facts?: object) => {
    lines.push(message)
    all.push(JSON.stringify([message, facts]))
  }
  return {
    warnings,
    infos,
    text: () => all.join('\n'),
    debug: into([]),
    info: into(infos),
    warn: into(warnings),
    error: into([]),
  }
}

/** An opened Redis, until the test ends. */
export function open(settings: RedisSettings, log: Log = createLines(), now: () => number = Date.now): Redis {
  const redis = openRedis(settings, log, now)
  onTestFinished(() => redis.close())
  return redis
}

/** The same, once it can be asked. */
export async function openUp(settings: RedisSettings, log?: Log): Promise<Redis> {
  const redis = open(settings, log)
  await new Promise<void>((resolve) => redis.onUp(resolve))
  return redis
}

/** A Redis of a test's own, and somebody who speaks to it directly. */
export interface Server extends TestRedis {
  readonly client: Client
}

/** A real Redis, until the test ends. */
export async function redisServer(settings: TestRedisSettings = {}): Promise<Server> {
  const server = await startRedis(settings)
  const { port } = server
  const password = settings.password === undefined ? {} : { password: settings.password }
  const client = new Client({ port, host: '127.0.0.1', retryStrategy: () => 20, ...password })
  client.on('error', () => {})
  onTestFinished(async () => {
    client.disconnect()
    await server.stop()
  })
  return { ...server, client }
}
