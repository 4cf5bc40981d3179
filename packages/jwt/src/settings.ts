import { GatewayError, type Host, isSafeUrl, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import type { TokenRole } from './token-facts.ts'

/** `litellm_jwtauth`, read: whom to trust, and what their claims mean. */
export interface TokenRules {
  readonly providers: readonly ProviderRules[]
  /** Milliseconds. */
  readonly keyTtl: number
  readonly adminScopes: readonly string[]
  readonly allowedEmailDomain: string | undefined
  readonly defaultTeam: string | undefined
  readonly createsUser: boolean
  readonly createsTeams: boolean
  readonly allowedRoles: readonly string[]
  readonly roleMappings: readonly RoleMapping[]
  readonly rolePermissions: readonly RolePermission[]
  readonly demandsRole: boolean
  /** Undefined: all. */
  readonly adminRoutes: readonly string[] | undefined
  /** Undefined: all. */
  readonly teamRoutes: readonly string[] | undefined
  /** Undefined when scopes do not confine anybody. */
  readonly scopeMappings: readonly ScopeMapping[] | undefined
}

/** One identity provider, or several whose tokens are taken alike. */
export interface ProviderRules {
  /** Of key sets or discovery documents. */
  readonly urls: readonly string[]
  /** None: what discovery says, else any. */
  readonly issuers: readonly string[]
  /** None: any. */
  readonly audiences: readonly string[]
  readonly fields: ClaimFields
}

/** Paths of claims. What is undefined is not looked for. */
export interface ClaimFields {
  readonly user: string | undefined
  readonly email: string | undefined
  readonly team: string | undefined
  readonly teams: string | undefined
  readonly organization: string | undefined
  readonly endUser: string | undefined
  readonly userRoles: string | undefined
  readonly roles: string | undefined
  /** A user's or a team's id, whichever the role says. */
  readonly object: string | undefined
}

interface RoleMapping {
  readonly role: string
  readonly internal_role: TokenRole
}

interface RolePermission extends Permission {
  readonly role: string
}

interface ScopeMapping extends Permission {
  readonly scope: string
}

/** What somebody is confined to. */
interface Permission {
  readonly models?: readonly string[] | null | undefined
  readonly routes?: readonly string[] | null | undefined
}

/** Either of two, for what is written for LiteLLM is good here as well. */
const ADMIN_SCOPES = ['litellm_proxy_admin', 'tianji_proxy_admin']
/** Where a provider's discovery document is, below its issuer. https://openid.net/specs/openid-connect-discovery-1_0.html */
export const DISCOVERY = '/.well-known/openid-configuration'

const text = v.pipe(v.string('expected a text'), v.minLength(1, 'must not be empty'))
const texts = v.array(text, 'expected a list of texts')
const oneOrMore = v.pipe(
  v.union([v.pipe(v.string(), v.transform(listed)), texts], 'expected a text or a list of texts'),
  v.check((list) => list.length > 0, 'must not be empty'),
)
const flag = v.union(
  [v.boolean(), v.pipe(v.string(), v.regex(/^(true|false|yes|no|on|off|1|0)$/i), v.transform(isTrue))],
  'expected true or false',
)
const seconds = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.transform(Number))], 'expected a number of seconds'),
  v.finite('expected a number of seconds'),
  v.minValue(0, 'must not be negative'),
)
const roles: readonly TokenRole[] = [
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
  'team',
]

const permission = { models: v.nullish(texts), routes: v.nullish(texts) }

const claimFields = {
  user_id_jwt_field: v.nullish(text),
  user_email_jwt_field: v.nullish(text),
  team_id_jwt_field: v.nullish(text),
  team_ids_jwt_field: v.nullish(text),
  org_id_jwt_field: v.nullish(text),
  end_user_id_jwt_field: v.nullish(text),
  user_roles_jwt_field: v.nullish(text),
  roles_jwt_field: v.nullish(text),
  object_id_jwt_field: v.nullish(text),
}

const section = v.object({
  ...claimFields,
  public_key_url: v.nullish(oneOrMore),
  issuer: v.nullish(oneOrMore),
  audience: v.nullish(oneOrMore),
  public_key_ttl: v.nullish(seconds, 600),
  issuers: v.nullish(
    v.array(
      v.object({
        ...claimFields,
        issuer: text,
        jwks_url: v.nullish(text),
        audience: v.nullish(oneOrMore),
        disable_audience_validation: v.nullish(flag),
      }),
      'expected a list',
    ),
  ),
  admin_jwt_scope: v.nullish(text),
  admin_allowed_routes: v.nullish(texts),
  team_allowed_routes: v.nullish(texts),
  user_allowed_email_domain: v.nullish(text),
  team_id_default: v.nullish(text),
  user_id_upsert: v.nullish(flag),
  team_id_upsert: v.nullish(flag),
  user_allowed_roles: v.nullish(texts),
  role_mappings: v.nullish(v.array(v.object({ role: text, internal_role: v.picklist(roles) }), 'expected a list')),
  role_permissions: v.nullish(v.array(v.object({ role: text, ...permission }), 'expected a list')),
  enforce_rbac: v.nullish(flag),
  scope_mappings: v.nullish(v.array(v.object({ scope: text, ...permission }), 'expected a list')),
  enforce_scope_based_access: v.nullish(flag),
})

type Section = v.InferOutput<typeof section>
type ClaimField = keyof typeof claimFields

/**
 * Reads `litellm_jwtauth`, with `role_permissions` among it; what it leaves out of keys, audience and issuer comes from
 * JWT_PUBLIC_KEY_URL, JWT_AUDIENCE and JWT_ISSUER. Throws GatewayError `misconfigured` that names the key.
 */
export function readRules(written: JsonObject, env: Host['env']): TokenRules {
  const result = v.safeParse(section, written)
  if (!result.success) {
    const [issue] = result.issues
    throw misconfigured(`${v.getDotPath(issue) ?? ''}: ${issue.message}`)
  }
  const rules = result.output
  return {
    providers: providersOf(rules, env),
    keyTtl: rules.public_key_ttl * 1000,
    adminScopes: rules.admin_jwt_scope ? [rules.admin_jwt_scope] : ADMIN_SCOPES,
    allowedEmailDomain: rules.user_allowed_email_domain?.toLowerCase().replace(/^@/, ''),
    defaultTeam: rules.team_id_default ?? undefined,
    createsUser: rules.user_id_upsert ?? false,
    createsTeams: rules.team_id_upsert ?? false,
    allowedRoles: rules.user_allowed_roles ?? [],
    roleMappings: rules.role_mappings ?? [],
    rolePermissions: rules.role_permissions ?? [],
    demandsRole: rules.enforce_rbac ?? false,
    adminRoutes: rules.admin_allowed_routes ?? undefined,
    teamRoutes: rules.team_allowed_routes ?? undefined,
    scopeMappings: rules.enforce_scope_based_access ? (rules.scope_mappings ?? []) : undefined,
  }
}

function providersOf(rules: Section, env: Host['env']): readonly ProviderRules[] {
  const fromEnv = (name: string) => listed(env(name) ?? '')
  const { issuers = [] } = rules
  if (issuers && issuers.length > 0)
    return issuers.map((entry) => {
      if (!entry.audience && !entry.disable_audience_validation)
        throw misconfigured(`issuers: ${entry.issuer} needs an audience, or disable_audience_validation`)
      const url = entry.jwks_url ?? `${entry.issuer.replace(/\/$/, '')}${DISCOVERY}`
      return {
        urls: [safe(url, 'issuers')],
        issuers: [entry.issuer],
        audiences: entry.disable_audience_validation ? [] : (entry.audience ?? []),
        fields: fieldsOf(entry, rules),
      }
    })
  const urls = rules.public_key_url ?? fromEnv('JWT_PUBLIC_KEY_URL')
  if (urls.length === 0)
    throw misconfigured('it has no keys to check tokens with. Set JWT_PUBLIC_KEY_URL, public_key_url or issuers')
  return [
    {
      urls: urls.map((url) => safe(url, rules.public_key_url ? 'public_key_url' : 'JWT_PUBLIC_KEY_URL')),
      issuers: rules.issuer ?? fromEnv('JWT_ISSUER'),
      audiences: rules.audience ?? fromEnv('JWT_AUDIENCE'),
      fields: fieldsOf({}, rules),
    },
  ]
}

/** Fields of an issuer of its own, else those of all. */
function fieldsOf(own: Pick<Section, ClaimField>, all: Section): ClaimFields {
  const field = (key: ClaimField) => own[key] ?? all[key] ?? undefined
  return {
    user: field('user_id_jwt_field'),
    email: field('user_email_jwt_field'),
    team: field('team_id_jwt_field'),
    teams: field('team_ids_jwt_field'),
    organization: field('org_id_jwt_field'),
    endUser: field('end_user_id_jwt_field'),
    userRoles: field('user_roles_jwt_field'),
    roles: field('roles_jwt_field'),
    object: field('object_id_jwt_field'),
  }
}

function safe(url: string, name: string): string {
  if (isSafeUrl(url)) return url
  throw misconfigured(`${name}: keys must come from an https address without a password (http is for loopback alone)`)
}

function listed(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

function isTrue(text: string): boolean {
  return /^(true|yes|on|1)$/i.test(text)
}

function misconfigured(what: string): GatewayError {
  return new GatewayError('misconfigured', `JWT authentication: ${what}.`)
}
