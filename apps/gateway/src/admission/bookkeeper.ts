import type { Caller, CallReport, Usage } from '@tianjillm/core'
import type { Bookkeeper } from '@tianjillm/engine'
import type { Limiter } from '@tianjillm/limits'
import type { Accounts, Budget, Ledger } from '@tianjillm/tenancy'
import { accountOf } from './account.ts'
import type { ConfigBudgets } from './config-budgets.ts'

/** What a bookkeeper lives on. */
export interface BookkeeperParts {
  readonly limiter: Limiter
  /** Undefined when nothing has to be put down. */
  readonly accounts: Accounts | undefined
  readonly budgets: ConfigBudgets
  /** Which tokens count for limits. */
  readonly tokenType: 'total' | 'input' | 'output'
}

type Counter = Parameters<Accounts['write']>[1][number]

/** Puts finished calls down: tokens to limits, costs to budgets and, where there is a database, all of it to whoever spent it. */
export function createBookkeeper({ limiter, accounts, budgets, tokenType }: BookkeeperParts): Bookkeeper {
  return {
    settle(report) {
      const holds = accountOf(report.caller)
      const tokens = tokensIn(report.usage, tokenType)
      // One was taken when the call was let in; of tools, which use none, several may belong to one call.
      if (holds !== undefined && report.operation !== 'tool')
        for (const limit of holds.tokens) limiter.charge(limit.name, limit, tokens - 1)
      if (accounts === undefined) return report
      const { ledger } = accounts
      const spent = [...(holds?.budgets ?? []), ...budgets.ofDeployment(report)]
      const leased = ledger.settle(spent, Math.round((report.cost ?? 0) * 1e9))
      accounts.write(report, [...leased, ...totalsOf(report.caller, leased)])
      const told = spent.flatMap((budget) => factsOf(budget, ledger))
      return told.length === 0 ? report : { ...report, budgets: told }
    },
    flush: async () => accounts?.flush(),
  }
}

function tokensIn(usage: Usage | undefined, type: BookkeeperParts['tokenType']): number {
  if (usage === undefined) return 0
  const { prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total = input + output } = usage
  const count = { total, input, output }[type]
  // Vendors' nonsense counts as nothing: a bucket that is charged with it would be of no use any more.
  return Number.isSafeInteger(count) && count > 0 ? count : 0
}

/** Counters of all time, but for those that are a budget's. */
function totalsOf(caller: Caller, leased: readonly Counter[]): readonly Counter[] {
  const { keyHash, userId, teamId, organizationId, endUserId } = caller
  const totals: Counter[] = []
  const add = (kind: string, id: string | undefined) => {
    const isThere = leased.some((other) => other.kind === kind && other.id === id && other.period === 0)
    if (id !== undefined && !isThere) totals.push({ kind, id, period: 0, endsAt: null })
  }
  add('key', keyHash)
  add('user', userId)
  add('team', teamId)
  add('member', userId !== undefined && teamId !== undefined ? JSON.stringify([teamId, userId]) : undefined)
  add('organization', organizationId)
  add('end_user', endUserId)
  return totals
}

const toldKinds: ReadonlySet<string> = new Set(['key', 'user', 'team', 'organization'])

function factsOf(budget: Budget, ledger: Ledger): NonNullable<CallReport['budgets']> {
  const { kind, id, alias, max } = budget
  const state = toldKinds.has(kind) && max !== undefined ? ledger.stateOf(budget) : undefined
  if (state === undefined || max === undefined) return []
  const { spend, endsAt } = state
  return [
    {
      ...{ kind, id, maxBudget: max / 1e9, spend: spend / 1e9 },
      ...(alias !== undefined && { alias }),
      ...(endsAt !== null && { resetsAt: endsAt }),
    },
  ]
}
