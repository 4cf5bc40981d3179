import * as v from 'valibot'
import { name, names, type Optional } from './read-body.ts'

/** What somebody may use besides models, in LiteLLM's words. What is not there is not confined. */
export interface ObjectPermission {
  /** Names or ids. Together with those of the groups these are all. */
  readonly mcp_servers?: readonly string[] | null | undefined
  readonly mcp_access_groups?: readonly string[] | null | undefined
  /** By name or id of a server: its tools. */
  readonly mcp_tool_permissions?: Readonly<Record<string, readonly string[]>> | null | undefined
  /** Kept, for there are no vector stores yet. */
  readonly vector_stores?: readonly string[] | null | undefined
}

/** What bodies say of it. Null takes it away. */
export const permissionEntries: { readonly object_permission: Optional<ObjectPermission> } = {
  object_permission: v.nullish(
    v.strictObject({
      mcp_servers: v.nullish(names),
      mcp_access_groups: v.nullish(names),
      mcp_tool_permissions: v.nullish(
        v.pipe(
          v.record(name, names, 'expected an object with a list of tools for each server'),
          v.maxEntries(1_000, 'must have at most 1000 entries'),
        ),
      ),
      vector_stores: v.nullish(names),
    }),
  ),
}

/** The column of it, where a body speaks of it. */
export function permissionColumn({
  object_permission: permission,
}: {
  readonly object_permission?: ObjectPermission | null | undefined
}): { readonly object_permission?: string | null } {
  if (permission === undefined) return {}
  return { object_permission: permission === null ? null : JSON.stringify(permission) }
}

/** As it is told. */
export function permissionFacts({ object_permission: json }: { readonly object_permission: string | null }): {
  readonly object_permission: ObjectPermission | null
} {
  // It was written from such.
  return { object_permission: json === null ? null : (JSON.parse(json) as ObjectPermission) }
}
