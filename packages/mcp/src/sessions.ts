import { GatewayError } from '@tianjillm/core'

/** How many sessions there may be, and how long they last. */
export interface SessionLimits {
  /** Default 10,000. */
  readonly most?: number | undefined
  /** Of one client; default 100. */
  readonly mostPerOwner?: number | undefined
  /** Milliseconds without a request; default 30 minutes. */
  readonly idleTime?: number | undefined
}

/** Something that lasts as long as its session. */
export interface Held {
  close(): Promise<void>
}

/** Sessions, each of one owner and nobody else's. */
export interface Sessions<Content extends Held> {
  /** Room for one more: idle ones of the same owner go first. Throws GatewayError `rate_limited`. */
  makeRoom(owner: string): void
  add(id: string, owner: string, content: Content): void
  /** Undefined when there is none, or it is another's. */
  find(id: string, owner: string): Content | undefined
  /** Keeps it from being idle until the function it gives is called. */
  use(id: string): () => void
  remove(id: string): void
  all(): Iterable<Content>
  close(): Promise<void>
}

interface Entry<Content> {
  readonly id: string
  readonly owner: string
  readonly content: Content
  readonly timer: NodeJS.Timeout
  uses: number
}

/** Sessions without any. */
export function createSessions<Content extends Held>(limits: SessionLimits = {}): Sessions<Content> {
  const { most = 10_000, mostPerOwner = 100, idleTime = 30 * 60_000 } = limits
  // The least recently used ones come first.
  const entries = new Map<string, Entry<Content>>()

  const remove = (id: string) => {
    clearTimeout(entries.get(id)?.timer)
    entries.delete(id)
  }
  const end = ({ id, content }: Entry<Content>) => {
    remove(id)
    // Whoever still had it finds it gone.
    content.close().catch(() => {})
  }
  const expire = (entry: Entry<Content>) => {
    if (entry.uses === 0) end(entry)
    else entry.timer.refresh()
  }
  const touch = (entry: Entry<Content>) => {
    entry.timer.refresh()
    entries.delete(entry.id)
    entries.set(entry.id, entry)
  }

  return {
    makeRoom(owner) {
      const own = [...entries.values()].filter((entry) => entry.owner === owner)
      const crowd = own.length >= mostPerOwner ? own : entries.size >= most ? [...entries.values()] : undefined
      if (crowd === undefined) return
      const idle = crowd.find(({ uses }) => uses === 0)
      if (idle === undefined)
        throw new GatewayError('rate_limited', 'There are too many MCP sessions. End some, or try again later.', {
          retryAfter: 10,
        })
      end(idle)
    },
    add(id, owner, content) {
      const entry: Entry<Content> = {
        ...{ id, owner, content, uses: 0 },
        timer: setTimeout(() => expire(entry), idleTime).unref(),
      }
      entries.set(id, entry)
    },
    find(id, owner) {
      const entry = entries.get(id)
      return entry?.owner === owner ? entry.content : undefined
    },
    use(id) {
      const entry = entries.get(id)
      if (entry === undefined) return () => {}
      touch(entry)
      entry.uses += 1
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        entry.uses -= 1
        entry.timer.refresh()
      }
    },
    remove,
    *all() {
      for (const { content } of entries.values()) yield content
    },
    async close() {
      const all = [...entries.values()]
      for (const { id } of all) remove(id)
      await Promise.all(all.map(({ content }) => content.close().catch(() => {})))
    },
  }
}
