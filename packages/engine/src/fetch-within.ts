import { type LookupAddress, lookup as lookUp } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { innerNetworkOf, isLedAstray, isWithin, leadsAstray, type Reach } from '@tianjillm/core'
import type { Dispatcher } from 'undici'

/** Milliseconds in which a connection must be made. */
const CONNECT_TIMEOUT = 10_000

/** Looks a name up, as `lookup` of node:dns does with `all`. */
export type LookUp = (
  hostname: string,
  options: { readonly all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * `fetchWithin` of a host. A name is looked up where the connection is made, and what it leads to is judged there: it
 * cannot lead elsewhere in between. Behind a proxy of the environment (with NODE_USE_ENV_PROXY=1, as for node's own fetch) it
 * is the proxy that looks names up, so they are looked up and judged here before it is asked. Takes no `Request`.
 */
export function createFetchWithin(lookup: LookUp = lookUp): (reach: Reach) => typeof globalThis.fetch {
  const fetches = new Map<Reach, typeof globalThis.fetch>()
  return (reach) => {
    const fetch = fetches.get(reach) ?? fetchBy(reach, lookup)
    fetches.set(reach, fetch)
    return fetch
  }
}

function fetchBy(reach: Reach, lookup: LookUp): typeof globalThis.fetch {
  let dispatcher: Promise<Dispatcher> | undefined
  return async (input, init) => {
    // The index of undici is dear, and most gateways never come here.
    const { fetch } = await import('undici')
    dispatcher ??= dispatcherWithin(reach, lookup)
    try {
      // Its types differ from lib.dom's in names only.
      const options = { ...(await encoded(init)), dispatcher: await dispatcher } as Parameters<typeof fetch>[1]
      const { body, status, statusText, headers } = await fetch(String(input), options)
      // One of this process: libraries look for that.
      return new Response(body as BodyInit | null, { status, statusText, headers: [...headers] })
    } catch (error) {
      // Who gives up may have any reason.
      const cause = error instanceof Error ? error.cause : undefined
      throw isLedAstray(cause) ? cause : error
    }
  }
}

async function dispatcherWithin(reach: Reach, lookup: LookUp): Promise<Dispatcher> {
  const { Agent, buildConnector, EnvHttpProxyAgent } = await import('undici')
  const judged = judgedLookup(reach, lookup)
  const dial = buildConnector({ timeout: CONNECT_TIMEOUT, lookup: judged })
  const connect: typeof dial = (options, done) => {
    // One that is written out would not be looked up.
    if (isIP(options.hostname) === 0) return dial(options, done)
    judged(options.hostname, {}, (error) => (error === null ? dial(options, done) : done(error, null)))
  }
  if (process.env.NODE_USE_ENV_PROXY !== '1') return new Agent({ connect })
  return new EnvHttpProxyAgent({ connect }).compose((dispatch) => (options, handler) => {
    const hostname = new URL(String(options.origin)).hostname.replace(/^\[|\]$/g, '')
    judged(hostname, {}, (error) => {
      if (error === null) dispatch(options, handler)
      // No request began, so there is nothing that could be controlled.
      else handler.onResponseError?.(undefined as never, error)
    })
    return true
  })
}

/** A lookup that gives no address unless all of them are within reach. */
function judgedLookup(reach: Reach, lookup: LookUp): LookupFunction {
  return (hostname, options, done) => {
    const judge: Parameters<LookUp>[2] = (failure, addresses = []) => {
      const error = failure ?? addresses.map(({ address }) => astray(reach, hostname, address)).find(Boolean) ?? null
      const [{ address, family } = { address: '', family: 0 }] = addresses
      if (error !== null || options.all === true) done(error, addresses)
      else done(null, address, family)
    }
    const family = isIP(hostname)
    if (family === 0) lookup(hostname, { ...options, all: true }, judge)
    else judge(null, [{ address: hostname, family }])
  }
}

function astray(reach: Reach, hostname: string, address: string): Error | undefined {
  const network = innerNetworkOf(address)
  return isWithin(reach, network) ? undefined : leadsAstray(hostname, network)
}

/** A form of this process is none to another copy of undici. */
async function encoded(init: RequestInit = {}): Promise<RequestInit> {
  if (Object.prototype.toString.call(init.body) !== '[object FormData]') return init
  const form = new Response(init.body ?? null)
  const headers = new Headers(init.headers)
  headers.set('content-type', form.headers.get('content-type')!)
  return { ...init, headers, body: new Uint8Array(await form.arrayBuffer()) }
}
