import type { Config, KeyConfig } from '@tianjillm/config'
import { type Awaitable, type CallReport, GatewayError, type Host, type JsonObject } from '@tianjillm/core'
import type { ConfiguredCallback } from '@tianjillm/engine'
import type { KeyRow, Keys, Spend, SpendWriter } from '@tianjillm/tenancy'

/** Keys that are kept in a database, and whom they belong to. */
export interface Tenancy {
  /** The same for the same database, used in the same way. */
  readonly fingerprint: string
  readonly keys: Keys
  readonly spend: Spend
  /** Writes every finished call down; undefined when `disable_spend_logs` is set. */
  readonly callback: ConfiguredCallback | undefined
  /** The key with that hash. Rejects with GatewayError `overloaded` when the database cannot be asked. */
  find(keyHash: string): Awaitable<KeyConfig | undefined>
  close(): Promise<void>
}

/**
 * Opens the database that the configuration names, and brings it to the newest shape; the one before is given again
 * when it is the same. Undefined when there is none. Throws GatewayError `misconfigured`.
 */
export async function tenancyOf(config: Config, host: Host, previous?: Tenancy): Promise<Tenancy | undefined> {
  const { databaseUrl: url, disableSpendLogs } = config.general
  if (url === undefined) return undefined
  const fingerprint = `${disableSpendLogs} ${url}`
  if (previous?.fingerprint === fingerprint) return previous
  const [{ openStore }, { createKeyring, createKeys, createSpendWriter, spendIn }] = await Promise.all([
    import('@tianjillm/store'),
    import('@tianjillm/tenancy'),
  ])
  const store = await openStore({ url }).catch((cause: unknown) => {
    throw unreachable(cause)
  })
  const writer = createSpendWriter({ store, log: host.log, now: clockOf(host) })
  const keyring = createKeyring({ store, now: () => performance.now() })
  const known = new WeakMap<KeyRow, KeyConfig>()
  const configOf = (row: KeyRow) => {
    const key = known.get(row) ?? keyConfig(row)
    known.set(row, key)
    return key
  }
  return {
    fingerprint,
    spend: spendIn(store),
    callback: disableSpendLogs ? undefined : written(writer),
    keys: createKeys({ store, now: clockOf(host), changed: (keyHash) => keyring.forget(keyHash) }),
    find(keyHash) {
      const row = keyring.find(keyHash)
      if (!(row instanceof Promise)) return row && configOf(row)
      return row.then(
        (later) => later && configOf(later),
        (cause: unknown) => {
          const message = 'The gateway cannot reach its database to look this key up. Try again in a few seconds.'
          throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
        },
      )
    },
    async close() {
      writer.close()
      await store.close()
    },
  }
}

function written(writer: SpendWriter): ConfiguredCallback {
  const add = (report: CallReport) => writer.add(report)
  return { name: 'spend', on: 'both', callback: { success: add, failure: add, flush: () => writer.flush() } }
}

/** A function of its own, for what is carried over must not hold what it was made with. */
function clockOf(host: Host): () => number {
  return () => host.now()
}

/** A key of the database as one of the file would be. */
function keyConfig(row: KeyRow): KeyConfig {
  return {
    key: undefined,
    keyHash: row.key_hash,
    keyAlias: row.key_alias ?? undefined,
    userId: row.user_id ?? undefined,
    teamId: row.team_id ?? undefined,
    // They were written from lists and maps.
    models: JSON.parse(row.models) as readonly string[],
    metadata: JSON.parse(row.metadata) as JsonObject,
    rpmLimit: row.rpm_limit ?? undefined,
    maxParallelRequests: row.max_parallel_requests ?? undefined,
    expires: row.expires_at ?? undefined,
    isBlocked: row.blocked === 1,
    position: { file: 'database', line: 1, column: 1 },
  }
}

/** In words of its own: those of a driver may hold the address with its password. */
function unreachable(cause: unknown): GatewayError {
  const { code } = cause as { readonly code?: unknown }
  // Drivers name what went wrong; errors without a code are the store's own.
  const message =
    cause instanceof Error && code === undefined
      ? cause.message
      : `the database cannot be used: ${String(code ?? 'no answer')}`
  return new GatewayError('misconfigured', message, { cause })
}
