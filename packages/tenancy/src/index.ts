export { type AccountSettings, type Accounts, accountsIn, accountsInMemory } from './accounts.ts'
export { type Actor, nameOf, type Role, seesAll } from './actor.ts'
export { demandAuthority, type Ownership } from './authority.ts'
export type { Budget, BudgetState } from './budget.ts'
export type { Budgets } from './budgets.ts'
export type { Customers } from './customers.ts'
export { createDirectory, type Directory } from './directory.ts'
export { after } from './duration.ts'
export { hashOf, type KeyRow } from './key-row.ts'
export { createKeys, type Keys } from './keys.ts'
export { type BudgetBook, createLedger, type Ledger, type LedgerSettings } from './ledger.ts'
export type { LimitsRow } from './limits.ts'
export { createMcpPins, type McpPins } from './mcp-pins.ts'
export {
  createMcpServers,
  type McpServerRooms,
  type McpServers,
  type ServerDraft,
  type StoredServer,
} from './mcp-servers.ts'
export { createMcpTokens, type McpTokenRooms, type McpTokens } from './mcp-tokens.ts'
export type { Organizations } from './organizations.ts'
export { type Period, periodAt } from './period.ts'
export {
  createPrompts,
  type FoundPrompt,
  type PromptChange,
  type PromptDraft,
  type PromptRooms,
  type Prompts,
} from './prompts.ts'
export { type ModelBudget, names, readBody } from './read-body.ts'
export { type Revision, watchRevision } from './revision.ts'
export { createRing, type Ring, type RingSettings } from './ring.ts'
export type { Rooms } from './rooms.ts'
export { createSessions, type SessionRecord, type SessionRooms, type Sessions } from './sessions.ts'
export type { ActivityKind } from './spend/activity.ts'
export type { GlobalView } from './spend/global.ts'
export type { SpendTable } from './spend/spend-table.ts'
export type { SpendKind } from './spend/sums.ts'
export { type Spend, type SpendTables, spendIn } from './spend.ts'
export { createSpendWriter, type SpendWriter, type SpendWriterSettings } from './spend-writer.ts'
export {
  type Belongings,
  type BudgetRow,
  type CustomerStanding,
  hasCustomers,
  type Person,
  type Standing,
  standingOf,
  standingOfCustomer,
  standingOfKey,
  standingOfPerson,
} from './standing.ts'
export type { Teams } from './teams.ts'
export type { Users } from './users.ts'
