import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { limitColumns } from '../src/limits.ts'
import { limitEntries, readBody } from '../src/read-body.ts'

const body = v.strictObject(limitEntries)
const columnsOf = (budget: unknown) => limitColumns(readBody(body, { model_max_budget: { fast: budget } }), 0)

describe('a budget of one model', () => {
  it.each([5, { budget_limit: 5 }, { budget_limit: 5, time_period: '1d' }, { max_budget: 5, budget_duration: '1mo' }])(
    'may be %j',
    (budget) => {
      expect(columnsOf(budget).model_limits).toBe(JSON.stringify({ model_max_budget: { fast: budget } }))
    },
  )

  it.each([
    [-1, 'model_max_budget.fast'],
    [{}, 'model_max_budget.fast'],
    [{ time_period: '1d' }, 'model_max_budget.fast'],
    [{ budget_limit: 5, time_perod: '1d' }, 'model_max_budget.fast'],
    [{ budget_limit: 5, time_period: 'monthly' }, 'model_max_budget.fast'],
    [{ budget_limit: 5, budget_duration: '200000d' }, 'model_max_budget.fast'],
    [{ budget_limit: 5, rpm_limit: 1 }, 'model_max_budget.fast'],
  ])('is refused as %j, for nobody would keep it', (budget, param) => {
    expect(() => columnsOf(budget)).toThrow(expect.objectContaining({ kind: 'invalid_request', facts: { param } }))
  })
})
