import type { FetchLike } from '@modelcontextprotocol/client'
import type { Host, JsonObject } from '@tianjillm/core'
import { argumentCheck } from '../argument-check.ts'
import type { ApiTransport } from '../settings.ts'
import type { Offer } from '../upstream.ts'
import { basesOf } from './base-url.ts'
import { parseDocument } from './document.ts'
import { checkable } from './keywords.ts'
import { isUrl, loadText, type Mark } from './load-document.ts'
import type { LeftOut } from './operations.ts'
import { authHint } from './security.ts'
import { type ApiTool, toolsOf } from './tools.ts'

/** What a document says, ready to be used. */
export interface Api {
  readonly mark: Mark
  readonly offer: Offer
  /** By the names of the tools. */
  readonly tools: ReadonlyMap<string, ReadyTool>
  /** How the API wants to be shown who asks. */
  readonly authHint: string | undefined
}

/** A tool that can be called. */
export interface ReadyTool extends ApiTool {
  /** Throws GatewayError `invalid_request` that says which argument does not fit. */
  readonly demandFit: (given: JsonObject) => void
}

/** What it takes to load an API. */
export interface ApiLoading {
  readonly server: string
  readonly log: Host['log']
  readonly fetch: FetchLike
  readonly signal: AbortSignal
  readonly before: Api | undefined
  /** Headers for the document's own server. */
  readonly headers: Readonly<Record<string, string>>
}

/** The API of a document; what was there before when nothing has changed. Rejects with DocumentFault, or what `fetch` throws. */
export async function loadApi(
  { document, url, headers: own }: ApiTransport,
  { server, log, fetch, signal, before, headers }: ApiLoading,
): Promise<Api> {
  const { text, mark } = await loadText(document, { fetch, signal, before: before?.mark, headers })
  if (text === undefined) return { ...before!, mark }
  const read = await parseDocument(text)
  const bases = basesOf(read, { documentUrl: isUrl(document) ? document : undefined, url })
  const ownHeaders = new Set(Object.keys(own).map((header) => header.toLowerCase()))
  const { tools, leftOut } = toolsOf(read, bases, ownHeaders)
  if (leftOut.length > 0) log.warn(`Left out of what the MCP server ${server} offers: ${toldOf(leftOut)}.`)
  return {
    mark,
    authHint: authHint(read),
    offer: offerOf(tools),
    tools: new Map(tools.map((tool) => [tool.tool.name, ready(tool)])),
  }
}

function offerOf(tools: readonly ApiTool[]): Offer {
  return Object.freeze({
    ...{ prompts: [], resources: [], resourceTemplates: [] },
    tools: Object.freeze(tools.map(({ tool }) => tool)),
    capabilities: { tools: {} },
    instructions: undefined,
  })
}

function ready(tool: ApiTool): ReadyTool {
  let demandFit: ReturnType<typeof argumentCheck> | undefined
  return {
    ...tool,
    demandFit(given) {
      demandFit ??= argumentCheck(checkable(tool.tool.inputSchema))
      demandFit(given)
    },
  }
}

/** Operations that are named. */
const MOST_NAMED = 10

function toldOf(leftOut: readonly LeftOut[]): string {
  const named = leftOut.slice(0, MOST_NAMED).map(({ what, why }) => `${what.slice(0, 200)} (${why})`)
  const more = leftOut.length - named.length
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
