import type { BudgetConfig, KeyConfig } from '@tianjillm/config'
import type { Budget, BudgetRow, CustomerStanding, LimitsRow, ModelBudget, Standing } from '@tianjillm/tenancy'

/** Somebody whom calls are put down to, and what is limited for them. */
export interface Holder {
  /** `key`, `member` of a team, `user`, `team`, `organization`, `end_user`. */
  readonly kind: string
  readonly id: string
  /** By which its limits are counted: the same for a key that is given a new secret. */
  readonly bucket: string
  /** For messages: `the key "ci"`. */
  readonly owner: string
  readonly isBlocked: boolean
  /** Names, each perhaps with a `*`; none: all. */
  readonly models: readonly string[]
  /** A minute. */
  readonly requests: number | undefined
  readonly tokens: number | undefined
  /** At once. */
  readonly parallel: number | undefined
  /** The same by model. */
  readonly requestsOf: ReadonlyMap<string, number>
  readonly tokensOf: ReadonlyMap<string, number>
  readonly budget: Budget | undefined
  readonly budgetOf: ReadonlyMap<string, Budget>
}

/** What a budget of the file says. Its periods are counted from 1970, so that they are the same after a restart. */
export function termsOf({ max, soft, duration }: BudgetConfig): Pick<Budget, 'max' | 'soft' | 'duration'> {
  const nano = (dollars: number | undefined) => (dollars === undefined ? undefined : Math.round(dollars * 1e9))
  return { max: nano(max), soft: nano(soft), duration }
}

/** The holder that a key of the file is. */
export function holderOfConfig(key: KeyConfig): Holder {
  const { keyHash: id, keyAlias: alias, budget } = key
  const who = { kind: 'key', id, owner: titled('key', alias), alias }
  const modelBudgets = [...key.modelBudgets].map(([model, terms]) => ofModel(who, model, termsOf(terms)))
  return {
    ...who,
    bucket: `key:${id}`,
    isBlocked: key.isBlocked,
    models: key.models,
    requests: key.rpmLimit,
    tokens: key.tpmLimit,
    parallel: key.maxParallelRequests,
    requestsOf: key.modelRpmLimit,
    tokensOf: key.modelTpmLimit,
    budget: budget && { ...who, ...termsOf(budget) },
    budgetOf: new Map(modelBudgets),
  }
}

/** The holders of somebody's standing, the nearest first. */
export function holdersOf({ key, user, team, member, organization, budgets }: Standing): readonly Holder[] {
  const named = (row: { readonly budget_id: string | null }) =>
    row.budget_id === null ? undefined : budgets.get(row.budget_id)
  const holders: Holder[] = []
  const add = (kind: string, id: string, alias: string | null, row: HolderRow, budget?: BudgetRow) =>
    holders.push(
      holderOf({ kind, id, owner: titled(kind, alias ?? (kind === 'key' ? undefined : id)), alias }, row, budget),
    )
  if (key) add('key', key.key_hash, key.key_alias, key, named(key))
  if (member) {
    const { team_id, user_id: alias } = member
    const owner = `${titled('member', alias)} of ${titled('team', team?.team_alias ?? team_id)}`
    holders.push(
      holderOf({ kind: 'member', id: JSON.stringify([team_id, alias]), owner, alias }, member, named(member)),
    )
  }
  if (user) add('user', user.user_id, user.user_alias, user, named(user))
  if (team) add('team', team.team_id, team.team_alias, team)
  if (organization)
    add(
      'organization',
      organization.organization_id,
      organization.organization_alias,
      organization,
      named(organization),
    )
  return holders
}

/** The holder that a client's customer is. */
export function holderOfCustomer({ customer, budget }: CustomerStanding): Holder {
  const { end_user_id: id, alias } = customer
  return holderOf({ kind: 'end_user', id, owner: titled('end_user', alias ?? id), alias }, customer, budget)
}

const titles: Readonly<Record<string, string>> = { end_user: 'customer' }

function titled(kind: string, name: string | null | undefined): string {
  const title = titles[kind] ?? kind
  return name == null ? `this ${title}` : `the ${title} "${name}"`
}

type Who = Pick<Budget, 'kind' | 'id' | 'owner'> & { readonly alias?: string | null | undefined }
type HolderRow = LimitsRow & { readonly models?: string; readonly blocked?: number; readonly key_id?: string }

/** What a row says itself comes before what its budget with a name says. */
function holderOf(who: Who, row: HolderRow, named?: BudgetRow): Holder {
  const { kind, id, owner } = who
  const alias = who.alias ?? undefined
  const limits = { ...modelLimits(named), ...modelLimits(row) }
  const money = row.max_budget === null && row.soft_budget === null ? (named ?? row) : row
  const modelBudgets = Object.entries(limits.model_max_budget ?? {}).map(([model, terms]) =>
    ofModel({ ...who, alias }, model, { ...modelTerms(terms), startedAt: row.budget_started_at ?? 0 }),
  )
  return {
    kind,
    id,
    bucket: `${kind}:${row.key_id ?? id}`,
    owner,
    isBlocked: row.blocked === 1,
    // Written from a list.
    models: row.models === undefined ? [] : (JSON.parse(row.models) as readonly string[]),
    requests: row.rpm_limit ?? named?.rpm_limit ?? undefined,
    tokens: row.tpm_limit ?? named?.tpm_limit ?? undefined,
    parallel: row.max_parallel_requests ?? named?.max_parallel_requests ?? undefined,
    requestsOf: new Map(Object.entries(limits.model_rpm_limit ?? {})),
    tokensOf: new Map(Object.entries(limits.model_tpm_limit ?? {})),
    budget: budgetOf({ kind, id, owner, alias }, money),
    budgetOf: new Map(modelBudgets),
  }
}

function budgetOf(who: Pick<Budget, 'kind' | 'id' | 'owner' | 'alias'>, row: LimitsRow): Budget | undefined {
  const { max_budget: max, soft_budget: soft, budget_duration: duration, budget_started_at: startedAt } = row
  if (max === null && soft === null) return undefined
  return {
    ...who,
    max: max ?? undefined,
    soft: soft ?? undefined,
    duration: duration ?? undefined,
    startedAt: startedAt ?? undefined,
  }
}

/** The budget of one model for somebody. */
function ofModel(
  { kind, id, owner }: Who,
  model: string,
  terms: Partial<Budget>,
): readonly [model: string, budget: Budget] {
  return [
    model,
    { ...terms, kind: `${kind}_model`, id: JSON.stringify([id, model]), owner: `${owner} for the model "${model}"` },
  ]
}

function modelTerms(terms: ModelBudget): Pick<Budget, 'max' | 'soft' | 'duration'> {
  if (typeof terms === 'number') return termsOf({ max: terms, soft: undefined, duration: undefined })
  const { budget_limit: limit, max_budget: max = limit, time_period, budget_duration: duration = time_period } = terms
  return termsOf({ max, soft: undefined, duration })
}

interface ModelLimits {
  readonly model_max_budget?: Readonly<Record<string, ModelBudget>>
  readonly model_rpm_limit?: Readonly<Record<string, number>>
  readonly model_tpm_limit?: Readonly<Record<string, number>>
}

/** As the body of a request that was checked had them. */
function modelLimits(row: LimitsRow | undefined): ModelLimits {
  return row === undefined ? {} : (JSON.parse(row.model_limits) as ModelLimits)
}
