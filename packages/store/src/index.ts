export { sql } from 'kysely'
export {
  addToCounters,
  type Counter,
  type Lease,
  type LeaseRequest,
  leaseBudgets,
  leaseLife,
  returnLeases,
  sweepBudgets,
} from './budgets.ts'
export { timeIn } from './clock.ts'
export { type Flag, type Json, type Nano, type Time, toDollars, toNano } from './columns.ts'
export { type Dialect, type Migration, migrate } from './migrate.ts'
export { openStore, type Store, type StoreSettings } from './open.ts'
export { createSeal, type Seal } from './sealed.ts'
export { CALLS_AT_ONCE, type SpendEntry, type SpendLog, type SpendSettings, writeSpend } from './spend.ts'
export type * from './tables.ts'
