import type { ErrorKind, GatewayError } from '@tianjillm/core'
import type { RoutingRequest } from './request.ts'
import type { FallbackRules, FallbackTable, Rules } from './rules.ts'
import { lookUp, type NamedGroup } from './wildcard.ts'

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
  group: NamedGroup,
  error: GatewayError,
  request: RoutingRequest,
  { fallbacks, aliases }: Rules,
): readonly NamedGroup[] {
  if (request.disablesFallbacks || final.has(error.kind)) return []
  const special = tableFor(error.kind, fallbacks)
  const names =
    request.fallbacks ?? (special && lookUp(special, group)) ?? lookUp(fallbacks.general, group) ?? fallbacks.others
  return names.map((name) => named(name, aliases))
}

/** The names of all groups a request may end up with, the one it asks for among them. */
export function reachableBy(request: RoutingRequest, { fallbacks, aliases }: Rules): readonly string[] {
  const found = new Set([request.model])
  if (request.disablesFallbacks) return [...found]
  const tables = [fallbacks.general, fallbacks.contextWindow, fallbacks.contentPolicy]
  const next = (group: NamedGroup) => [
    ...(request.fallbacks ?? []),
    ...tables.flatMap((table) => lookUp(table, group) ?? []),
    ...fallbacks.others,
  ]
  // Grows while it is walked.
  for (const name of found) for (const further of next(named(name, aliases))) found.add(further)
  return [...found]
}

/** A group by any name of it. */
function named(name: string, aliases: ReadonlyMap<string, string>): NamedGroup {
  return { name, group: aliases.get(name) ?? name }
}

function tableFor(kind: ErrorKind, { contextWindow, contentPolicy }: FallbackRules): FallbackTable | undefined {
  if (kind === 'context_length_exceeded') return contextWindow
  if (kind === 'content_policy_violation') return contentPolicy
  return undefined
}
