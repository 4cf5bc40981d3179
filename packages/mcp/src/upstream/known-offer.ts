import { GatewayError, inTime, isGatewayError } from '@tianjillm/core'
import { McpServerError } from '../server-error.ts'
import type { Offer, Tool } from '../upstream.ts'
import type { State } from './state.ts'

/** What a server offers, as far as it is known. */
export interface KnownOffer {
  readonly value: Offer | undefined
  /** What is known, or what the server says. Rejects with GatewayError `upstream_unreachable`. */
  get(): Promise<Offer>
  /** The tool of this name, if some of its arguments go into headers as well. */
  mirrored(name: unknown): Tool | undefined
  /** It may not hold any more. */
  drop(): void
}

/** What it takes to ask. */
export interface OfferSource {
  readonly server: string
  readonly state: State
  /** Milliseconds to wait for what is not known. */
  readonly deadline: number
  /** With it, what was said holds for half an hour; without, until it is dropped. */
  readonly now?: () => number
  /** Whether the server is there to be asked. */
  isUp(): boolean
  /** Asks; `begin` is called right before, for what changes after that is news. Rejects with GatewayError. */
  ask(begin: () => void): Promise<Offer>
}

/** Milliseconds after which a server is asked again that tells of no change: not all do. */
const LIFETIME = 30 * 60_000

/** Keeps what a server offers until it changes, or for half an hour where there is a clock; while the server is away, what it offered last. */
export function createKnownOffer({ server, state, deadline, now, isUp, ask }: OfferSource): KnownOffer {
  let value: Offer | undefined
  let mirrored = new Map<unknown, Tool>()
  let isStale = true
  let learnedAt = 0
  let changes = 0
  let asking: Promise<Offer> | undefined

  async function refresh(): Promise<Offer> {
    let asked = changes
    try {
      value = await ask(() => {
        asked = changes
      })
      mirrored = new Map(value.tools.filter(isMirrored).map((tool) => [tool.name, tool]))
      isStale = changes !== asked
      learnedAt = now?.() ?? 0
      state.healthy()
      if (isStale) state.changed()
      return value
    } finally {
      asking = undefined
    }
  }

  return {
    get value() {
      return value
    },
    async get() {
      const isOld = isStale || (now !== undefined && now() - learnedAt >= LIFETIME)
      if (value !== undefined && !(isOld && isUp())) return value
      asking ??= refresh()
      const answer = asking
      try {
        return await inTime(deadline, () => answer)
      } catch (cause) {
        const error = unreachable(server, deadline, cause)
        if (state.health.failure === undefined) state.failed(error.message)
        if (value !== undefined) return value
        throw error
      }
    },
    mirrored: (name) => mirrored.get(name),
    drop() {
      changes += 1
      if (isStale) return
      isStale = true
      state.changed()
    },
  }
}

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/transports: `x-mcp-header` in the schema of an argument. */
function isMirrored({ inputSchema }: Tool): boolean {
  return JSON.stringify(inputSchema).includes('"x-mcp-header"')
}

function unreachable(server: string, deadline: number, cause: unknown): GatewayError {
  const say = (message: string) => new GatewayError('upstream_unreachable', message, { cause })
  if (cause instanceof McpServerError)
    return say(`The MCP server ${server} does not say what it offers (error ${cause.code}).`)
  if (isGatewayError(cause) && cause.kind !== 'upstream_timeout') return say(cause.message)
  return say(`The MCP server ${server} did not say within ${deadline / 1000} s what it offers.`)
}
