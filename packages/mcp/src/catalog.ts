import { inTime, type Log } from '@tianjillm/core'
import { createPins, type PinPolicy } from './pins.ts'
import { type Source, type Stock, stockOf } from './stock.ts'
import type { Health, Offer } from './upstream.ts'
import { createView, type Filter, type View } from './view.ts'

/** What a catalog goes by. Times in milliseconds. */
export interface CatalogSettings {
  readonly log: Log
  readonly now: () => number
  /** Between a server's prefix and a name; default `-`. */
  readonly separator?: string
  /** How long what a server offers is still listed when it has gone away; default 60,000. */
  readonly grace?: number
  /** Until the first list goes out without a server that says nothing; default 15,000. */
  readonly listDeadline?: number
  /** What is done when a tool changes under its name; default `warn`. */
  readonly pinning?: PinPolicy
}

/** How a server of the catalog is. */
export interface ServerState {
  readonly source: Source
  readonly health: Health
  /** How many tools it offers, as far as is known. */
  readonly tools: number
}

/** All MCP servers as one. */
export interface Catalog {
  readonly sources: readonly Source[]
  /** Waits for servers that have never been asked, and for no server twice. Views of equal filters are the same object. */
  view(filter: Filter): Promise<View>
  /** The same without waiting: of what is known. */
  peek(filter: Filter): View
  /** Whether any server, access group or tag is called so. */
  knows(name: string): boolean
  /** A server turned out not to know this tool of it any more. */
  forget(source: Source, tool: string): void
  states(): readonly ServerState[]
  /** Hears when any view may have changed. Gives what ends that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

/** Views that are kept; who asks for others has them built again. */
const MOST_VIEWS = 1_000
/** Milliseconds between attempts to reach a server that is away, when somebody asks for lists. */
const RETRY = 5_000

interface Shelf {
  readonly source: Source
  offer: Offer | undefined
  gone: Set<string>
  /** Since when it cannot be used; undefined when it can. */
  awaySince: number | undefined
  first: Promise<unknown> | undefined
  askedAt: number
  grace: NodeJS.Timeout | undefined
}

/** A catalog of these servers, which are asked what they offer when it is first looked at. `close` closes them too. */
export function createCatalog(sources: readonly Source[], settings: CatalogSettings): Catalog {
  const { log, now, separator = '-', grace = 60_000, listDeadline = 15_000, pinning = 'warn' } = settings
  const pins = createPins(pinning, log)
  const listeners = new Set<() => void>()
  const views = new Map<string, View>()
  const keys = new WeakMap<Filter, string>()
  const shelves = sources.map((source) => shelfOf(source))
  const shelfOfSource = new Map(shelves.map((shelf) => [shelf.source, shelf]))
  const selectors = new Set(sources.flatMap(selectorsOf))
  let stock: Stock | undefined

  const presence = {
    isAway: (source: Source) => shelfOfSource.get(source)!.awaySince !== undefined,
    isListed: (source: Source) => {
      const { awaySince } = shelfOfSource.get(source)!
      return awaySince === undefined || now() - awaySince < grace
    },
  }

  const changed = () => {
    stock = undefined
    views.clear()
    for (const listener of listeners) listener()
  }

  const look = (shelf: Shelf) => {
    const { upstream } = shelf.source
    const { status, failure } = upstream.health
    const { known = shelf.offer } = upstream
    const isAway = status !== 'healthy'
    const wasAway = shelf.awaySince !== undefined
    if (known === shelf.offer && isAway === wasAway) return
    if (known !== shelf.offer) {
      shelf.offer = known
      shelf.gone = new Set()
    }
    if (isAway !== wasAway) {
      clearTimeout(shelf.grace)
      shelf.awaySince = isAway ? now() : undefined
      if (isAway) {
        log.warn(`The MCP server ${upstream.name} cannot be used: ${failure ?? 'it does not answer'}.`)
        shelf.grace = setTimeout(changed, grace).unref()
      } else log.info(`The MCP server ${upstream.name} can be used.`)
    }
    changed()
  }

  const ask = async (shelf: Shelf) => {
    shelf.askedAt = now()
    // What comes of it is seen on the server itself.
    await inTime(listDeadline, () => shelf.source.upstream.offer()).catch(() => {})
    look(shelf)
  }

  const refresh = (shelf: Shelf) => {
    if (shelf.awaySince === undefined || now() - shelf.askedAt < RETRY) return
    void ask(shelf)
  }

  const endings = shelves.map((shelf) =>
    shelf.source.upstream.onChange(() => {
      look(shelf)
      // It tells that something has changed; what, it tells who asks.
      if (shelf.awaySince === undefined) void ask(shelf)
    }),
  )
  // Processes are started and servers dialled for whoever comes, not because the gateway starts.
  const begin = () => {
    for (const shelf of shelves) shelf.first ??= ask(shelf)
  }

  const peek = (filter: Filter) => {
    begin()
    const key = keys.get(filter) ?? keyOf(filter, selectors)
    keys.set(filter, key)
    const kept = views.get(key)
    if (kept !== undefined) return kept
    stock ??= stockOf(shelves, { separator, pins, log })
    const view = createView(stock, sources, { filter, presence })
    if (views.size >= MOST_VIEWS) views.delete(views.keys().next().value!)
    views.set(key, view)
    return view
  }

  return {
    sources,
    peek,
    async view(filter) {
      begin()
      // Its tags may be those of tools that are not known yet, so all are waited for.
      await Promise.all(shelves.map(({ first }) => first))
      for (const shelf of shelves) refresh(shelf)
      return peek(filter)
    },
    knows: (name) => selectors.has(name),
    forget(source, tool) {
      const shelf = shelfOfSource.get(source)
      if (shelf === undefined || shelf.gone.has(tool)) return
      shelf.gone.add(tool)
      changed()
    },
    states: () =>
      shelves.map(({ source, offer }) => ({ source, health: source.upstream.health, tools: offer?.tools.length ?? 0 })),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      for (const end of endings) end()
      for (const { grace: timer } of shelves) clearTimeout(timer)
      listeners.clear()
      await Promise.all(sources.map(({ upstream }) => upstream.close()))
    },
  }
}

function shelfOf(source: Source): Shelf {
  return {
    ...{ source, offer: undefined, gone: new Set<string>(), awaySince: undefined },
    ...{ first: undefined, askedAt: 0, grace: undefined },
  }
}

function selectorsOf({ upstream, prefix, groups = [], tags = [], toolTags = {} }: Source): readonly string[] {
  const names = [upstream.name, ...groups, ...tags, ...Object.values(toolTags).flat()]
  return prefix === undefined ? names : [...names, prefix]
}

/** Names that nobody has make no difference, and so no further view. */
function keyOf({ servers = [], ...rest }: Filter, selectors: ReadonlySet<string>): string {
  const lists = servers.map((names) => [...new Set(names)].filter((name) => selectors.has(name)).sort())
  return JSON.stringify([lists, rest])
}
