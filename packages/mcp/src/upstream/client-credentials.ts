import { GatewayError, type Host, inTime, isJsonObject, isLedAstray, isSafeUrl } from '@tianjillm/core'
import type { McpAuth } from '../settings.ts'
import type { TokenSource } from './token-source.ts'

type Settings = McpAuth & { readonly type: 'client_credentials' }

/** Milliseconds the token URL has to answer. */
const DEADLINE = 10_000
/** Seconds: before its end a token is replaced, how long one holds of which nothing is said, and at least. */
const LIFE = { margin: 60, unknown: 3600, least: 10 }

/**
 * Tokens by the client credentials grant (RFC 6749, 4.4), kept until a minute before their end; calls that need one at
 * the same time wait for one request. Throws GatewayError `misconfigured` for a token URL that others could listen to.
 */
export function tokenSource(server: string, settings: Settings, host: Pick<Host, 'now' | 'fetch'>): TokenSource {
  if (!isSafeUrl(settings.tokenUrl))
    throw new GatewayError('misconfigured', `The MCP server ${server}: token_url must be https.`)
  let current: { readonly token: string; readonly until: number } | undefined
  let pending: Promise<string> | undefined

  async function obtain(): Promise<string> {
    try {
      const { token, seconds } = await request(server, settings, host)
      current = { token, until: host.now() + Math.max(seconds - LIFE.margin, LIFE.least) * 1000 }
      return token
    } finally {
      pending = undefined
    }
  }

  return {
    async token() {
      if (current !== undefined && host.now() < current.until) return current.token
      pending ??= obtain()
      return pending
    },
    refused(token, { status }) {
      if (status !== 401) return false
      if (current?.token === token) current = undefined
      return true
    },
  }
}

interface Granted {
  readonly token: string
  readonly seconds: number
}

async function request(server: string, settings: Settings, host: Pick<Host, 'fetch'>): Promise<Granted> {
  const failure = (why: string, cause?: unknown) =>
    new GatewayError('upstream_auth_failed', `The MCP server ${server}: the token URL ${why}.`, { cause })
  const post = (way: Way) =>
    inTime(DEADLINE, async (signal) => {
      const response = await host.fetch(settings.tokenUrl, {
        method: 'POST',
        redirect: 'error',
        signal,
        ...way(settings),
      })
      return { status: response.status, body: response.ok ? await response.json() : await response.body?.cancel() }
    })
  try {
    let { status, body } = await post(inHeader)
    if (status === 400 || status === 401) ({ status, body } = await post(inBody))
    if (status >= 300) throw failure(`answered with status ${status}`)
    if (!isJsonObject(body) || typeof body.access_token !== 'string') throw failure('gave no access token')
    const seconds = Number(body.expires_in ?? LIFE.unknown)
    return { token: body.access_token, seconds: Number.isFinite(seconds) ? seconds : LIFE.unknown }
  } catch (error) {
    throw error instanceof GatewayError && error.kind === 'upstream_auth_failed'
      ? error
      : failure(`cannot be reached${isLedAstray(error) ? `: ${error.message}` : ''}`, error)
  }
}

type Way = (settings: Settings) => Pick<RequestInit, 'headers' | 'body'>

/** The way that every server must know (RFC 6749, 2.3.1). */
const inHeader: Way = (settings) => {
  const pair = [settings.clientId, settings.clientSecret].map(encodeURIComponent).join(':')
  return { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, body: grant(settings) }
}

/** The way that some know alone. */
const inBody: Way = (settings) => {
  const form = grant(settings)
  form.set('client_id', settings.clientId)
  form.set('client_secret', settings.clientSecret)
  return { body: form }
}

function grant({ scopes }: Settings): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  })
}
