import type { JsonObject } from '@tianjillm/core'
import { textAt, textsAt, wordsAt } from './claims.ts'
import { claimRefusal, denial } from './refusal.ts'
import type { ClaimFields, TokenRules } from './settings.ts'
import type { TokenFacts, TokenRole } from './token-facts.ts'

/**
 * What verified claims mean. Throws GatewayError `invalid_api_key` when one that is needed is not there or is no text,
 * and `permission_denied` when the token is good and its sender is not let in.
 */
export function factsOf(claims: JsonObject, fields: ClaimFields, rules: TokenRules): Omit<TokenFacts, 'id'> {
  const scopes = [...wordsAt(claims, 'scope'), ...wordsAt(claims, 'scp')]
  const role = rules.adminScopes.some((scope) => scopes.includes(scope)) ? 'proxy_admin' : roleOf(claims, fields, rules)
  const object = textAt(claims, fields.object)
  const teams = [...textsAt(claims, fields.team), ...textsAt(claims, fields.teams)]
  const named = role === 'team' && object !== undefined ? [object, ...teams] : teams
  const facts = {
    role,
    userId: textAt(claims, fields.user) ?? (role === 'team' ? undefined : object),
    email: textAt(claims, fields.email),
    teamIds: named.length === 0 && rules.defaultTeam !== undefined ? [rules.defaultTeam] : [...new Set(named)],
    organizationId: textAt(claims, fields.organization),
    endUserId: textAt(claims, fields.endUser),
    createsUser: rules.createsUser,
    createsTeams: rules.createsTeams,
    // A token without this is not verified.
    expires: Number(claims.exp) * 1000,
  }
  if (role === 'proxy_admin')
    return { ...facts, models: undefined, routes: confined(undefined, rules.adminRoutes, 'route') }
  if (fields.team !== undefined && facts.teamIds.length === 0) throw claimRefusal(fields.team, true)
  demandEmailDomain(facts.email, claims, fields, rules)
  const kind = role ?? kindOf(facts)
  demandRole(role, kind, rules)
  return { ...facts, ...permissionOf(scopes, kind, rules) }
}

/** The role that a mapping gives, the first that fits; else that of users, for those with an allowed role. */
function roleOf(claims: JsonObject, fields: ClaimFields, rules: TokenRules): TokenRole | undefined {
  const roles = wordsAt(claims, fields.roles)
  const mapping = rules.roleMappings.find(({ role }) => roles.includes(role))
  if (mapping !== undefined) return mapping.internal_role
  const isAllowed = wordsAt(claims, fields.userRoles).some((role) => rules.allowedRoles.includes(role))
  return isAllowed ? 'internal_user' : undefined
}

/** What somebody without a role is taken for, where all that matters is whether it is anybody. */
function kindOf({ teamIds, userId }: Pick<TokenFacts, 'teamIds' | 'userId'>): TokenRole | undefined {
  if (teamIds.length > 0) return 'team'
  return userId === undefined ? undefined : 'internal_user'
}

function demandRole(role: TokenRole | undefined, kind: TokenRole | undefined, rules: TokenRules): void {
  const hasRules = rules.roleMappings.length > 0 || rules.allowedRoles.length > 0
  if (!rules.demandsRole || (hasRules ? role : kind) !== undefined) return
  throw denial('token_role_not_allowed', 'The token is good, and gives none of the roles that this gateway lets in.')
}

function demandEmailDomain(
  email: string | undefined,
  claims: JsonObject,
  { email: field = 'email' }: ClaimFields,
  { allowedEmailDomain }: TokenRules,
): void {
  if (allowedEmailDomain === undefined) return
  if (email === undefined) throw claimRefusal(field, true)
  const isVerified = claims.email_verified !== false && claims.email_verified !== 'false'
  if (isVerified && email.toLowerCase().endsWith(`@${allowedEmailDomain}`)) return
  const message = 'The token is good, and its e-mail address is not one of those that this gateway lets in.'
  throw denial('token_email_not_allowed', message)
}

/** What scopes and the role of a token confine it to, both at once. */
function permissionOf(
  scopes: readonly string[],
  kind: TokenRole | undefined,
  { scopeMappings, rolePermissions, teamRoutes }: TokenRules,
): Pick<TokenFacts, 'models' | 'routes'> {
  const mappings = scopeMappings?.filter(({ scope }) => scopes.includes(scope))
  const byRole = rolePermissions.find(({ role }) => role === kind)
  const routes = mappings?.flatMap((mapping) => mapping.routes ?? []) ?? []
  return {
    models: confined(
      mappings?.flatMap((mapping) => mapping.models ?? []),
      byRole?.models ?? undefined,
      'model',
    ),
    routes: confined(
      routes.length === 0 ? undefined : routes,
      byRole?.routes ?? (kind === 'team' ? teamRoutes : undefined),
      'route',
    ),
  }
}

/** Throws GatewayError `permission_denied` when nothing is left, for elsewhere an empty list stands for all. */
function confined(
  byScope: readonly string[] | undefined,
  byRole: readonly string[] | undefined,
  what: string,
): readonly string[] | undefined {
  const both = byScope && byRole ? inBoth(byScope, byRole) : (byScope ?? byRole)
  if (both === undefined || both.length > 0) return both
  const [code, whose] =
    byScope?.length === 0
      ? ['token_scope_not_allowed', 'none of its scopes lets']
      : ['token_role_not_allowed', 'its role does not let']
  throw denial(code, `The token is good, and ${whose} it use a ${what}.`)
}

/** What both lists allow. Of two patterns that cover each other in part, neither is. */
function inBoth(some: readonly string[], others: readonly string[]): readonly string[] {
  const within = (list: readonly string[]) => (name: string) => list.some((pattern) => covers(pattern, name))
  return [...new Set([...some.filter(within(others)), ...others.filter(within(some))])]
}

/** Whether all that one pattern stands for is covered by another; `*` stands for anything, once in each. */
function covers(pattern: string, name: string): boolean {
  const [head = '', tail] = pattern.split('*')
  if (tail === undefined) return pattern === name
  return name.length >= head.length + tail.length && name.startsWith(head) && name.endsWith(tail)
}
