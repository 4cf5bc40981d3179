import { Cluster, type RedisOptions, Redis as Single } from 'ioredis'
import type { RedisSettings, RedisTls } from './settings.ts'

/** A connection to one Redis, or those to the nodes of a cluster. */
export type Client = Single | Cluster

/** Milliseconds that Redis has to take a connection. */
const CONNECT_TIME = 2_000
/** Milliseconds without a byte, while answers are due, after which a connection is given up for a new one. */
const SILENCE = 3_000
/** Milliseconds between attempts to connect: ever more, up to this. */
const LONGEST_PAUSE = 1_000

/** A client that connects on its own, again and again, and keeps no command for later. Throws TypeError for a bad URL. */
export function createClient(settings: RedisSettings): Client {
  const { nodes, sentinels, host = '127.0.0.1', port = 6379, username, password, db = 0, tls } = withUrl(settings)
  const options = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tlsOptions(tls) }),
    db,
    connectTimeout: CONNECT_TIME,
    socketTimeout: SILENCE,
    // Whoever asks gets an answer now or none.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Subscriptions are made anew by whoever made them.
    autoResubscribe: false,
    // A master that has become a replica: its name may lead to the new one.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
  }
  const retryStrategy = pauseBefore
  if (nodes !== undefined)
    return new Cluster([...nodes], {
      redisOptions: options,
      enableOfflineQueue: false,
      clusterRetryStrategy: pauseBefore,
      // Nobody waits for more.
      maxRedirections: 4,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      retryDelayOnTryAgain: 50,
    })
  if (sentinels === undefined) return new Single({ ...options, host, port, enableOfflineQueue: false, retryStrategy })
  return new Single({
    ...options,
    sentinels: [...sentinels.addresses],
    name: sentinels.service,
    ...(sentinels.password !== undefined && { sentinelPassword: sentinels.password }),
    sentinelRetryStrategy: pauseBefore,
    enableOfflineQueue: false,
    retryStrategy,
  })
}

function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE, 50 * 2 ** attempt)
}

function withUrl(settings: RedisSettings): RedisSettings {
  if (settings.url === undefined) return settings
  const { protocol, hostname, port, username, password, pathname } = new URL(settings.url)
  const db = Number.parseInt(pathname.slice(1), 10)
  return {
    ...settings,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port !== '' && { port: Number(port) }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(Number.isInteger(db) && { db }),
    tls: settings.tls ?? (protocol === 'rediss:' ? { verifies: true, checksHostName: true } : undefined),
  }
}

function tlsOptions({ verifies, checksHostName, ca }: RedisTls): NonNullable<RedisOptions['tls']> {
  return {
    rejectUnauthorized: verifies,
    ...(!checksHostName && { checkServerIdentity: () => undefined }),
    ...(ca !== undefined && { ca }),
  }
}
