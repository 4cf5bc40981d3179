import type { JsonObject } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'
import type { Actor } from './actor.ts'
import { type ActivityKind, activityIn, activityTable } from './spend/activity.ts'
import { type GlobalView, globalIn } from './spend/global.ts'
import { logsIn, logTable } from './spend/logs.ts'
import { reportIn } from './spend/report.ts'
import type { SpendTable } from './spend/spend-table.ts'
import { daysIn, dayTable, type SpendKind, sumsIn, sumTable } from './spend/sums.ts'

/**
 * What was spent, as the routes tell it. Those that take an actor tell it of its own unless it may see all; the others
 * tell of everybody. All reject with GatewayError: `invalid_request` that names the field, or `permission_denied`.
 */
export interface Spend {
  /** A page of calls, the newest first; with `summarize` their sums by day. */
  logs(query: unknown, actor: Actor): Promise<JsonObject | readonly JsonObject[]>
  /** Each day with its sums, and by which models, providers and keys they came about. */
  activity(kind: ActivityKind, query: unknown, actor: Actor): Promise<JsonObject>
  /** Sums of one kind: of keys, users, teams, tags or models, those that spent most first. */
  sums(kind: SpendKind, query: unknown): Promise<JsonObject>
  /** Sums of all calls, day by day. */
  days(query: unknown): Promise<JsonObject>
  /** LiteLLM's views of all spend. */
  global(view: GlobalView, query: unknown): Promise<JsonObject | readonly JsonObject[]>
  /** What to charge teams, customers, users or keys. */
  report(query: unknown): Promise<readonly JsonObject[]>
  /** The same as tables, with all rows there are. */
  readonly tables: SpendTables
}

/** What was spent, row by row. */
export interface SpendTables {
  logs(query: unknown, actor: Actor): Promise<SpendTable>
  activity(kind: ActivityKind, query: unknown, actor: Actor): Promise<SpendTable>
  sums(kind: SpendKind, query: unknown): SpendTable
  days(query: unknown): SpendTable
}

/** The spend that a store has. */
export function spendIn({ database }: Store): Spend {
  return {
    logs: (query, actor) => logsIn(database, query, actor),
    activity: (kind, query, actor) => activityIn(database, kind, query, actor),
    sums: (kind, query) => sumsIn(database, kind, query),
    days: async (query) => ({ data: await daysIn(database, query) }),
    global: (view, query) => globalIn(database, view, query),
    report: (query) => reportIn(database, query),
    tables: {
      logs: (query, actor) => logTable(database, query, actor),
      activity: (kind, query, actor) => activityTable(database, kind, query, actor),
      sums: (kind, query) => sumTable(database, kind, query),
      days: (query) => dayTable(database, query),
    },
  }
}
