import type { Log } from '@tianjillm/core'

/** What tools of servers were when they were first seen, or accepted: a mark for each. Answers at once, of what is known. */
export interface PinBook {
  find(server: string, tool: string): string | undefined
  /** Notes a tool that is not in it. */
  add(server: string, tool: string, mark: string): void
  /** These marks hold from now on. Rejects, and nothing changes, when they cannot be kept. */
  accept(server: string, marks: ReadonlyMap<string, string>): Promise<void>
  /** Hears when another mark holds than before. Gives what ends that. */
  onChange(listener: () => void): () => void
}

/** Where marks outlive the process, by tool. */
export interface PinStore {
  /** How often anything was kept of each of these servers; of none that it does not know. */
  revisions(servers: readonly string[]): Promise<ReadonlyMap<string, number>>
  all(server: string): Promise<ReadonlyMap<string, string>>
  /** Keeps marks of tools that it has none of, and leaves the others as they are. */
  add(server: string, marks: ReadonlyMap<string, string>): Promise<void>
  /** Keeps marks in place of whatever it has, and tells all who share it. */
  replace(server: string, marks: ReadonlyMap<string, string>): Promise<void>
}

/** A book that may be kept in a store. */
export interface KeptPinBook extends PinBook {
  /** Reads what the store knows of these servers, which holds in place of what the book did. Rejects as the store does. */
  load(servers: readonly string[]): Promise<void>
  /** Resolves when nothing is being written any more. */
  close(): Promise<void>
}

/** Tools that are remembered of one server: one could go on naming new ones for ever. */
const MOST = 5_000
/** Milliseconds until what could not be written is written again. */
const RETRY = 5_000

interface Page {
  readonly marks: Map<string, string>
  /** Tools whose marks the store does not have yet. */
  readonly unsaved: Set<string>
  /** As the store told it when it was read. */
  revision: number | undefined
  isFull: boolean
}

/** A book without anything in it; without a store it is forgotten with the process. */
export function createPinBook(log: Log, storeNow: () => PinStore | undefined = () => undefined): KeptPinBook {
  const pages = new Map<string, Page>()
  const listeners = new Set<() => void>()
  let known: PinStore | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isSaving = false
  let hasFailed = false
  let isClosed = false
  let retry: NodeJS.Timeout | undefined

  /** What was read must not come after what was written since. */
  const inTurn = <Result>(task: () => Promise<Result>): Promise<Result> => {
    const result = last.then(task)
    last = result.catch(() => {})
    return result
  }

  const pageOf = (server: string): Page => {
    const page = pages.get(server) ?? { marks: new Map(), unsaved: new Set(), revision: undefined, isFull: false }
    pages.set(server, page)
    return page
  }

  const changed = () => {
    for (const listener of listeners) listener()
  }

  /** Of those who were first at the same time one was first in the store. */
  const takeOver = ({ marks }: Page, kept: ReadonlyMap<string, string>): boolean => {
    let isOther = false
    for (const [tool, mark] of kept) {
      const before = marks.get(tool)
      if (before !== undefined && before !== mark) isOther = true
      marks.set(tool, mark)
    }
    return isOther
  }

  const saveAll = async () => {
    for (const [server, page] of pages) {
      const store = storeNow()
      if (store === undefined || page.unsaved.size === 0) continue
      const tools = [...page.unsaved]
      await store.add(server, new Map(tools.map((tool) => [tool, page.marks.get(tool)!])))
      for (const tool of tools) page.unsaved.delete(tool)
      if (takeOver(page, await store.all(server))) changed()
    }
  }

  const save = () => {
    if (isSaving || isClosed || storeNow() === undefined) return
    isSaving = true
    clearTimeout(retry)
    inTurn(async () => {
      // What is noted while it is written is for the next time.
      isSaving = false
      await saveAll()
      hasFailed = false
    }).catch(() => {
      if (!hasFailed) log.warn('What tools of MCP servers were when they were first seen could not be stored.')
      hasFailed = true
      if (!isClosed) retry = setTimeout(save, RETRY).unref()
    })
  }

  const read = async (store: PinStore, server: string, revision: number) => {
    const page = pageOf(server)
    const kept = await store.all(server)
    const isOther = takeOver(page, kept)
    page.revision = revision
    for (const tool of page.marks.keys()) if (!kept.has(tool)) page.unsaved.add(tool)
    return isOther
  }

  return {
    find: (server, tool) => pages.get(server)?.marks.get(tool),
    add(server, tool, mark) {
      const page = pageOf(server)
      if (page.marks.has(tool)) return
      if (page.marks.size >= MOST) {
        if (!page.isFull) log.warn(`An MCP server has named over ${MOST} tools: ${server}. No more are remembered.`)
        page.isFull = true
        return
      }
      page.marks.set(tool, mark)
      page.unsaved.add(tool)
      save()
    },
    accept: (server, marks) =>
      inTurn(async () => {
        await storeNow()?.replace(server, marks)
        const page = pageOf(server)
        for (const tool of marks.keys()) page.unsaved.delete(tool)
        if (takeOver(page, marks)) changed()
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    load: (servers) =>
      inTurn(async () => {
        const store = storeNow()
        if (store === undefined) return
        // Numbers of another store say nothing.
        if (store !== known) for (const page of pages.values()) page.revision = undefined
        known = store
        const revisions = await store.revisions(servers)
        const stale = servers.filter((server) => pages.get(server)?.revision !== (revisions.get(server) ?? 0))
        const isOther: boolean[] = []
        for (const server of stale) isOther.push(await read(store, server, revisions.get(server) ?? 0))
        if (isOther.includes(true)) changed()
        save()
      }),
    async close() {
      isClosed = true
      clearTimeout(retry)
      await last
    },
  }
}
