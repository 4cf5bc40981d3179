import { inTime, type Log, putLatest } from '@tianjillm/core'
import { createPinBook, type PinBook } from './pin-book.ts'
import { type ChangedTool, createPins, type Pins } from './pins.ts'
import { type Source, type Stock, stockOf } from './stock.ts'
import type { Health, Offer, Upstream } from './upstream.ts'
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
  /** Remembers what tools were, of servers that are held to it; default: it forgets with the process. */
  readonly pins?: PinBook
}

/** How a server of the catalog is. */
export interface ServerState {
  readonly source: Source
  readonly health: Health
  /** How many tools it offers, as far as is known. */
  readonly tools: number
  /** Those of them that are not what they were. */
  readonly changedTools: readonly ChangedTool[]
}

/** All MCP servers as one. */
export interface Catalog {
  /** Those there are at the moment. */
  readonly sources: readonly Source[]
  /**
   * From now on these are there, in this order. Servers that were there before go on, whatever is said of them now; all
   * others of before are closed. Resolves when they are.
   */
  replace(sources: readonly Source[]): Promise<void>
  /** Waits for servers that have never been asked, and for no server twice. Views of equal filters are the same object. */
  view(filter: Filter): Promise<View>
  /** The same without waiting: of what is known. */
  peek(filter: Filter): View
  /** Whether any server, access group or tag is called so. */
  knows(name: string): boolean
  /** Servers that are called so themselves, or have an access group or a tag, or a tool with one, that is called so. */
  named(names: readonly string[]): readonly Source[]
  /** A server turned out not to know this tool of it any more. */
  forget(source: Source, tool: string): void
  /**
   * Takes tools of a server for what they are now, all or those of these names of its own. Gives those that had changed.
   * Rejects with GatewayError `not_found` and `invalid_request`.
   */
  accept(source: Source, tools?: readonly string[]): Promise<readonly string[]>
  states(): readonly ServerState[]
  /** Hears when any view may have changed. Gives what ends that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

/** Views that are kept; who asks for others has them built again. */
const MOST_VIEWS = 1_000
/** Milliseconds between attempts to reach a server that is away, when somebody asks for lists. */
const RETRY = 5_000
/** The same for one that is there, and knows for itself how long what it said holds. */
const RECHECK = 60_000

interface Shelf {
  source: Source
  offer: Offer | undefined
  gone: Set<string>
  /** Since when it cannot be used; undefined when it can. */
  awaySince: number | undefined
  first: Promise<unknown> | undefined
  askedAt: number
  grace: NodeJS.Timeout | undefined
  /** Hears no more of the server. */
  leave: () => void
  /** What tools were when they were first seen. */
  readonly pins: Pins
  /** Of whom one user's server is the own of; undefined: it is everybody's. */
  face?: Source
}

/** A catalog of these servers, which are asked what they offer when it is first looked at. `close` closes them too. */
export function createCatalog(sources: readonly Source[], settings: CatalogSettings): Catalog {
  const { log, now, separator = '-', grace = 60_000, listDeadline = 15_000, pins: book = createPinBook(log) } = settings
  const pins = createPins(book, log)
  const listeners = new Set<() => void>()
  const views = new Map<string, View>()
  let keys = new WeakMap<Filter, string>()
  let shelves: ReadonlyMap<Upstream, Shelf> = new Map()
  /** Those of single users. */
  const ownShelves = new WeakMap<Upstream, Shelf>()
  let personal: readonly Shelf[] = []
  let selectors: ReadonlySet<string> = new Set()
  let stock: Stock | undefined

  const shelfOf = (upstream: Upstream) => shelves.get(upstream) ?? ownShelves.get(upstream)

  // Views are of servers that are there.
  const presence = {
    isAway: ({ upstream }: Source) => upstream.personal !== undefined || shelfOf(upstream)!.awaySince !== undefined,
    isListed: ({ upstream }: Source) => {
      const { awaySince } = shelfOf(upstream)!
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
    // It may have been taken away while it was asked.
    if (shelfOf(upstream) !== shelf) return
    const { status, failure } = upstream.health
    // Its user has left it.
    if (shelf.face !== undefined && status === 'stopped') return
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
        log.warn(
          `The MCP server ${upstream.name} cannot be used: ${(failure ?? 'it does not answer').replace(/\.$/, '')}.`,
        )
        shelf.grace = setTimeout(changed, grace).unref()
      } else log.info(`The MCP server ${upstream.name} can be used.`)
    }
    changed()
  }

  const ask = async (shelf: Shelf) => {
    if (shelf.source.upstream.personal !== undefined) return
    shelf.askedAt = now()
    // What comes of it is seen on the server itself.
    await inTime(listDeadline, () => shelf.source.upstream.offer()).catch(() => {})
    look(shelf)
  }

  const refresh = (shelf: Shelf) => {
    const pause = shelf.awaySince === undefined ? RECHECK : RETRY
    if (now() - shelf.askedAt >= pause) void ask(shelf)
  }

  const shelve = (source: Source, own: Pick<Shelf, 'pins' | 'face'> = { pins }): Shelf => {
    const shelf: Shelf = {
      ...own,
      ...{
        source,
        offer: source.upstream.personal && source.upstream.known,
        gone: new Set<string>(),
        awaySince: undefined,
      },
      ...{ first: undefined, askedAt: 0, grace: undefined },
      leave: source.upstream.onChange(() => {
        // Somebody has signed in, or out.
        if (source.upstream.personal !== undefined) return changed()
        look(shelf)
        // It tells that something has changed; what, it tells who asks.
        if (shelf.awaySince === undefined) void ask(shelf)
      }),
    }
    return shelf
  }

  const place = (next: readonly Source[]) => {
    const before = shelves
    shelves = new Map(
      next.map((source) => {
        const shelf = before.get(source.upstream) ?? shelve(source)
        shelf.source = source
        return [source.upstream, shelf]
      }),
    )
    personal = [...shelves.values()].filter(({ source }) => source.upstream.personal !== undefined)
    selectors = new Set(next.flatMap(selectorsOf))
    keys = new WeakMap()
    return [...before.values()].filter(({ source }) => !shelves.has(source.upstream))
  }
  place(sources)
  const unpin = book.onChange(changed)

  const clear = async ({ source: { upstream }, leave, grace: timer }: Shelf) => {
    leave()
    clearTimeout(timer)
    await upstream.close()
  }

  /** What this user has of a server that is another for each; undefined: nothing. */
  const ownShelf = ({ source: face }: Shelf, owner: string): Shelf | undefined => {
    const upstream = face.upstream.personal?.of(owner)
    if (upstream === undefined) return undefined
    const known = ownShelves.get(upstream)
    const shelf = known ?? shelve({ ...face, upstream }, { pins: createPins(createPinBook(log), log), face })
    if (shelf.face !== face) Object.assign(shelf, { face, source: { ...face, upstream } })
    ownShelves.set(upstream, shelf)
    shelf.first ??= ask(shelf)
    return shelf
  }

  const ownerIn = ({ owner }: Filter) =>
    owner !== undefined && personal.some((shelf) => ownShelf(shelf, owner) !== undefined) ? owner : undefined

  const shelvesOf = (owner: string | undefined): readonly Shelf[] => {
    const all = [...shelves.values()]
    return owner === undefined ? all : all.map((shelf) => ownShelf(shelf, owner) ?? shelf)
  }

  // Processes are started and servers dialled for whoever comes, not because the gateway starts.
  const begin = () => {
    for (const shelf of shelves.values()) shelf.first ??= ask(shelf)
  }

  const peek = (filter: Filter) => {
    begin()
    const common = keys.get(filter) ?? keyOf(filter, selectors)
    keys.set(filter, common)
    const owner = ownerIn(filter)
    const key = owner === undefined ? common : `${common}${owner}`
    const kept = views.get(key)
    if (kept !== undefined) return kept
    const all = shelvesOf(owner)
    if (owner === undefined) stock ??= stockOf(all, { separator, log })
    const view = createView(
      owner === undefined ? stock! : stockOf(all, { separator, log }),
      all.map(({ source }) => source),
      { filter, presence },
    )
    putLatest(views, key, view, MOST_VIEWS)
    return view
  }

  return {
    get sources() {
      return [...shelves.values()].map(({ source }) => source)
    },
    async replace(next) {
      const gone = place(next)
      changed()
      await Promise.all(gone.map(clear))
    },
    peek,
    async view(filter) {
      begin()
      const { owner } = filter
      // Whose own cannot be looked up has none, for now.
      if (owner !== undefined)
        await Promise.all(personal.map(({ source }) => source.upstream.personal!.find(owner).catch(() => {})))
      const all = shelvesOf(ownerIn(filter))
      // Its tags may be those of tools that are not known yet, so all are waited for.
      await Promise.all(all.map(({ first }) => first))
      for (const shelf of all) refresh(shelf)
      return peek(filter)
    },
    knows: (name) => selectors.has(name),
    named: (names) =>
      [...shelves.values()]
        .map(({ source }) => source)
        .filter((source) => selectorsOf(source).some((name) => names.includes(name))),
    forget({ upstream }, tool) {
      const shelf = shelfOf(upstream)
      if (shelf === undefined || shelf.gone.has(tool)) return
      shelf.gone.add(tool)
      changed()
    },
    accept: async (source, tools) => pins.accept(source, shelfOf(source.upstream)?.offer?.tools ?? [], tools),
    states: () =>
      [...shelves.values()].map(({ source, offer: { tools } = { tools: [] } }) => ({
        ...{ source, health: source.upstream.health, tools: tools.length },
        changedTools: pins.changed(source, tools),
      })),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      unpin()
      listeners.clear()
      await Promise.all([...shelves.values()].map(clear))
    },
  }
}

function selectorsOf({ upstream, prefix, groups = [], tags = [], toolTags = {} }: Source): readonly string[] {
  const names = [upstream.name, ...groups, ...tags, ...Object.values(toolTags).flat()]
  return prefix === undefined ? names : [...names, prefix]
}

/** Names that nobody has make no difference, and so no further view. */
function keyOf({ servers = [], owner: _owner, ...rest }: Filter, selectors: ReadonlySet<string>): string {
  const lists = servers.map((names) => [...new Set(names)].filter((name) => selectors.has(name)).sort())
  return JSON.stringify([lists, rest])
}
