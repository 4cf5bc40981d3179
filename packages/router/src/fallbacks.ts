import type { ErrorKind, GatewayError } from '@tianjillm/core'
import type { RoutingRequest } from './request.ts'
import type { FallbackRules, FallbackTable, Rules } from './rules.ts'

/** Errors that no other model would mend, or must not. */
const final: ReadonlySet<ErrorKind> = new Set([
  'client_closed',
  'guardrail_blocked',
  'guardrail_unavailable',
  'shutting_down',
  'permission_denied',
])

/** The groups that stand in for one that failed, in the order to be tried. */
export function fallbacksFor(
  group: string,
  error: GatewayError,
  request: RoutingRequest,
  { fallbacks, aliases }: Rules,
): readonly string[] {
  if (request.disablesFallbacks || final.has(error.kind)) return []
  const special = tableFor(error.kind, fallbacks)
  const names =
    request.fallbacks ?? (special && standIns(special, group)) ?? standIns(fallbacks.general, group) ?? fallbacks.others
  return names.map((name) => aliases.get(name) ?? name)
}

/** All groups a request may end up with, its own not among them. */
export function reachableFrom(
  group: string,
  request: RoutingRequest,
  { fallbacks, aliases }: Rules,
): readonly string[] {
  if (request.disablesFallbacks) return []
  const tables = [fallbacks.general, fallbacks.contextWindow, fallbacks.contentPolicy]
  const next = (name: string) =>
    [...(request.fallbacks ?? []), ...tables.flatMap((table) => standIns(table, name) ?? []), ...fallbacks.others].map(
      (other) => aliases.get(other) ?? other,
    )
  const found = new Set(next(group))
  // Grows while it is walked.
  for (const name of found) for (const further of next(name)) found.add(further)
  found.delete(group)
  return [...found]
}

/** What a table has for a group, or for any. */
function standIns(table: FallbackTable, group: string): readonly string[] | undefined {
  return table.get(group) ?? table.get('*')
}

function tableFor(kind: ErrorKind, { contextWindow, contentPolicy }: FallbackRules): FallbackTable | undefined {
  if (kind === 'context_length_exceeded') return contextWindow
  if (kind === 'content_policy_violation') return contentPolicy
  return undefined
}
