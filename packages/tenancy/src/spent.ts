import { type Limits, type Nano, type Store, sql } from '@tianjillm/store'
import type { RawBuilder, Selectable } from 'kysely'
import { type Period, periodAt } from './period.ts'
import { budgetsOf } from './standing.ts'

type Terms = Pick<Selectable<Limits>, 'max_budget' | 'soft_budget' | 'budget_duration' | 'budget_started_at'>

/** What is needed of a row to know its period. */
export type Periodic = Terms & { readonly budget_id?: string | null }

/** What each has spent within the period of its budget; without one since the beginning. By id; absent: nothing. */
export async function spentBy<Row extends Periodic>(
  store: Pick<Store, 'database'>,
  kind: string,
  rows: readonly Row[],
  idOf: (row: Row) => string,
  now: number,
): Promise<ReadonlyMap<string, Nano>> {
  if (rows.length === 0) return new Map()
  const counters = await store.database
    .selectFrom('tianji_budget_counters')
    .select(['id', 'period', 'spend'])
    .where('kind', '=', kind)
    .where('id', 'in', rows.map(idOf))
    .execute()
  const found = await periodsOf(store, rows, now)
  const periods = new Map(rows.map((row, index) => [idOf(row), found[index]!.start]))
  return new Map(counters.flatMap(({ id, period, spend }) => (periods.get(id) === period ? [[id, spend]] : [])))
}

/** Puts what was spent within the present period to an amount. */
export async function setSpent(
  store: Pick<Store, 'database'>,
  kind: string,
  id: string,
  row: Periodic,
  spend: Nano,
  now: number,
): Promise<void> {
  const [held] = await periodsOf(store, [row], now)
  const { start: period, end: ends_at } = held!
  await store.database
    .insertInto('tianji_budget_counters')
    .values({ kind, id, period, spend, ends_at })
    .onConflict((conflict) => conflict.columns(['kind', 'id', 'period']).doUpdateSet({ spend }))
    .execute()
}

/** Forgets what somebody has spent, in all and by model, when they are no more. The logs stay. */
export async function forgetSpent({ database }: Pick<Store, 'database'>, kind: string, id: string): Promise<void> {
  await database.deleteFrom('tianji_budget_counters').where(isOf(kind, id)).execute()
}

/** Gives what somebody has spent, in all and by model, another id, which has nothing in it that JSON would escape. */
export async function moveSpent(store: Pick<Store, 'database'>, kind: string, from: string, to: string): Promise<void> {
  if (from === to) return
  await forgetSpent(store, kind, to)
  await store.database
    .updateTable('tianji_budget_counters')
    .set({ id: sql<string>`replace(id, ${from}, ${to})` })
    .where(isOf(kind, from))
    .execute()
}

/** Counters of somebody; those of models have ids such as `["ada","gpt-4o"]`. */
function isOf(kind: string, id: string): RawBuilder<boolean> {
  const start = `${JSON.stringify([id]).slice(0, -1)},`
  const ofModel = sql`kind = ${`${kind}_model`} and substr(id, 1, ${[...start].length}) = ${start}`
  return sql<boolean>`((kind = ${kind} and id = ${id}) or (${ofModel}))`
}

/** Money of a row's own comes before that of the budget it refers to; without either there is one period for good. */
async function periodsOf(
  store: Pick<Store, 'database'>,
  rows: readonly Periodic[],
  now: number,
): Promise<readonly Period[]> {
  const budgets = await budgetsOf(store, [...new Set(rows.flatMap(({ budget_id }) => budget_id ?? []))])
  return rows.map((row) => {
    const candidates: readonly (Terms | undefined)[] = [row, budgets.get(row.budget_id ?? '')]
    const terms = candidates.find((one) => one !== undefined && (one.max_budget !== null || one.soft_budget !== null))
    return periodAt(now, terms?.budget_duration, terms?.budget_started_at ?? null)
  })
}
