import type { Config } from '@tianjillm/config'
import type { Awaitable, Host } from '@tianjillm/core'
import type { Bookkeeper } from '@tianjillm/engine'
import type { Limiter } from '@tianjillm/limits'
import type { Accounts, CustomerStanding } from '@tianjillm/tenancy'
import { deploymentId } from '../compose.ts'
import type { Tenancy } from '../tenancy.ts'
import { type Seat, shareOf } from '../workers/seat.ts'
import { type Admission, createAdmission } from './admission.ts'
import { createBookkeeper } from './bookkeeper.ts'
import { type ConfigBudgets, configBudgetsOf } from './config-budgets.ts'
import type { AccessGroups } from './confinement.ts'
import { type Customer, customerOf } from './customer.ts'
import type { Share } from './holds.ts'
import type { IdentityRooms } from './identity.ts'

/** All that holds calls to limits and budgets under one configuration. */
export interface ComposedAdmission {
  readonly admission: Admission
  /** Undefined when there is nothing to be put down. */
  readonly bookkeeper: Bookkeeper | undefined
  readonly identities: IdentityRooms
  /** Those of the database, or of this process alone; undefined when nothing has to be put down. */
  readonly accounts: Accounts | undefined
  /** Whether the budget of a deployment, or of its provider, is used up. Undefined: none has one. */
  readonly isSpent: ((where: { readonly deploymentId: string; readonly provider: string }) => boolean) | undefined
}

/** What it is composed with. */
export interface AdmissionSurroundings {
  readonly limiter: Limiter
  readonly tenancy: Tenancy | undefined
  readonly seat: Seat | undefined
  /** Accounts of the generation before that were of this process alone: they go on. */
  readonly inMemory: Accounts | undefined
}

/** Composes it out of the file and the database. */
export async function composeAdmission(
  config: Config,
  host: Host,
  { limiter, tenancy, seat, inMemory }: AdmissionSurroundings,
): Promise<ComposedAdmission> {
  const share: Share = (total) => (seat === undefined ? total : shareOf(total, seat))
  // Without a database each process keeps its own part.
  const budgets = configBudgetsOf(config, (model) => deploymentId(model, config), tenancy ? (max) => max : share)
  const accounts = tenancy?.accounts ?? (budgets.isAny ? (inMemory ?? (await accountsOfProcess(host))) : undefined)
  const counters = { limiter, ledger: accounts?.ledger }
  const accessGroups = accessGroupsOf(config)
  return {
    accounts,
    admission: createAdmission({
      ...counters,
      share,
      findCustomer: tenancy && customersIn(tenancy, accessGroups, share),
      tagBudgets: budgets.ofTags,
    }),
    bookkeeper:
      accounts === undefined && !limitsTokens(config)
        ? undefined
        : createBookkeeper({ ...counters, accounts, budgets, tokenType: config.general.tokenRateLimitType }),
    identities: { share, accessGroups, budgets: budgets.ofAll },
    isSpent: isSpentBy(budgets, accounts),
  }
}

function limitsTokens({ keys }: Config): boolean {
  return keys.some(({ tpmLimit, modelTpmLimit }) => tpmLimit !== undefined || modelTpmLimit.size > 0)
}

async function accountsOfProcess(host: Host): Promise<Accounts> {
  const { accountsInMemory } = await import('@tianjillm/tenancy')
  return accountsInMemory({ log: host.log, now: () => host.now(), clock: () => performance.now() })
}

/** Names under which several models can be given to a key: `model_info.access_groups`. */
function accessGroupsOf({ models }: Config): AccessGroups {
  const named = models.flatMap(({ name, info: { access_groups: groups } }) =>
    Array.isArray(groups) ? groups.map((group) => [String(group), name] as const) : [],
  )
  return new Map(
    [...Map.groupBy(named, ([group]) => group)].map(([group, some]) => [group, some.map(([, name]) => name)]),
  )
}

function isSpentBy(budgets: ConfigBudgets, accounts: Accounts | undefined): ComposedAdmission['isSpent'] {
  if (accounts === undefined || budgets.ofDeployments.length === 0) return undefined
  const { ledger } = accounts
  // Whoever asks first is not kept waiting, so the answer should be there by then.
  for (const budget of budgets.ofDeployments) ledger.isSpent(budget)
  return (where) => budgets.ofDeployment(where).some((budget) => ledger.isSpent(budget))
}

/** The customers of clients, as calls for them are admitted. */
function customersIn(
  { findCustomer }: Tenancy,
  accessGroups: AccessGroups,
  share: Share,
): (id: string) => Awaitable<Customer | undefined> {
  const customers = new WeakMap<CustomerStanding, Customer>()
  const known = (standing: CustomerStanding | undefined) => {
    if (standing === undefined) return undefined
    const customer = customers.get(standing) ?? customerOf(standing, accessGroups, share)
    customers.set(standing, customer)
    return customer
  }
  return (id) => {
    const found = findCustomer(id)
    return found instanceof Promise ? found.then(known) : known(found)
  }
}
