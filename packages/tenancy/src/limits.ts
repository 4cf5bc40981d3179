import type { JsonObject } from '@tianjillm/core'
import { type Limits, toDollars, toNano } from '@tianjillm/store'
import type { Insertable, Selectable } from 'kysely'
import type * as v from 'valibot'
import { after } from './duration.ts'
import { periodAt } from './period.ts'
import type { limitEntries } from './read-body.ts'

/** Limits as the store has them. */
export type LimitsRow = Selectable<Limits>

/** Limits as they are asked for. */
export type LimitBody = { readonly [Name in keyof typeof limitEntries]: v.InferOutput<(typeof limitEntries)[Name]> }

const plain = ['rpm_limit', 'tpm_limit', 'max_parallel_requests'] as const
const money = ['max_budget', 'soft_budget'] as const
const ofModels = ['model_max_budget', 'model_rpm_limit', 'model_tpm_limit'] as const

/** Columns of what a body says; nothing of what it does not speak of. `known` are the limits of models so far. */
export function limitColumns(body: Partial<LimitBody>, now: number, known = '{}'): Partial<Insertable<Limits>> {
  const columns: Partial<Insertable<Limits>> = {}
  for (const name of plain) if (body[name] !== undefined) columns[name] = body[name]
  for (const name of money) if (body[name] !== undefined) columns[name] = toNano(body[name])
  const { budget_duration: duration } = body
  if (duration !== undefined) {
    if (duration !== null) after(now, duration, 'budget_duration')
    columns.budget_duration = duration
    columns.budget_started_at = duration === null ? null : now
  }
  for (const [model, terms] of Object.entries(body.model_max_budget ?? {})) {
    const { time_period, budget_duration: period = time_period } = typeof terms === 'number' ? {} : terms
    if (period !== undefined) after(now, period, `model_max_budget.${model}`)
  }
  if (ofModels.some((name) => body[name] !== undefined)) {
    // Written by this very function.
    const limits = { ...(JSON.parse(known) as JsonObject) }
    for (const name of ofModels) if (body[name] !== undefined) limits[name] = body[name]
    columns.model_limits = JSON.stringify(limits)
  }
  return columns
}

/** Nobody is held to anything. */
export const noLimits: Insertable<Limits> = {
  ...{ max_budget: null, soft_budget: null, budget_duration: null, budget_started_at: null },
  ...{ rpm_limit: null, tpm_limit: null, max_parallel_requests: null, model_limits: '{}' },
}

/** Limits as they are told at a time. */
export function limitFacts(row: Selectable<Limits>, now: number): JsonObject {
  // Written by `limitColumns`.
  const limits = JSON.parse(row.model_limits) as JsonObject
  return {
    max_budget: toDollars(row.max_budget),
    soft_budget: toDollars(row.soft_budget),
    budget_duration: row.budget_duration,
    budget_reset_at: timeText(periodAt(now, row.budget_duration, row.budget_started_at).end),
    rpm_limit: row.rpm_limit,
    tpm_limit: row.tpm_limit,
    max_parallel_requests: row.max_parallel_requests,
    model_max_budget: limits.model_max_budget ?? {},
    model_rpm_limit: limits.model_rpm_limit ?? {},
    model_tpm_limit: limits.model_tpm_limit ?? {},
  }
}

/** ISO 8601, as JSON has times. */
export function timeText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
