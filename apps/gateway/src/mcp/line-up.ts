import { hash } from 'node:crypto'
import type { Host } from '@tianjillm/core'
import type {
  createLocalUpstream,
  createUpstream,
  McpServerSettings,
  PinPolicy,
  Source,
  TagFilter,
  Upstream,
} from '@tianjillm/mcp'
import { hostWithin } from './host-within.ts'
import { ownSource } from './own-tools.ts'
import { pinningOf } from './pinning.ts'
import type { OwnTool } from './read-own-tools.ts'
import type { McpServer } from './read-servers.ts'
import { signedSettings } from './signing.ts'

/** What there is to be offered; plain data. */
export interface LineUp {
  readonly servers: readonly McpServer[]
  /** Of the gateway itself. */
  readonly tools: readonly OwnTool[]
  /** Which tools there are for anybody. */
  readonly toolFilter?: TagFilter | undefined
  /** What is done with a tool that changes under its name. */
  readonly toolPinning: PinPolicy
}

/** How servers are made. */
export interface Workshop {
  readonly host: Host
  readonly createUpstream: typeof createUpstream
  readonly createLocalUpstream: typeof createLocalUpstream
  /** One to which each user is somebody else. */
  readonly createPersonal: (settings: McpServerSettings, host: Host) => Upstream
}

/** Makes a line-up live. What was in the one before, and is reached in the same way, is the same upstream still. */
export function createStage({
  host,
  createUpstream,
  createLocalUpstream,
  createPersonal,
}: Workshop): (lineUp: LineUp) => readonly Source[] {
  let standing: ReadonlyMap<string, Source['upstream']> = new Map()
  return ({ servers, tools, toolFilter, toolPinning }) => {
    const next = new Map<string, Source['upstream']>()
    const keep = (facts: unknown, create: () => Source['upstream']) => {
      // Only a hash is kept, for there are secrets among the facts.
      const mark = hash('sha256', JSON.stringify(facts))
      const upstream = standing.get(mark) ?? create()
      next.set(mark, upstream)
      return upstream
    }
    const others = servers.map((server) => {
      const { settings, signing, reach, about } = server
      return {
        ...about,
        pinning: pinningOf(server, toolPinning),
        transport: settings.transport.type,
        upstream: keep([settings, signing, reach], () => {
          const its = hostWithin(host, reach)
          return settings.personal === undefined
            ? createUpstream(signedSettings({ settings, signing }, its), its)
            : createPersonal(settings, its)
        }),
      }
    })
    // A server that is called like the gateway keeps its name. The gateway's own tools are the operator's, and need no pins.
    const own = tools.length > 0 ? [ownSource(tools, createLocalUpstream)] : []
    const sources = [...others, ...own.map((source) => ({ ...source, upstream: keep(tools, () => source.upstream) }))]
    standing = next
    return toolFilter === undefined ? sources : sources.map((source) => ({ ...source, toolFilter }))
  }
}
