import type { Flag, Json, Nano, Time } from './columns.ts'

/** What anybody may be held to. Money over `budget_duration`, the rest each minute. Null: no limit. */
export interface Limits {
  max_budget: Nano | null
  soft_budget: Nano | null
  /** `30s`, `30m`, `30h`, `30d`, `1mo`. Null: for good. */
  budget_duration: string | null
  /** When the first of its periods began, each as long as `budget_duration`. Null: there are none. */
  budget_started_at: Time | null
  rpm_limit: number | null
  tpm_limit: number | null
  max_parallel_requests: number | null
  /** Limits by model: `{"model_max_budget": {"gpt-4o": …}, "model_rpm_limit": {"gpt-4o": …}, "model_tpm_limit": …}`. */
  model_limits: Json
}

/** Who made a row, and when. */
interface Made {
  created_at: Time
  updated_at: Time
  created_by: string | null
}

/** Somebody to whom spend is put down, in `tianji_budget_counters`. */
interface Spender extends Limits, Made {
  /** Names, each perhaps with a `*`; an empty list: all. */
  models: Json
  metadata: Json
  blocked: Flag
}

/** Somebody who may be confined in what else it uses than models. */
interface Confined {
  /** MCP servers and their tools, as an object; null: all. */
  object_permission: Json | null
}

/** A gateway key, by its hash; the key itself is nowhere. */
export interface KeyTable extends Spender, Confined {
  /** SHA-256, in hex. */
  key_hash: string
  /** Stays the same when the key is given a new secret. */
  key_id: string
  /** `sk-…` and its last four letters, to be recognised by its owner. */
  key_name: string
  key_alias: string | null
  user_id: string | null
  team_id: string | null
  organization_id: string | null
  budget_id: string | null
  allowed_routes: Json
  tags: Json
  expires_at: Time | null
  last_used_at: Time | null
}

/** A person, or a program that acts as one. */
export interface UserTable extends Spender, Confined {
  user_id: string
  user_email: string | null
  user_alias: string | null
  /** `proxy_admin`, `proxy_admin_viewer`, `internal_user`, `internal_user_viewer`. */
  user_role: string
  budget_id: string | null
}

/** People who share keys and budgets. */
export interface TeamTable extends Spender, Confined {
  team_id: string
  team_alias: string | null
  organization_id: string | null
  tags: Json
}

/** Who belongs to a team, and what is limited for them there. */
export interface TeamMemberTable extends Limits {
  team_id: string
  user_id: string
  /** `admin`, `user`. */
  role: string
  budget_id: string | null
  created_at: Time
}

/** Teams that belong together. */
export interface OrganizationTable extends Spender, Confined {
  organization_id: string
  organization_alias: string | null
  budget_id: string | null
}

/** Limits with a name, to be given to several. */
export interface BudgetTable extends Limits, Made {
  budget_id: string
}

/** The customers of a client: the `user` of its requests. */
export interface EndUserTable extends Spender {
  end_user_id: string
  alias: string | null
  budget_id: string | null
}

/** A finished call. */
export interface SpendLogTable {
  request_id: string
  trace_id: string
  call_type: string
  status: string
  start_time: Time
  end_time: Time
  first_token_time: Time | null
  key_hash: string | null
  user_id: string | null
  team_id: string | null
  organization_id: string | null
  end_user_id: string | null
  model: string
  model_group: string
  provider: string | null
  deployment_id: string | null
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  cached_tokens: number
  /** Null: the price is not known. */
  spend: Nano | null
  cache_hit: Flag
  tags: Json
  metadata: Json
  http_status: number
  error: string | null
}

/** Sums of finished calls. */
export interface SpendSums {
  requests: number
  failures: number
  /** Calls whose price is not known; they are in no sum of money. */
  unpriced: number
  prompt_tokens: number
  completion_tokens: number
  spend: Nano
}

/** On whom or what was spent. */
interface Account {
  /** `all`, `key`, `user`, `team`, `organization`, `end_user`, `tag`. */
  kind: string
  /** Empty for `all`. */
  id: string
}

/** Sums of each day, account, model and provider. */
export interface DailySpendTable extends Account, SpendSums {
  /** `2026-11-21`, in UTC. */
  day: string
  /** `unknown` for what failed before any provider was asked. */
  model_group: string
  provider: string
}

/** The same whatever the model: few enough to look for those that spent most among thousands. */
export interface DailyTotalTable extends Account, SpendSums {
  day: string
}

/** The same by weeks and of keys alone: few enough to tell of all of them with what models they spent. */
export interface WeeklySpendTable extends Account, SpendSums {
  /** Its Monday. */
  week: string
  model_group: string
}

/** What was spent by somebody, or on something, within one period; `period` 0 is all time. */
export interface BudgetCounterTable {
  /** `key`, `user`, `team`, `member`, `organization`, `end_user`, `model` of one of those, `tag`, `provider`… */
  kind: string
  id: string
  /** When the period began. */
  period: Time
  spend: Nano
  /** When the period ends, so that its row can go. */
  ends_at: Time | null
}

/** What of a budget a gateway may spend without asking again. */
export interface BudgetLeaseTable {
  kind: string
  id: string
  period: Time
  /** Of one running gateway process. */
  holder: string
  amount: Nano
  /** By the database's clock. */
  expires_at: Time
}

/** One row: a number that grows whenever somebody changes keys, people or budgets. */
export interface RevisionTable {
  revision: number
}

/** A version of a stored prompt; each change makes a new one. */
export interface PromptTable {
  prompt_id: string
  version: number
  /** Messages or a template, model and parameters. */
  content: Json
  metadata: Json
  created_at: Time
  created_by: string | null
}

/** Names of versions: `production`. */
export interface PromptLabelTable {
  prompt_id: string
  label: string
  version: number
}

/** An MCP server that was added while the gateway ran. */
export interface McpServerTable extends Made {
  server_id: string
  /** Unique. */
  server_name: string
  /** What `mcp_servers` of a file would say of it, as sealed JSON: there are secrets in it. */
  entry: string
  /** Whether everybody may know of it. */
  is_public: Flag
}

/** What somebody let the gateway do in their name at an MCP server, or what the gateway is called there. */
export interface McpTokenTable {
  /** Its name and a hash of its address. */
  server: string
  /** `user:…`, `key:…`, `client:…`. */
  owner: string
  /** Sealed JSON. */
  content: string
  updated_at: Time
  /** Who renews it, and until when nobody else may; null: nobody does. */
  holder: string | null
  held_until: Time | null
}

/** What a tool of an MCP server was when it was first seen, or accepted. */
export interface McpPinTable {
  /** Its name and a hash of where it is. */
  server: string
  /** Its name, or a hash of it. */
  tool: string
  /** Hashes of what models go by. */
  mark: string
  /** Grows when another mark is accepted. */
  version: number
  updated_at: Time
}

/** A conversation with the agent. */
export interface SessionTable {
  session_id: string
  /** `user:…`, `key:…`, `anybody`. */
  owner: string
  created_at: Time
  updated_at: Time
  messages: Json
  context: Json
  provider_preference: string | null
  /** Of the messages, that are kept. */
  max_messages: number
  /** How often it was saved. */
  version: number
}

/** All there is. The names leave room for the tables of others in the same database. */
export interface Tables {
  tianji_keys: KeyTable
  tianji_users: UserTable
  tianji_teams: TeamTable
  tianji_team_members: TeamMemberTable
  tianji_organizations: OrganizationTable
  tianji_budgets: BudgetTable
  tianji_end_users: EndUserTable
  tianji_spend_logs: SpendLogTable
  tianji_daily_spend: DailySpendTable
  tianji_daily_totals: DailyTotalTable
  tianji_weekly_spend: WeeklySpendTable
  tianji_budget_counters: BudgetCounterTable
  tianji_budget_leases: BudgetLeaseTable
  tianji_revision: RevisionTable
  tianji_prompts: PromptTable
  tianji_prompt_labels: PromptLabelTable
  tianji_mcp_servers: McpServerTable
  tianji_mcp_tokens: McpTokenTable
  tianji_mcp_pins: McpPinTable
  tianji_sessions: SessionTable
}
