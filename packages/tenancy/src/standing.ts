import type {
  BudgetTable,
  EndUserTable,
  KeyTable,
  OrganizationTable,
  Store,
  TeamMemberTable,
  TeamTable,
  UserTable,
} from '@tianjillm/store'
import type { Selectable } from 'kysely'
import { noLimits } from './limits.ts'

/** Limits with a name, as the store has them. */
export type BudgetRow = Selectable<BudgetTable>

/** A key, and all that its calls are put down to. */
export interface Standing {
  /** Undefined for somebody who calls without one of our keys. */
  readonly key: Selectable<KeyTable> | undefined
  readonly user: Selectable<UserTable> | undefined
  readonly team: Selectable<TeamTable> | undefined
  readonly member: Selectable<TeamMemberTable> | undefined
  readonly organization: Selectable<OrganizationTable> | undefined
  /** The budgets with a name that any of them refers to. */
  readonly budgets: ReadonlyMap<string, BudgetRow>
}

/** A client's own customer, and the budget with a name that it refers to. */
export interface CustomerStanding {
  readonly customer: Selectable<EndUserTable>
  readonly budget: BudgetRow | undefined
}

/** Who is behind somebody: what is absent is unknown. */
export interface Belongings {
  readonly userId?: string | null | undefined
  readonly teamId?: string | null | undefined
  readonly organizationId?: string | null | undefined
}

/** The standing of the key with that hash; undefined when there is none. */
export async function standingOfKey(store: Store, keyHash: string): Promise<Standing | undefined> {
  const key = await one(store, 'tianji_keys', 'key_hash', keyHash)
  if (key === undefined) return undefined
  return standingOf(store, { userId: key.user_id, teamId: key.team_id, organizationId: key.organization_id }, key)
}

/** The standing of somebody with or without a key. Nobody is made up who is not there. */
export async function standingOf(
  store: Store,
  { userId, teamId, organizationId }: Belongings,
  key?: Selectable<KeyTable>,
): Promise<Standing> {
  const [user, team, member] = await Promise.all([
    one(store, 'tianji_users', 'user_id', userId),
    one(store, 'tianji_teams', 'team_id', teamId),
    userId == null || teamId == null
      ? undefined
      : store.database
          .selectFrom('tianji_team_members')
          .selectAll()
          .where('team_id', '=', teamId)
          .where('user_id', '=', userId)
          .executeTakeFirst(),
  ])
  const organization = await one(
    store,
    'tianji_organizations',
    'organization_id',
    organizationId ?? team?.organization_id,
  )
  const named = [key, user, member, organization].flatMap((row) => row?.budget_id ?? [])
  return { key, user, team, member, organization, budgets: await budgetsOf(store, named) }
}

/** Somebody who comes without one of our keys. */
export interface Person extends Belongings {
  readonly email?: string | null | undefined
  /** Whether the user is made when it is not there, and the team. */
  readonly isUserMade?: boolean
  readonly isTeamMade?: boolean
}

/** The standing of somebody without a key. `now` is when those are made that have to be, in ms since the epoch. */
export async function standingOfPerson(store: Store, person: Person, now: number): Promise<Standing> {
  const { userId, teamId, email, isUserMade, isTeamMade } = person
  const found = await standingOf(store, person)
  const lacksUser = isUserMade === true && userId != null && found.user === undefined
  const lacksTeam = isTeamMade === true && teamId != null && found.team === undefined
  if (!lacksUser && !lacksTeam) return found
  const made = { ...noLimits, models: '[]', metadata: '{}', created_at: now, updated_at: now, created_by: 'token' }
  if (lacksUser)
    // An address that is another's already is left out.
    for (const user_email of [email?.toLowerCase() ?? null, null])
      await store.database
        .insertInto('tianji_users')
        .values({ ...made, user_id: userId, user_email, user_role: 'internal_user_viewer', ...unnamed })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
  if (lacksTeam)
    await store.database
      .insertInto('tianji_teams')
      .values({ ...made, team_id: teamId, team_alias: null, organization_id: null, tags: '[]' })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  return standingOf(store, person)
}

const unnamed = { user_alias: null, budget_id: null }

/** The standing of a customer; undefined when there is none of that id. */
export async function standingOfCustomer(store: Store, id: string): Promise<CustomerStanding | undefined> {
  const customer = await one(store, 'tianji_end_users', 'end_user_id', id)
  if (customer === undefined) return undefined
  const budgets = await budgetsOf(store, customer.budget_id === null ? [] : [customer.budget_id])
  return { customer, budget: customer.budget_id === null ? undefined : budgets.get(customer.budget_id) }
}

/** Whether there is any customer at all, for most gateways have none. */
export async function hasCustomers({ database }: Store): Promise<{ readonly isAny: boolean }> {
  const row = await database.selectFrom('tianji_end_users').select('end_user_id').limit(1).executeTakeFirst()
  return { isAny: row !== undefined }
}

/** Budgets by their ids; those that are not there are left out. */
export async function budgetsOf(
  { database }: Pick<Store, 'database'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BudgetRow>> {
  if (ids.length === 0) return new Map()
  const rows = await database.selectFrom('tianji_budgets').selectAll().where('budget_id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.budget_id, row]))
}

/** Tables whose rows have an id of one column. */
interface Rows {
  readonly tianji_keys: Selectable<KeyTable>
  readonly tianji_users: Selectable<UserTable>
  readonly tianji_teams: Selectable<TeamTable>
  readonly tianji_organizations: Selectable<OrganizationTable>
  readonly tianji_end_users: Selectable<EndUserTable>
}

async function one<Table extends keyof Rows>(
  { database }: Store,
  table: Table,
  column: string,
  id: string | null | undefined,
): Promise<Rows[Table] | undefined> {
  if (id === null || id === undefined) return undefined
  // Which column is of which table is for the callers above to know.
  const found = database.selectFrom(table as 'tianji_keys').selectAll()
  const row = await found.where(column as 'key_hash', '=', id).executeTakeFirst()
  return row as Rows[Table] | undefined
}
