import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Client, Filter } from '@tianjillm/mcp'
import type { Identity } from '../admission/identity.ts'
import type { Visitor } from '../inner-call.ts'
import type { OpenHub } from './hub.ts'
import { ownerOf } from './oauth/owner.ts'
import { ANYWHERE, EVERYBODY } from './read-servers.ts'

/** Clients are the same for as long as their identities are, and so are their views. */
const clients = new WeakMap<Identity, Client>()

/**
 * Who somebody is to MCP servers. What they may see is in `mcp` of the metadata of their key, team, user and organization: `servers` (names,
 * access groups and tags), `include_tags`, `exclude_tags`, `allowed_tools`, `disallowed_tools`, `tool_permissions`
 * (`{server: [tools]}`), and in their `object_permission`. Nothing there: all.
 */
export function clientOf(identity: Identity): Client {
  const known = clients.get(identity)
  if (known !== undefined) return known
  const { keyHash, userId, teamId } = identity.caller
  const id = keyHash ?? (userId === undefined && teamId === undefined ? 'anybody' : JSON.stringify([userId, teamId]))
  const client = { id, filter: { ...filterOf(identity.mcp), owner: ownerOf(identity) } }
  clients.set(identity, client)
  return client
}

/** Clients as they are from outside, who are the same for as long, and so are their views. */
const outsiders = new WeakMap<Client, Client>()

/** A visitor to MCP servers: of those they may see, from outside those alone that are there for everywhere. */
export function visitingClient(visitor: Visitor): Client {
  const { identity, isOutside, owner } = visitor
  const known = clientOf(identity)
  const client = isOutside ? outsider(known) : known
  if (owner === undefined || owner === client.filter.owner) return { ...client, caller: visitor }
  // Of strangers nothing else is known, and none may go on with another's session.
  const id = identity.isStranger ? owner : client.id
  return { id, filter: { ...client.filter, owner }, caller: visitor }
}

function outsider(client: Client): Client {
  const known = outsiders.get(client) ?? narrowed(client, [ANYWHERE])
  outsiders.set(client, known)
  return known
}

/**
 * The same for somebody whose headers may be what servers know their users by; `header` gives one by its name in lower
 * case.
 */
export function arrivingClient(
  { personal, catalog }: Pick<OpenHub, 'personal' | 'catalog'>,
  visitor: Visitor,
  header: (name: string) => string | undefined,
): Client {
  if (personal === undefined) return visitingClient(visitor)
  const { gateway, identity } = visitor
  const { isOpen, keyHeaders } = gateway.access
  const before = keyHeaders.slice(0, keyHeaders.indexOf('authorization'))
  const arrival = {
    header: (name: string) => (name !== 'authorization' && keyHeaders.includes(name) ? undefined : header(name)),
    hasToken: isOpen || identity.isStranger || before.some((name) => header(name) !== undefined),
    userToken: gateway.issuers === undefined ? undefined : tokenIn(header),
  }
  return visitingClient({ ...visitor, owner: personal.arrive(ownerOf(identity), arrival, catalog.sources) })
}

/** What a user of an identity provider was let in with, if it has the shape of a token. */
function tokenIn(header: (name: string) => string | undefined): string | undefined {
  const value = header('x-litellm-api-key') ?? header('authorization') ?? ''
  return /^Bearer\s+([\w-]+\.[\w-]+\.[\w-]+)\s*$/i.exec(value)?.[1]
}

/** The same client, who wants no more than these; each list names servers, access groups or tags. */
export function narrowed(client: Client, ...lists: readonly (readonly string[] | undefined)[]): Client {
  const more = lists.filter((list) => list !== undefined)
  if (more.length === 0) return client
  const { filter } = client
  return { ...client, filter: { ...filter, servers: [...(filter.servers ?? []), ...more] } }
}

/** Names in a path or a header, with commas between; undefined when there is no such header. */
export function namesIn(text: string | undefined): readonly string[] | undefined {
  return text
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** All of these together: what one leaves out, no other lets in. */
function filterOf(all: readonly JsonObject[]): Filter {
  const excluded = all.flatMap((mcp) => texts(mcp, 'exclude_tags'))
  const disallowed = all.flatMap((mcp) => texts(mcp, 'disallowed_tools'))
  const allowed = common(all, 'allowed_tools')
  const toolsOf = all.flatMap(({ tool_permissions: lists }) => (isJsonObject(lists) ? [textLists(lists)] : []))
  return {
    servers: all.flatMap((mcp) => (mcp.servers === undefined ? [] : [[...texts(mcp, 'servers'), EVERYBODY]])),
    ...present('includeTags', common(all, 'include_tags')),
    ...present('excludeTags', excluded.length === 0 ? undefined : excluded),
    // Of the two the allowed ones alone would count.
    ...present(
      'allowedTools',
      allowed?.filter((tool) => !disallowed.includes(tool)),
    ),
    ...present('disallowedTools', disallowed.length === 0 ? undefined : disallowed),
    ...(toolsOf.length > 0 && { toolsOf }),
  }
}

/** What all of those name that name anything; undefined when none does. */
function common(all: readonly JsonObject[], key: string): readonly string[] | undefined {
  const lists = all.filter((mcp) => mcp[key] !== undefined).map((mcp) => texts(mcp, key))
  const [first, ...others] = lists
  return first?.filter((name) => others.every((list) => list.includes(name)))
}

function present<Name extends string>(
  name: Name,
  list: readonly string[] | undefined,
): { readonly [Key in Name]?: readonly string[] } {
  return (list === undefined ? {} : { [name]: list }) as { readonly [Key in Name]?: readonly string[] }
}

function textLists(lists: JsonObject): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.keys(lists).map((name) => [name, texts(lists, name)]))
}

function texts(mcp: JsonObject, key: string): readonly string[] {
  const value = mcp[key]
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
}
