import { isJsonObject, type JsonObject } from '@tianjillm/core'

/**
 * What LiteLLM's `object_permission` says of MCP, in the words of `metadata.mcp`. Servers and groups together are all
 * that may be used; where neither is named, it is the servers whose tools are.
 */
export function mcpOfPermission({
  mcp_servers: servers,
  mcp_access_groups: groups,
  mcp_tool_permissions: tools,
}: JsonObject): JsonObject {
  const named = [servers, groups].filter((names) => names != null).flat()
  const isNamed = servers != null || groups != null
  return {
    ...(isNamed && { servers: named }),
    ...(isJsonObject(tools) && { ...(!isNamed && { servers: Object.keys(tools) }), tool_permissions: tools }),
  }
}
