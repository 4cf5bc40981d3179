import { type Config, formatPath, type Problem } from '@tianjillm/config'
import { didYouMean, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { accessGroupsOf, filedServers, type KnownServer } from './known-servers.ts'
import { OWN_SERVER } from './own-tools.ts'
import { fileEntries } from './read-servers.ts'

/** Throws GatewayError `invalid_request` for servers and access groups that are not there. */
export function demandKnown(permission: JsonObject, servers: readonly KnownServer[]): void {
  const wrong = unknownIn(permission, servers)
  if (wrong === undefined) return
  const param = `object_permission.${wrong.field}`
  throw new GatewayError('invalid_request', `\`${param}\`: ${wrong.says}`, { param })
}

/** What is wrong with the `object_permission` of keys of the file; `hasMore`: there may be servers besides those of the file. */
export function problemsOfKeys({ keys, sections, positionOf }: Config, hasMore: boolean): readonly Problem[] {
  const servers = filedServers(fileEntries(sections))
  return keys.flatMap(({ objectPermission: permission = {} }, index) => {
    const unknown = Object.keys(permission).find((field) => !fields.includes(field))
    const wrong =
      unknown === undefined
        ? hasMore
          ? undefined
          : unknownIn(permission, servers)
        : { field: unknown, says: `unknown key, without effect.${didYouMean(unknown, fields)}` }
    if (wrong === undefined) return []
    const path = ['keys', index, 'object_permission', wrong.field]
    return [{ severity: 'warning', ...positionOf(path), path: formatPath(path), message: wrong.says }]
  })
}

const fields = ['mcp_servers', 'mcp_access_groups', 'mcp_tool_permissions', 'vector_stores']

/** What of an `object_permission` names nothing that is there. */
export function unknownIn(
  { mcp_servers: named, mcp_access_groups: groups, mcp_tool_permissions: tools }: JsonObject,
  servers: readonly KnownServer[],
): { readonly field: string; readonly says: string } | undefined {
  const names = [OWN_SERVER, ...servers.flatMap(({ id, name, entry: { alias } }) => [id, name, String(alias ?? name)])]
  const asked: readonly (readonly [field: string, what: string, names: unknown, known: readonly string[]])[] = [
    ['mcp_servers', 'MCP server', named, names],
    ['mcp_access_groups', 'access group of MCP servers', groups, accessGroupsOf(servers)],
    ['mcp_tool_permissions', 'MCP server', isJsonObject(tools) ? Object.keys(tools) : [], names],
  ]
  for (const [field, what, list, known] of asked) {
    const missing = (Array.isArray(list) ? list : [list]).find(
      (name): name is string => typeof name === 'string' && !known.includes(name),
    )
    if (missing !== undefined)
      return { field, says: `there is no ${what} "${missing.slice(0, 100)}".${didYouMean(missing, known)}` }
  }
  return undefined
}
