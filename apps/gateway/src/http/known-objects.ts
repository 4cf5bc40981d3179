import { isJsonObject } from '@tianjillm/core'
import { demandKnown } from '../mcp/known-names.ts'
import { knownServers } from '../mcp/known-servers.ts'
import type { ManagementRequest } from './management.ts'

/**
 * Throws GatewayError `invalid_request` when an admin confines somebody to MCP servers that are not there. Others are not
 * told: what they name and is not there lets in nothing, and they must not find out what is.
 */
export async function demandKnownObjects({ gateway, identity, body }: ManagementRequest): Promise<void> {
  const permission = isJsonObject(body) ? body.object_permission : undefined
  if (!identity.isAdmin || !isJsonObject(permission)) return
  demandKnown(permission, await knownServers(gateway))
}
