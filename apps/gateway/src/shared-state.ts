import { hash } from 'node:crypto'
import type { Store } from '@tianjillm/cache'
import type { Config } from '@tianjillm/config'
import type { Host, Log } from '@tianjillm/core'
import type { Limiter } from '@tianjillm/limits'
import type { Candidate, CooldownListener, Router } from '@tianjillm/router'
import { redisSettingsOf } from './redis-settings.ts'

/** What several gateways have in common, through Redis. */
export interface SharedState {
  /** The same for the same Redis, spoken to in the same way; tells no secret. */
  readonly fingerprint: string
  /** A limiter whose buckets are shared. While Redis does not answer the local one decides. */
  limiterOver(local: Limiter): Limiter
  /** Keeps answers. */
  readonly store: Store
  /** Tells all gateways of a deployment that has failed here and is left alone now. */
  readonly tellCooldown: CooldownListener
  /**
   * Has these routers know what happens in other gateways, in place of those before: which deployments are left alone,
   * and, where they go by it, what is taken of each in a minute.
   */
  inform(routers: readonly InformedRouter[]): void
  /** Closes the connections; each gateway then has its own counts. */
  close(): void
}

/** What is needed of a router. */
export type InformedRouter = Pick<Router<Candidate>, 'health' | 'joinCooldown' | 'rules'>

/**
 * Opens what the configuration wants to share; undefined when it asks for no Redis. The state before is given again when
 * nothing about it has changed. Nothing is waited for: as long as Redis does not answer, each gateway has its own
 * counts. Throws GatewayError `misconfigured`.
 */
export async function sharedStateOf(
  config: Config,
  host: Pick<Host, 'env' | 'now'>,
  log: Log,
  previous?: SharedState,
): Promise<SharedState | undefined> {
  const settings = redisSettingsOf(config, (name) => host.env(name))
  if (settings === undefined) return undefined
  const fingerprint = hash('sha256', JSON.stringify(settings))
  if (previous?.fingerprint === fingerprint) return previous
  const { createRedisLimiter, createRedisStore, openRedis, shareCooldowns, shareUsage } = await import(
    '@tianjillm/redis'
  )
  const redis = openRedis(settings, log, () => host.now())
  let routers: readonly InformedRouter[] = []
  const { tell, recall } = shareCooldowns(redis, (id, until) => {
    for (const router of routers) router.joinCooldown(id, until, host.now())
  })
  shareUsage(redis, {
    own: (now) =>
      routers
        .filter(goesByUsage)
        .flatMap(({ health }) => [...health].map(([id, each]) => [id, each.minute(now)] as const)),
    hear(id, usage, now) {
      for (const { health } of routers) health.get(id)?.noteElsewhere(usage, now)
    },
  })
  return {
    fingerprint,
    limiterOver: (local) => createRedisLimiter(redis, local),
    store: createRedisStore(redis),
    tellCooldown: tell,
    inform(next) {
      routers = next
      // What was told before there was anybody to hear it.
      recall()
    },
    close: () => redis.close(),
  }
}

function goesByUsage({ rules }: InformedRouter): boolean {
  return [rules, ...rules.groupStrategies.values()].some(
    ({ strategy, enforcesLimits }) => strategy === 'usage-based' || enforcesLimits,
  )
}
