import { hash } from 'node:crypto'
import type { Config } from '@tianjillm/config'
import { type Awaitable, GatewayError, type Host } from '@tianjillm/core'
import type {
  Accounts,
  CustomerStanding,
  Directory,
  McpPins,
  McpServers,
  McpTokens,
  Person,
  Prompts,
  Sessions,
  Spend,
  Standing,
} from '@tianjillm/tenancy'

/** Keys, people, budgets and prompts that are kept in a database, and what was spent. */
export interface Tenancy {
  /** The same for the same database, used in the same way. */
  readonly fingerprint: string
  readonly directory: Directory
  readonly accounts: Accounts
  readonly spend: Spend
  readonly prompts: Prompts
  readonly mcpServers: McpServers
  readonly mcpTokens: McpTokens
  readonly mcpPins: McpPins
  /** Conversations with the agent, which are forgotten when nobody used them for `idle` milliseconds. */
  sessions(idle: number): Sessions
  /** The standing of the key with that hash. Rejects with GatewayError `overloaded` when the database cannot be asked. */
  findKey(keyHash: string): Awaitable<Standing | undefined>
  /** The standing of somebody without a key; the user and the team are made, where that is wanted. Rejects as `findKey` does. */
  findPerson(who: Person): Awaitable<Standing | undefined>
  /** A client's own customer. Undefined, too, when the database cannot be asked. */
  findCustomer(id: string): Awaitable<CustomerStanding | undefined>
  /** Hears, within seconds, when anything may have been changed, here or by another gateway. Gives what ends that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

/**
 * Opens the database that the configuration names, and brings it to the newest shape; the one before is given again
 * when it is the same. Throws GatewayError `misconfigured`.
 */
export async function tenancyOf(
  url: string,
  { general }: Config,
  { host, masterKey }: { readonly host: Host; readonly masterKey: string },
  previous?: Tenancy,
): Promise<Tenancy> {
  const { disableSpendLogs, allowRequestsOnDbUnavailable: admitsUnknown, userApiKeyCacheTtl: life } = general
  const fingerprint = JSON.stringify([url, disableSpendLogs, admitsUnknown, life, hash('sha256', masterKey)])
  if (previous?.fingerprint === fingerprint) return previous
  const [{ createSeal, openStore }, library] = await Promise.all([
    import('@tianjillm/store'),
    import('@tianjillm/tenancy'),
  ])
  const store = await openStore({ url }).catch((cause: unknown) => {
    throw unreachable(cause)
  })
  // Of its own, for what is carried over must not hold what it was made with.
  const now = nowOf(host)
  const clock = () => performance.now()
  const time = life === undefined ? {} : { life: life * 1000 }
  const keys = library.createRing({ load: (hash) => library.standingOfKey(store, hash), clock, ...time })
  const people = library.createRing({
    // Written by `findPerson`.
    load: (who) => library.standingOfPerson(store, JSON.parse(who) as Person, now()),
    clock,
    ...time,
  })
  const customers = library.createRing({ load: (id) => library.standingOfCustomer(store, id), clock, ...time })
  const hasCustomers = library.createRing({ load: () => library.hasCustomers(store), clock, ...time })
  const forget = () => {
    for (const ring of [keys, people, customers, hasCustomers]) ring.forget()
  }
  const listeners = new Set<() => void>()
  const revision = library.watchRevision(store, () => {
    forget()
    for (const listener of listeners) listener()
  })
  const changed = async (keyHash?: string) => {
    if (keyHash === undefined) forget()
    else keys.forget(keyHash)
    await revision.raise()
  }
  const accounts = library.accountsIn(store, { log: host.log, now, clock, admitsUnknown, keepsLogs: !disableSpendLogs })
  return {
    fingerprint,
    directory: library.createDirectory({ store, now, changed }),
    accounts,
    spend: library.spendIn(store),
    prompts: library.createPrompts({ store, now }),
    mcpServers: library.createMcpServers({ store, seal: createSeal(masterKey), now, changed: () => revision.raise() }),
    mcpTokens: library.createMcpTokens({ store, seal: createSeal(masterKey), now }),
    mcpPins: library.createMcpPins({ store, now, changed: () => revision.raise() }),
    sessions: (idle) => library.createSessions({ store, now, idle }),
    findKey: (keyHash) => answered(keys.find(keyHash), 'key'),
    findPerson: (who) => answered(people.find(JSON.stringify(who)), 'token'),
    findCustomer(id) {
      const isAny = hasCustomers.find('')
      if (isAny instanceof Promise)
        return isAny.then(({ isAny } = noCustomers) => (isAny ? customers.find(id) : undefined)).catch(() => undefined)
      const found = isAny?.isAny ? customers.find(id) : undefined
      return found instanceof Promise ? found.catch(() => undefined) : found
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      revision.close()
      await accounts.close()
      await store.close()
    },
  }
}

const noCustomers = { isAny: false }

function answered<Found>(found: Awaitable<Found>, what: string): Awaitable<Found> {
  if (!(found instanceof Promise)) return found
  return found.catch((cause: unknown) => {
    const message = `The gateway cannot reach its database to look this ${what} up. Try again in a few seconds.`
    throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
  })
}

function nowOf(host: Host): () => number {
  return () => host.now()
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
