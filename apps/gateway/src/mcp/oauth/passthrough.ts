import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { Client, Source } from '@tianjillm/mcp'
import type { OpenHub } from '../hub.ts'
import { ANYWHERE } from '../read-servers.ts'

type Rooms = Pick<OpenHub, 'catalog' | 'personal'>

/** Whether all that is called so are servers that judge everybody themselves, and so take those without a key. */
export function isOpenTo({ catalog, personal }: Rooms, names: readonly string[], isOutside: boolean): boolean {
  const found = catalog.named(names)
  return found.length > 0 && found.every((source) => isOpen(source, personal) && (!isOutside || isAnywhere(source)))
}

/**
 * Who comes to one server alone that takes its own tokens, with none that it takes, is told at once, so that their client
 * gets one. Rejects with GatewayError of status 401.
 */
export async function demandToken(
  { catalog, personal }: Rooms,
  { filter }: Client,
  names: readonly string[] | undefined,
): Promise<void> {
  if (personal === undefined || names === undefined || filter.owner === undefined) return
  const source = soleOf(catalog.named(names), personal)
  if (source === undefined) return
  const { name, personal: users } = source.upstream
  if (!catalog.peek(filter).sources.some(({ upstream }) => upstream.name === name)) return
  // Of one that is away lists tell.
  const isKnown = await users!.find(filter.owner).then(
    (own) => own !== undefined,
    () => true,
  )
  if (isKnown) return
  const message = `The MCP server ${name} takes tokens of its own. Send one as "Authorization: Bearer <token>"`
  const rest = isOpen(source, personal) ? '.' : ', and the key of the gateway as x-litellm-api-key.'
  throw new GatewayError('invalid_api_key', message + rest, { code: 'sign_in_required' })
}

/** Where users of the one server that is called so get tokens; undefined when it is no such server. Rejects with GatewayError. */
export async function describeNamed(
  { catalog, personal }: Rooms,
  names: readonly string[],
  isOutside: boolean,
): Promise<JsonObject | undefined> {
  const source = soleOf(catalog.named(names), personal)
  if (source === undefined || (isOutside && !isAnywhere(source))) return undefined
  const description = await personal!.describe(source.upstream)
  if (description !== undefined) return description
  const message = `The MCP server ${source.upstream.name} does not say where its tokens are from.`
  throw new GatewayError('upstream_invalid_response', message)
}

/** The only one, if its users bring its tokens. */
function soleOf([source, another]: readonly Source[], personal: OpenHub['personal']): Source | undefined {
  if (source === undefined || another !== undefined) return undefined
  return personal?.knownByHeaders(source.upstream)?.type === 'passthrough' ? source : undefined
}

function isOpen({ upstream }: Source, personal: OpenHub['personal']): boolean {
  const wants = personal?.knownByHeaders(upstream)
  return wants?.type === 'passthrough' && wants.isOpen
}

function isAnywhere({ groups = [] }: Source): boolean {
  return groups.includes(ANYWHERE)
}
