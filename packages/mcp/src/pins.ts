import { hash } from 'node:crypto'
import { GatewayError, isJsonObject, type Log } from '@tianjillm/core'
import { cleanText, DEEPEST } from './clean-text.ts'
import type { PinBook } from './pin-book.ts'
import type { Tool, Upstream } from './upstream.ts'

/** What is done with a tool that is no longer what it was: nothing, told in the log, or left out besides. */
export type PinPolicy = 'off' | 'warn' | 'quarantine'

/** How a server's tools are held to what they were when they were first seen. */
export interface Pinning {
  readonly policy: Exclude<PinPolicy, 'off'>
  /** What books know the server by: another one under its name is another to them. */
  readonly server: string
  /** What makes a changed tool a known one, for the log. */
  readonly remedy?: string
}

const parts = ['description', 'schema', 'annotations'] as const

/** A tool that is not what it was. */
export interface ChangedTool {
  readonly name: string
  /** What of it has changed; a title is part of the description. */
  readonly changed: readonly (typeof parts)[number][]
  readonly isOffered: boolean
}

interface Held {
  readonly upstream: Pick<Upstream, 'name' | 'personal'>
  readonly pinning?: Pinning | undefined
}

/** Holds servers to what their tools were. */
export interface Pins {
  /** Whether a tool may be offered. Who is first seen is trusted; a tool that becomes what it was is itself again. */
  accepts(source: Held, tool: Tool): boolean
  /** Those of a server's tools that are not what they were. */
  changed(source: Held, tools: readonly Tool[]): readonly ChangedTool[]
  /**
   * Takes a server's tools for what they are now, all or those of these names. Gives the names of those that had changed.
   * Rejects with GatewayError `not_found` for a name that is not among them, and `invalid_request` when the server is held
   * to nothing.
   */
  accept(source: Held, tools: readonly Tool[], names?: readonly string[]): Promise<readonly string[]>
}

/** Pins of a book. */
export function createPins(book: PinBook, log: Log): Pins {
  const told = new Map<string, string>()

  const tellOnce = ({ upstream }: Held, { policy, server, remedy }: Pinning, tool: Tool, known: string) => {
    const key = JSON.stringify([server, entryOf(tool)])
    const news = `${policy} ${markOf(tool)}`
    if (told.get(key) === news) return
    told.set(key, news)
    const what = `${cleanText(tool.name, 100)}: ${changesOf(known, tool).join(', ')}`
    const fate =
      policy === 'quarantine'
        ? `It is left out until it is what it was${remedy === undefined ? '' : `, or ${remedy} accepts it`}.`
        : `It is offered all the same${remedy === undefined ? '' : `; ${remedy} accepts it`}.`
    log.warn(`The MCP server ${upstream.name} has changed its tool ${what}. ${fate}`)
  }

  const changedOf = (pinning: Pinning, tools: readonly Tool[]) =>
    // Of two with one name only the first can be offered.
    [...new Map(tools.toReversed().map((tool) => [tool.name, tool])).values()].reverse().filter((tool) => {
      if (typeof tool.name !== 'string') return false
      const known = book.find(pinning.server, entryOf(tool))
      return known !== undefined && known !== markOf(tool)
    })

  return {
    accepts(source, tool) {
      const pinning = pinningOf(source)
      // What has no name is left out by whoever gives it a public one.
      if (pinning === undefined || typeof tool.name !== 'string') return true
      const known = book.find(pinning.server, entryOf(tool))
      if (known === undefined) book.add(pinning.server, entryOf(tool), markOf(tool))
      if (known === undefined || known === markOf(tool)) return true
      tellOnce(source, pinning, tool, known)
      return pinning.policy !== 'quarantine'
    },
    changed(source, tools) {
      const pinning = pinningOf(source)
      if (pinning === undefined) return []
      return changedOf(pinning, tools).map((tool) => ({
        name: tool.name,
        changed: changesOf(book.find(pinning.server, entryOf(tool))!, tool),
        isOffered: pinning.policy !== 'quarantine',
      }))
    },
    async accept(source, tools, names) {
      const pinning = pinningOf(source)
      if (pinning === undefined) throw notHeld(source)
      const unknown = names?.find((name) => !tools.some((tool) => tool.name === name))
      if (unknown !== undefined) throw noSuchTool(source, unknown)
      const wanted = names === undefined ? tools : tools.filter(({ name }) => names.includes(name))
      const changed = changedOf(pinning, wanted)
      if (changed.length > 0)
        await book.accept(pinning.server, new Map(changed.map((tool) => [entryOf(tool), markOf(tool)])))
      return changed.map(({ name }) => name)
    },
  }
}

/** What a server of single users offers to all others is the gateway's own. */
function pinningOf({ upstream, pinning }: Held): Pinning | undefined {
  return upstream.personal === undefined ? pinning : undefined
}

/** A name as books have it: one that a database might not take, or give back as another, by its hash. */
function entryOf({ name }: Tool): string {
  return /^[\w./-]{1,128}$/.test(name) ? name : hash('sha256', name)
}

const marks = new WeakMap<Tool, string>()

/** What a model goes by when it chooses and calls a tool, each part as a hash. */
function markOf(tool: Tool): string {
  const known = marks.get(tool)
  if (known !== undefined) return known
  const { title, description, inputSchema, outputSchema, annotations } = tool
  const said = [[title, description], [inputSchema, outputSchema], annotations]
  const mark = said.map((part) => hash('sha256', JSON.stringify(ordered(part, 0)) ?? '', 'base64url')).join('.')
  marks.set(tool, mark)
  return mark
}

function changesOf(known: string, tool: Tool): ChangedTool['changed'] {
  const before = known.split('.')
  const now = markOf(tool).split('.')
  return parts.filter((_, index) => before[index] !== now[index])
}

/** Some servers give the fields of an object in another order each time. What lies too deep is never offered. */
function ordered(value: unknown, depth: number): unknown {
  if (depth > DEEPEST) return undefined
  if (Array.isArray(value)) return value.map((item) => ordered(item, depth + 1))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, ordered(value[key], depth + 1)]),
  )
}

function notHeld({ upstream }: Held): GatewayError {
  const why =
    upstream.personal === undefined
      ? 'its tools are not held to what they were'
      : 'each of its users has tools of their own, and has them as they are when they sign in anew'
  return new GatewayError('invalid_request', `The MCP server ${upstream.name} has nothing to accept: ${why}.`)
}

function noSuchTool({ upstream }: Held, name: string): GatewayError {
  const message = `The MCP server ${upstream.name} offers no tool "${cleanText(name, 100)}".`
  return new GatewayError('not_found', message, { param: 'tools' })
}
