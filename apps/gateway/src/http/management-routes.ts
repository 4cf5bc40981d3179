import { cacheRoutes } from './cache.ts'
import { configReloadRoutes } from './config-reload.ts'
import { inspectionRoutes } from './inspection.ts'
import { keyRoutes } from './keys.ts'
import type { ManagementRoute } from './management.ts'
import { mcpServerRoutes } from './mcp-servers.ts'
import { peopleRoutes } from './people.ts'
import { promptRoutes } from './prompts.ts'
import { spendRoutes } from './spend.ts'

/** All routes by which the gateway is looked at or changed. */
export const managementRoutes: readonly ManagementRoute[] = [
  ...keyRoutes,
  ...peopleRoutes,
  ...promptRoutes,
  ...mcpServerRoutes,
  ...spendRoutes,
  ...cacheRoutes,
  ...configReloadRoutes,
  ...inspectionRoutes,
]
