import {
  GatewayError,
  type Host,
  inTime,
  isGatewayError,
  isJsonObject,
  isLedAstray,
  type JsonObject,
} from '@tianjillm/core'
import { McpServerError } from '../server-error.ts'
import type { ApiTransport, McpServerSettings } from '../settings.ts'
import { createCredentials, fetchWith } from '../upstream/credentials.ts'
import { told } from '../upstream/faults.ts'
import { createGate } from '../upstream/gate.ts'
import { createKnownOffer } from '../upstream/known-offer.ts'
import { createNamedFetch } from '../upstream/named-fetch.ts'
import { createState } from '../upstream/state.ts'
import type { RequestOptions, Upstream } from '../upstream.ts'
import { type Api, loadApi } from './api.ts'
import { exchange, merged } from './exchange.ts'
import { DocumentFault } from './fault.ts'
import { isUrl } from './load-document.ts'
import { writeRequest } from './write-request.ts'

/** Milliseconds after which a document is looked at again. */
const HOUR = 3_600_000
/** Requests that wait for others of the same server. */
const ROOM = 1000
/** Bytes of an answer that are read, and of a result. */
const RESULT_LIMIT = 16 * 1024 * 1024

/** JSON-RPC's codes. https://www.jsonrpc.org/specification#error_object */
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602

/** Settings of an API. */
export interface ApiSettings extends McpServerSettings {
  readonly transport: ApiTransport
}

/**
 * An HTTP API as an MCP server: each operation of its OpenAPI document is a tool. The document is loaded when somebody
 * first asks, and looked at again every hour. Throws GatewayError `misconfigured` for credentials that cannot be used.
 */
export function createApiUpstream(
  settings: ApiSettings,
  host: Pick<Host, 'now' | 'log' | 'fetch' | 'fetchWithin'>,
  limit: number = RESULT_LIMIT,
): Upstream {
  const { name, transport, timeout = 60_000, listTimeout = 30_000 } = settings
  const fetch = fetchWith(createCredentials(name, transport.auth, host), fetchOf(transport, host))
  const gate = createGate(name, settings.concurrency ?? 32, ROOM)
  const state = createState(host)
  const closing = new AbortController()
  let api: Api | undefined
  let timer: NodeJS.Timeout | undefined

  const offer = createKnownOffer({
    ...{ server: name, state, deadline: listTimeout },
    isUp: () => true,
    async ask(begin) {
      begin()
      try {
        api = await inTime(listTimeout, load)
      } catch (cause) {
        const error = unusable(cause)
        if (api === undefined) {
          state.failed(error.message)
          throw error
        }
        host.log.warn(`${error.message} What it said before still holds.`)
      }
      lookAgain()
      return api.offer
    },
  })

  async function load(signal: AbortSignal): Promise<Api> {
    const ours = isAtHome(transport)
      ? { fetch, headers: Object.fromEntries(merged(transport.headers)) }
      : { fetch: host.fetch, headers: {} }
    return loadApi(transport, { server: name, log: host.log, signal, before: api, ...ours })
  }

  function lookAgain(): void {
    clearTimeout(timer)
    if (!state.isStopped) timer = setTimeout(offer.drop, HOUR).unref()
  }

  function unusable(cause: unknown): GatewayError {
    if (isGatewayError(cause) && cause.kind !== 'upstream_timeout' && !isLedAstray(cause)) return cause
    const message = `The MCP server ${name}: its OpenAPI document ${whyNot(cause, listTimeout)}.`
    return new GatewayError('upstream_unreachable', message, { cause })
  }

  async function callTool(params: JsonObject, options: RequestOptions): Promise<JsonObject> {
    if (api === undefined) await offer.get()
    const { tools, authHint } = api!
    const tool = tools.get(String(params.name))
    if (tool === undefined)
      throw new McpServerError(INVALID_PARAMS, `Unknown tool: ${String(params.name).slice(0, 200)}`)
    const given = isJsonObject(params.arguments) ? params.arguments : {}
    tool.demandFit(given)
    const request = writeRequest(tool, given)
    const { signal, headers: personal = {}, timeout: patience = timeout } = options
    const about = { server: name, fixed: transport.headers, hint: hintOf(transport, authHint) }
    const work = (late: AbortSignal) => {
      const ends = [late, closing.signal, ...(signal === undefined ? [] : [signal])]
      return exchange(request, { ...about, fetch, limit, personal, signal: AbortSignal.any(ends) })
    }
    try {
      return await gate.run(() => inTime(patience, work), { timeout: patience, signal })
    } catch (cause) {
      throw told(isOurTimeout(cause) ? tooLate(name, patience, cause) : cause, {
        server: name,
        timeout: patience,
        signal,
      })
    }
  }

  return {
    name,
    get health() {
      return state.health
    },
    get known() {
      return offer.value
    },
    async offer() {
      if (state.isStopped) throw stopped(name)
      return offer.get()
    },
    async open() {
      return {
        async request(method, params, options = {}) {
          if (state.isStopped) throw stopped(name)
          if (method !== 'tools/call') throw new McpServerError(METHOD_NOT_FOUND, 'Method not found')
          return callTool(params, options)
        },
        close: async () => {},
      }
    },
    onChange: state.onChange,
    async close() {
      state.stopped()
      clearTimeout(timer)
      closing.abort(stopped(name))
    },
  }
}

/** Where calls may go: without a URL of its operator's the document says where, which may be somebody else's. */
function fetchOf({ document, url }: ApiTransport, host: Pick<Host, 'fetch' | 'fetchWithin'>): Host['fetch'] {
  return url === undefined && isUrl(document) ? createNamedFetch({ home: document }, host) : host.fetch
}

/** Whether its document is where its operator says that the API is, and may be asked for with the same credentials. */
function isAtHome({ document, url }: ApiTransport): boolean {
  return url !== undefined && isUrl(document) && URL.parse(document)?.origin === URL.parse(url)?.origin
}

function whyNot(cause: unknown, deadline: number): string {
  if (cause instanceof DocumentFault) return cause.message
  if (isLedAstray(cause)) return `cannot be reached: ${cause.message}`
  if (isGatewayError(cause)) return `was not there within ${deadline / 1000} s`
  return cause instanceof RangeError ? 'is nested too deeply' : 'cannot be reached'
}

function hintOf({ auth, headers }: ApiTransport, wanted: string | undefined): string {
  if (auth !== undefined || Object.keys(headers).length > 0) return "It does not accept the gateway's credentials."
  const document = wanted === undefined ? '' : `Its document asks for ${wanted}. `
  return `${document}The gateway has no credentials for it: set auth_type and auth_value, or static_headers.`
}

/** One of the API's own has a status. */
function isOurTimeout(cause: unknown): boolean {
  return isGatewayError(cause) && cause.kind === 'upstream_timeout' && cause.facts.upstreamStatus === undefined
}

function tooLate(name: string, timeout: number, cause: unknown): GatewayError {
  return new GatewayError('upstream_timeout', `The API ${name} did not answer within ${timeout / 1000} s.`, { cause })
}

function stopped(name: string): GatewayError {
  return new GatewayError('upstream_unreachable', `The MCP server ${name} is stopped.`)
}
