import { hash } from 'node:crypto'
import { UriTemplate } from '@modelcontextprotocol/server'
import type { JsonObject } from '@tianjillm/core'
import { cleanText } from './clean-text.ts'
import { isNamed, meets, type Offered, passes, type Source, type Stock } from './stock.ts'
import type { Tool } from './upstream.ts'

/** What of all that is offered somebody gets to see. Nothing set: all. */
export interface Filter {
  /** Each list narrows it further: names of servers, their prefixes, access groups, tags of servers or tools. */
  readonly servers?: readonly (readonly string[])[]
  /** Tools with any of these tags, their own or their server's; an empty list is none, and so below. */
  readonly includeTags?: readonly string[]
  readonly excludeTags?: readonly string[]
  /** Names, public or the server's own. With both, the allowed ones alone count. */
  readonly allowedTools?: readonly string[]
  readonly disallowedTools?: readonly string[]
  /** Each narrows it further: of the servers that are named, by any of their names, these tools alone. */
  readonly toolsOf?: readonly Readonly<Record<string, readonly string[]>>[]
  /** Whose they are, of servers that are another for each of their users; undefined: nobody's. */
  readonly owner?: string
}

/** Which of a view's lists. */
export type ListName = 'tools' | 'prompts' | 'resources'

/** What one filter leaves of what all servers offer. Lists are frozen, in the order of the servers, and built once. */
export interface View {
  readonly tools: readonly Tool[]
  readonly prompts: readonly JsonObject[]
  readonly resources: readonly JsonObject[]
  readonly resourceTemplates: readonly JsonObject[]
  /** The servers in it. */
  readonly sources: readonly Source[]
  /** Names of those of them that cannot be used now. */
  readonly unavailable: readonly string[]
  /** What the servers say of their use. */
  readonly instructions: string | undefined
  /** The tool of this public name, or of this own name when only one has it. */
  tool(name: string): Offered | undefined
  prompt(name: string): Offered | undefined
  /** Whose resource this is, and its own URI: one that is listed, that fits a template, or of the only server with any. */
  resource(uri: string): Located | undefined
  /** The template with this public text. */
  template(uriTemplate: string): Offered | undefined
  /** The public URI of a server's own. */
  publicUri(source: Source, uri: string): string
  /** Tells one content of a list from another. */
  mark(list: ListName): string
}

/** Where a resource is. */
export interface Located {
  readonly source: Source
  readonly uri: string
}

/** How servers are at the moment. */
export interface Presence {
  /** Whether what it offers is listed. */
  isListed(source: Source): boolean
  isAway(source: Source): boolean
}

/** A view of the stock. `unlisted` tools of servers that are away can be found, but are in no list. */
export function createView(
  stock: Stock,
  all: readonly Source[],
  { filter, presence }: { readonly filter: Filter; readonly presence: Presence },
): View {
  const tools = stock.tools.filter((tool) => seesTool(filter, tool))
  const sources = all.filter((source) => seesSource(filter, source) || tools.some((tool) => tool.source === source))
  const isSeen = ({ source }: Offered) => seesSource(filter, source)
  const prompts = stock.prompts.filter(isSeen)
  const resources = stock.resources.filter(isSeen)
  const templates = stock.resourceTemplates.filter(isSeen)
  const listed = (offered: readonly Offered[]) =>
    Object.freeze(offered.filter(({ source }) => presence.isListed(source)).map(({ wire }) => wire))
  const lists = {
    // They were tools before they got their public names.
    tools: listed(tools) as readonly Tool[],
    prompts: listed(prompts),
    resources: listed(resources),
    resourceTemplates: listed(templates),
  }
  const byName = {
    tools: index(tools),
    prompts: index(prompts),
    resources: index(resources),
    templates: index(templates),
  }
  const matchers = templates.map((offered) => ({ offered, fits: matcherOf(offered.publicName) }))
  const withResources = new Set([...resources, ...templates].map(({ source }) => source))
  const marks = new Map<ListName, string>()
  return {
    ...lists,
    sources,
    unavailable: sources.filter((source) => presence.isAway(source)).map(({ upstream }) => upstream.name),
    instructions: instructionsOf(sources),
    tool(name) {
      const known = byName.tools(name)
      if (known !== undefined) return known
      const hidden = stock.hidden(name)
      return hidden !== undefined && seesTool(filter, hidden) ? hidden : undefined
    },
    prompt: (name) => byName.prompts(name),
    resource(uri) {
      const known = byName.resources(uri)
      if (known !== undefined) return { source: known.source, uri: known.name }
      const matching = matchers.find(({ fits }) => fits(uri))?.offered
      if (matching !== undefined) {
        const added = matching.publicName.length - matching.name.length
        return { source: matching.source, uri: uri.slice(added) }
      }
      const [only, second] = withResources
      return only === undefined || second !== undefined ? undefined : { source: only, uri }
    },
    template: (uriTemplate) => byName.templates(uriTemplate),
    publicUri: (source, uri) =>
      resources.find((offered) => offered.source.upstream === source.upstream && offered.name === uri)?.publicName ??
      uri,
    mark(list) {
      const known = marks.get(list)
      if (known !== undefined) return known
      const content = list === 'resources' ? [lists.resources, lists.resourceTemplates] : lists[list]
      const mark = hash('sha256', JSON.stringify(content))
      marks.set(list, mark)
      return mark
    },
  }
}

/** Whether a list names this server. */
export function namesSource(names: readonly string[], { upstream, prefix, groups = [], tags = [] }: Source): boolean {
  return [upstream.name, prefix, ...groups, ...tags].some((name) => name !== undefined && names.includes(name))
}

function seesSource(filter: Filter, source: Source): boolean {
  const { servers = [] } = filter
  return servers.every((names) => namesSource(names, source)) && passes(filter, source.tags ?? [])
}

function seesTool(filter: Filter, tool: Offered): boolean {
  const { servers = [], allowedTools, disallowedTools = [], toolsOf = [] } = filter
  if (!servers.every((names) => namesSource(names, tool.source) || meets(tool.tags, names))) return false
  if (!passes(filter, [...(tool.source.tags ?? []), ...tool.tags])) return false
  if (!toolsOf.every((lists) => isAmong(lists, tool))) return false
  return allowedTools === undefined ? !isNamed(tool, disallowedTools) : isNamed(tool, allowedTools)
}

/** Whether a server that is named has this tool among its own. */
function isAmong(lists: Readonly<Record<string, readonly string[]>>, tool: Offered): boolean {
  const own = Object.entries(lists).filter(([name]) => namesSource([name], tool.source))
  return own.length === 0 || own.some(([, names]) => isNamed(tool, names))
}

/** Finds by public name, else by the own name when it is the only one. */
function index(offered: readonly Offered[]): (name: string) => Offered | undefined {
  const byPublicName = new Map(offered.map((one) => [one.publicName, one]))
  const byOwnName = Map.groupBy(offered, ({ name }) => name)
  return (name) => {
    const own = byOwnName.get(name)
    return byPublicName.get(name) ?? (own?.length === 1 ? own[0] : undefined)
  }
}

/** A template that cannot be read fits nothing. */
function matcherOf(uriTemplate: string): (uri: string) => boolean {
  try {
    const template = new UriTemplate(uriTemplate)
    return (uri) => template.match(uri) !== null
  } catch {
    return () => false
  }
}

function instructionsOf(sources: readonly Source[]): string | undefined {
  const said = sources.flatMap(({ upstream, instructions = upstream.known?.instructions }) =>
    instructions ? `${upstream.name}: ${cleanText(instructions)}` : [],
  )
  return said.length === 0 ? undefined : said.join('\n\n')
}
