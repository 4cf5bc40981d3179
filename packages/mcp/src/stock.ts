import { isJsonObject, type JsonObject, type Log } from '@tianjillm/core'
import { cleanOffer, cleanText } from './clean-text.ts'
import { isPublicName, prefixOf, publicNames } from './names.ts'
import { headerFault } from './param-headers.ts'
import type { Pinning, Pins } from './pins.ts'
import type { McpTransport } from './settings.ts'
import type { Offer, Tool, Upstream } from './upstream.ts'

/** A server, and what its operator says of it. Keys of records are the server's own names of tools. */
export interface Source {
  readonly upstream: Upstream
  /** How it is reached; undefined for what is within the gateway itself. */
  readonly transport?: McpTransport['type'] | undefined
  /** Goes before the names of its tools; default its name. */
  readonly prefix?: string | undefined
  /** Names under which several servers can be asked for at once. */
  readonly groups?: readonly string[]
  readonly tags?: readonly string[]
  readonly toolTags?: Readonly<Record<string, readonly string[]>>
  /** Those of its tools that are there for anybody, by their tags or its own; undefined: all. */
  readonly toolFilter?: TagFilter | undefined
  /** How it is held to what its tools were; undefined: it may change them as it likes. */
  readonly pinning?: Pinning | undefined
  /** Names, own or public. With both, the allowed ones alone count; none: all. */
  readonly allowedTools?: readonly string[]
  readonly disallowedTools?: readonly string[]
  /** Arguments that a tool may be given; a tool that is not named may be given any. */
  readonly allowedArguments?: Readonly<Record<string, readonly string[]>>
  readonly titles?: Readonly<Record<string, string>>
  readonly descriptions?: Readonly<Record<string, string>>
  /** Headers of clients that it is told, in lower case. */
  readonly forwardedHeaders?: readonly string[]
  /** Replaces what the server says of its use. */
  readonly instructions?: string | undefined
  /** For whoever lists tools over REST. */
  readonly about?: JsonObject
}

/** What is chosen by tags: what has any of these and none of those; `includeTags` undefined: whatever it has. */
export interface TagFilter {
  readonly includeTags?: readonly string[] | undefined
  readonly excludeTags?: readonly string[] | undefined
}

/** Something a server offers, under its public name. */
export interface Offered {
  readonly source: Source
  /** The server's own name of it, or URI. */
  readonly name: string
  readonly publicName: string
  /** As clients are told of it; frozen. */
  readonly wire: JsonObject
  readonly tags: readonly string[]
}

/** All that all servers offer, also those that are away: a call of theirs must say so. */
export interface Stock {
  readonly tools: readonly Offered[]
  readonly prompts: readonly Offered[]
  readonly resources: readonly Offered[]
  readonly resourceTemplates: readonly Offered[]
  /** The tool of this name of a server that shows it to some of its users only, if there may be one. */
  hidden(publicName: string): Offered | undefined
}

/** What one server is known to offer. */
export interface Known {
  readonly source: Source
  readonly offer: Offer | undefined
  /** Tools that it no longer knows, although it has not said so. */
  readonly gone: ReadonlySet<string>
  /** What its tools were when they were first seen. */
  readonly pins: Pins
  /** Of whom one user's server is the own of; undefined: it is everybody's. */
  readonly face?: Source
}

/** Bytes of JSON that one tool, prompt or resource may be described with. */
const MOST_BYTES = 256 * 1024

/** Puts all offers together under public names; earlier servers choose first. What is malformed is left out, and logged. */
export function stockOf(
  all: readonly Known[],
  { separator, log }: { readonly separator: string; readonly log: Log },
): Stock {
  const taken = {
    tools: new Set<string>(),
    prompts: new Set<string>(),
    uris: new Set<string>(),
    templates: new Set<string>(),
  }
  const prefixes = uniquePrefixes(all, separator)

  const named = (known: Known, items: readonly JsonObject[], names: Set<string>) => {
    const { source } = known
    const sound = distinct(items, 'name', (item, why) => leaveOut(log, source, item, why))
    const owner = { server: source.upstream.name, prefix: prefixes.get(source)!, separator }
    const found = publicNames(
      sound.map(({ name }) => String(name)),
      owner,
      (name) => names.has(name),
    )
    return sound.flatMap((item, index) => {
      names.add(found[index]!)
      return offeredAs(source, item, 'name', found[index]!, log) ?? []
    })
  }
  const located = (known: Known, items: readonly JsonObject[], key: 'uri' | 'uriTemplate', uris: Set<string>) =>
    distinct(items, key, (item, why) => leaveOut(log, known.source, item, why)).flatMap((item) => {
      const uri = String(item[key])
      const whole = uris.has(uri) ? `${prefixes.get(known.source)!.replaceAll('_', '-')}+${uri}` : uri
      if (uris.has(whole)) return []
      uris.add(whole)
      return offeredAs(known.source, item, key, whole, log) ?? []
    })

  return {
    tools: all.flatMap((known) => {
      const { source, offer, gone, pins } = known
      const tools = (offer?.tools ?? []).filter((tool) => !gone.has(tool.name) && isTool(tool, source, log))
      const pinned = tools.filter((tool) => pins.accepts(source, tool))
      return named(
        known,
        pinned.map((tool) => described(source, tool)),
        taken.tools,
      ).filter((tool) => source.upstream.personal !== undefined || isAllowed(source, tool))
    }),
    prompts: all.flatMap((known) => named(known, known.offer?.prompts ?? [], taken.prompts)),
    resources: all.flatMap((known) => located(known, known.offer?.resources ?? [], 'uri', taken.uris)),
    resourceTemplates: all.flatMap((known) =>
      located(known, known.offer?.resourceTemplates ?? [], 'uriTemplate', taken.templates),
    ),
    hidden(publicName) {
      const mayHave = ({ source, offer, face }: Known) =>
        source.upstream.personal !== undefined || (face !== undefined && offer === undefined)
      const found = all.find(
        (known) => mayHave(known) && publicName.startsWith(prefixes.get(known.source)! + separator),
      )
      // A name that models do not take is not the public one of any tool, so rules may have been made for another.
      if (found === undefined || !isPublicName(publicName)) return undefined
      const { source } = found
      const name = publicName.slice(prefixes.get(source)!.length + separator.length)
      const wire = Object.freeze({ name: publicName, inputSchema: { type: 'object' } })
      const tool = { source, name, publicName, wire, tags: own(source.toolTags ?? {}, name) ?? [] }
      return isAllowed(source, tool) ? tool : undefined
    },
  }
}

/** Whether a name, own or public, is among these. */
export function isNamed({ name, publicName }: Offered, names: readonly string[]): boolean {
  return names.includes(name) || names.includes(publicName)
}

/** Whether a filter lets through what has these tags. */
export function passes({ includeTags, excludeTags = [] }: TagFilter, tags: readonly string[]): boolean {
  if (includeTags !== undefined && !meets(tags, includeTags)) return false
  return !meets(tags, excludeTags)
}

/** Whether they have anything in common. */
export function meets(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.includes(one))
}

function isAllowed(
  { tags = [], toolFilter = {}, allowedTools = [], disallowedTools = [] }: Source,
  tool: Offered,
): boolean {
  if (!passes(toolFilter, [...tags, ...tool.tags])) return false
  return allowedTools.length > 0 ? isNamed(tool, allowedTools) : !isNamed(tool, disallowedTools)
}

/** Two servers may be called alike but for what prefixes cannot say. */
function uniquePrefixes(all: readonly Known[], separator: string): ReadonlyMap<Source, string> {
  const taken = new Set<string>()
  return new Map(
    all.map(({ source }) => {
      const plain = prefixOf(source.prefix ?? source.upstream.name, separator)
      let prefix = plain
      for (let count = 2; taken.has(prefix); count++) prefix = `${plain}_${count}`
      taken.add(prefix)
      return [source, prefix]
    }),
  )
}

function described({ titles = {}, descriptions = {} }: Source, tool: Tool): Tool {
  const title = own(titles, tool.name)
  const description = own(descriptions, tool.name)
  return { ...tool, ...(title !== undefined && { title }), ...(description !== undefined && { description }) }
}

function offeredAs(source: Source, item: JsonObject, key: string, publicName: string, log: Log): Offered | undefined {
  try {
    if (Buffer.byteLength(JSON.stringify(item)) > MOST_BYTES) throw new RangeError('it is described with over 256 KiB')
    const name = String(item[key])
    // A resource has a name besides its URI, and shows it.
    const shown = key !== 'name' && typeof item.name === 'string' && { name: cleanText(item.name, 256) }
    const wire = Object.freeze({ ...cleanOffer(item), ...shown, [key]: publicName })
    return { source, name, publicName, wire, tags: own(source.toolTags ?? {}, name) ?? [] }
  } catch (error) {
    leaveOut(log, source, item, (error as Error).message)
    return undefined
  }
}

/** One malformed tool makes clients refuse the whole list. */
function isTool(tool: Tool, source: Source, log: Log): boolean {
  const isObject = isJsonObject(tool.inputSchema) && tool.inputSchema.type === 'object'
  const fault = isObject ? headerFault(tool.inputSchema) : 'its input schema is not that of an object'
  if (fault !== undefined) leaveOut(log, source, tool, fault)
  return fault === undefined
}

function distinct(
  items: readonly JsonObject[],
  key: string,
  leave: (item: JsonObject, why: string) => void,
): readonly JsonObject[] {
  const seen = new Set<unknown>()
  return items.filter((item) => {
    const value = item[key]
    const why =
      typeof value !== 'string' || value === '' ? `it has no ${key}` : seen.has(value) ? 'there are two of it' : ''
    seen.add(value)
    if (why !== '') leave(item, why)
    return why === ''
  })
}

function leaveOut(log: Log, { upstream }: Source, { name, uri }: JsonObject, why: string): void {
  const what = cleanText(String(name ?? uri ?? 'something'), 100)
  log.warn(`Left out of what the MCP server ${upstream.name} offers: ${what}, for ${why}.`)
}

/** A server's tool may be called `constructor`. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
