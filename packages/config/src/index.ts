export type {
  AgentConfig,
  BudgetConfig,
  CacheConfig,
  CacheType,
  CallbackConfig,
  Config,
  FailMode,
  FallbackTable,
  GeneralSettings,
  GuardrailConfig,
  KeyConfig,
  McpSettings,
  McpToolConfig,
  ModelAlias,
  ModelConfig,
  PluginConfig,
  RouterSettings,
  SearchToolConfig,
  Settings,
} from './config.ts'
export { configFile } from './config-file.ts'
export type { Environment } from './environment.ts'
export type { Include, IncludedFile } from './include.ts'
export { environmentProviders, type ProviderVariables } from './known-keys.ts'
export { splitModel } from './models.ts'
export { formatPath, formatProblem, type Path, type Position, type Problem, type Topic } from './problem.ts'
export { type ReadResult, type ReadSettings, readConfig } from './read-config.ts'
export { loadConfig } from './read-file.ts'
