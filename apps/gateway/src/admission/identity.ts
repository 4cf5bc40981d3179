import type { KeyConfig } from '@tianjillm/config'
import { type Caller, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Budget, Role, Standing } from '@tianjillm/tenancy'
import { mcpOfPermission } from '../mcp/object-permission.ts'
import { routeMatcher } from './allowed-routes.ts'
import { type AccessGroups, confinementOf, demandUse } from './confinement.ts'
import { type Holder, holderOfConfig, holdersOf } from './holder.ts'
import { type Holds, holdsByModel, holdsOf, type Share } from './holds.ts'

/** Somebody who may call, and what they may. */
export interface Identity {
  readonly caller: Caller
  /** What it may do to the gateway itself; undefined: nothing. */
  readonly role: Role | undefined
  /** Whether it may change the gateway itself. */
  readonly isAdmin: boolean
  /** Whether nobody knows who it is, and somebody else than the gateway judges it. */
  readonly isStranger: boolean
  /** Added to the metadata of calls; undefined when there is none. */
  readonly metadata: JsonObject | undefined
  /** What of MCP servers it may see, as those say it that it belongs to: each narrows it further. */
  readonly mcp: readonly JsonObject[]
  /** Added to the tags of calls. */
  readonly tags: readonly string[]
  /** What its calls are held to; undefined: nothing. */
  readonly holds: Holds | undefined
  /** What those of its calls are held to besides that ask for a model; undefined when that makes no difference. */
  readonly holdsFor: ((model: string) => Holds | undefined) | undefined
  /** Models it is confined to, each perhaps with a `*`; none: all. */
  readonly models: readonly string[]
  mayUse(model: string): boolean
  /** Throws GatewayError `permission_denied` with the code `key_model_access_denied` or its like. */
  demandUse(model: string): void
  /** Throws GatewayError `permission_denied` unless it may call this route. Undefined: it may call all. */
  readonly demandRoute: ((path: string) => void) | undefined
}

/** An identity, and until when it is one. */
export interface Admitted {
  readonly identity: Identity
  /** For messages: `the key "ci"`. */
  readonly owner: string
  readonly isBlocked: boolean
  /** Milliseconds since the epoch. */
  readonly expires: number | undefined
}

/** What identities are made with. */
export interface IdentityRooms {
  readonly share: Share
  /** Names that stand for several models in lists of what may be used. */
  readonly accessGroups: AccessGroups
  /** What everybody's calls are put down to besides. */
  readonly budgets: readonly Budget[]
}

/** Somebody without limits, but for those of everybody. */
export function unlimited(caller: Caller, { budgets, share }: Omit<IdentityRooms, 'accessGroups'>): Identity {
  return {
    caller,
    role: 'proxy_admin',
    isAdmin: true,
    isStranger: false,
    metadata: undefined,
    mcp: [],
    tags: [],
    holds: holdsOf([], share, budgets),
    holdsFor: undefined,
    models: [],
    mayUse: () => true,
    demandUse: () => {},
    demandRoute: undefined,
  }
}

/** Somebody without a key: they may do nothing, but where others than the gateway judge them. */
export function stranger(rooms: Omit<IdentityRooms, 'accessGroups'>): Identity {
  return {
    ...unlimited({}, rooms),
    ...{ role: undefined, isAdmin: false, isStranger: true, mayUse: () => false },
    demandUse() {
      throw new GatewayError('permission_denied', 'Models are there for those who come with a key.')
    },
  }
}

/** Whom a key of the file stands for. */
export function admittedByConfig(key: KeyConfig, rooms: IdentityRooms): Admitted {
  const { keyHash, keyAlias, userId, teamId } = key
  const holder = holderOfConfig(key)
  const caller = present({ keyHash, keyAlias, userId, teamId })
  const facts = {
    caller,
    role: undefined,
    metadata: key.metadata,
    mcp: mcpIn(key.metadata, key.objectPermission),
    tags: [],
    routes: key.allowedRoutes,
  }
  return {
    identity: identityOf([holder], facts, rooms),
    owner: holder.owner,
    isBlocked: key.isBlocked,
    expires: key.expires,
  }
}

/** What is known of somebody from elsewhere; it goes before what the database says. */
export interface GivenFacts {
  readonly caller?: { readonly [Fact in keyof Caller]?: Caller[Fact] | undefined }
  readonly role?: Role | undefined
  /** Undefined: all. */
  readonly models?: readonly string[] | undefined
  readonly routes?: readonly string[] | undefined
}

/** Whom a key of the database, or somebody without one, stands for. */
export function admittedByStanding(standing: Standing, rooms: IdentityRooms, given: GivenFacts = {}): Admitted {
  const { key, user, team, organization } = standing
  const holders = holdersOf(standing)
  const caller = present({
    keyHash: key?.key_hash,
    keyAlias: key?.key_alias,
    userId: key?.user_id ?? user?.user_id,
    userEmail: user?.user_email,
    teamId: key?.team_id ?? team?.team_id,
    teamAlias: team?.team_alias,
    organizationId: organization?.organization_id ?? key?.organization_id,
    ...given.caller,
  })
  const facts = {
    caller,
    role: given.role ?? roleOf(user?.user_role),
    // They were written from maps and lists.
    metadata: { ...parsed<JsonObject>(team?.metadata), ...parsed<JsonObject>(key?.metadata) },
    mcp: [organization, team, user, key].flatMap((row) =>
      mcpIn(parsed<JsonObject>(row?.metadata), parsed<JsonObject>(row?.object_permission)),
    ),
    tags: [...(parsed<readonly string[]>(team?.tags) ?? []), ...(parsed<readonly string[]>(key?.tags) ?? [])],
    routes: given.routes ?? parsed<readonly string[]>(key?.allowed_routes) ?? [],
    ...(given.models && { models: given.models }),
  }
  const blocked = holders.find(({ isBlocked }) => isBlocked)
  return {
    identity: identityOf(holders, facts, rooms),
    owner: (blocked ?? holders[0])?.owner ?? 'this token',
    isBlocked: blocked !== undefined,
    expires: key?.expires_at ?? undefined,
  }
}

interface Facts {
  readonly caller: Caller
  readonly role: Role | undefined
  readonly metadata: JsonObject
  readonly mcp: readonly JsonObject[]
  readonly tags: readonly string[]
  readonly routes: readonly string[]
  /** Of whoever is none of the holders. */
  readonly models?: readonly string[]
}

function identityOf(holders: readonly Holder[], facts: Facts, rooms: IdentityRooms): Identity {
  const { caller, role, metadata, mcp, tags } = facts
  const own = facts.models === undefined ? [] : [{ owner: 'this token', kind: 'key', models: facts.models }]
  const confined = [...own, ...holders].flatMap((holder) => confinementOf(holder, rooms.accessGroups) ?? [])
  const mayUse = (model: string) => confined.every(({ includes }) => includes(model))
  const isAllowed = routeMatcher(facts.routes)
  const owner = holders[0]?.owner ?? 'this token'
  return {
    caller,
    role,
    isAdmin: role === 'proxy_admin',
    isStranger: false,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    mcp,
    tags,
    holds: holdsOf(holders, rooms.share, rooms.budgets),
    holdsFor: holdsByModel(holders),
    models: confined[0]?.models ?? [],
    mayUse,
    demandUse: (model) => demandUse(confined, model),
    demandRoute:
      isAllowed &&
      ((path) => {
        if (isAllowed(path)) return
        const message = `The gateway does not let ${owner} call ${path.slice(0, 100)}. It may call ${facts.routes.join(', ')}.`
        throw new GatewayError('permission_denied', message, { code: 'route_access_denied' })
      }),
  }
}

const roles: ReadonlySet<string> = new Set<Role>([
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
])

function roleOf(role: string | undefined): Role | undefined {
  return role !== undefined && roles.has(role) ? (role as Role) : undefined
}

function mcpIn(metadata: JsonObject | undefined, permission: JsonObject | undefined): readonly JsonObject[] {
  const own = isJsonObject(metadata?.mcp) ? [metadata.mcp] : []
  return permission === undefined ? own : [...own, mcpOfPermission(permission)]
}

/** Without what is not known. */
function present(facts: Readonly<Record<string, string | null | undefined>>): Caller {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined && value !== null))
}

function parsed<Value>(text: string | null | undefined): Value | undefined {
  return text === undefined || text === null ? undefined : (JSON.parse(text) as Value)
}
