import { GatewayError, type Host, isGatewayError, isJsonObject } from '@tianjillm/core'
import type { TokenExchange } from '../../settings.ts'
import type { TokenSource } from '../token-source.ts'
import { createSafeFetch } from './safe-fetch.ts'
import { signInNeeded } from './sign-in-needed.ts'

/** Seconds: before its end a token is replaced, how long one holds of which nothing is said, and at least. */
const LIFE = { margin: 60, unknown: 300, least: 10 }

/**
 * Tokens for the token that somebody came with, kept until a minute before their end; another subject token is
 * exchanged anew. Rejects with GatewayError: `upstream_auth_failed`, or `signInNeeded` when there is no subject token.
 * https://www.rfc-editor.org/rfc/rfc8693#section-2
 */
export function createExchangedTokens(
  server: string,
  settings: TokenExchange,
  {
    host,
    subject,
  }: { readonly host: Pick<Host, 'now' | 'fetch' | 'fetchWithin'>; readonly subject: () => string | undefined },
): TokenSource {
  const fetch = createSafeFetch({ server, serverUrl: settings.endpoint, known: [] }, host)
  let current: { readonly subject: string; readonly token: string; readonly until: number } | undefined
  let pending: { readonly subject: string; readonly token: Promise<string> } | undefined

  async function obtain(subjectToken: string): Promise<string> {
    const { token, seconds } = await exchange(server, settings, subjectToken, fetch)
    current = { subject: subjectToken, token, until: host.now() + Math.max(seconds - LIFE.margin, LIFE.least) * 1000 }
    return token
  }

  return {
    async token() {
      const wanted = subject()
      if (wanted === undefined) throw signInNeeded(server)
      if (current?.subject === wanted && host.now() < current.until) return current.token
      if (pending?.subject !== wanted) {
        const token = obtain(wanted)
        pending = { subject: wanted, token }
        const done = () => {
          if (pending?.token === token) pending = undefined
        }
        token.then(done, done)
      }
      return pending!.token
    },
    refused(token, { status }) {
      if (status !== 401) return false
      if (current?.token === token) current = undefined
      return true
    },
  }
}

async function exchange(
  server: string,
  settings: TokenExchange,
  subjectToken: string,
  fetch: ReturnType<typeof createSafeFetch>,
): Promise<{ readonly token: string; readonly seconds: number }> {
  const failure = (why: string, cause?: unknown) =>
    new GatewayError('upstream_auth_failed', `The MCP server ${server}: the token exchange ${why}.`, { cause })
  try {
    const response = await fetch(settings.endpoint, requestOf(settings, subjectToken))
    if (!response.ok) {
      await response.body?.cancel()
      throw failure(`answered with status ${response.status}`)
    }
    const body: unknown = await response.json()
    if (!isJsonObject(body) || typeof body.access_token !== 'string') throw failure('gave no access token')
    const seconds = Number(body.expires_in ?? LIFE.unknown)
    return { token: body.access_token, seconds: Number.isFinite(seconds) ? seconds : LIFE.unknown }
  } catch (error) {
    throw isGatewayError(error) ? error : failure('cannot be reached', error)
  }
}

function requestOf(settings: TokenExchange, subjectToken: string): RequestInit {
  const { clientId, clientSecret, audience, subjectTokenType, scopes } = settings
  const isSecret = clientId !== undefined && clientSecret !== undefined
  const pair = [clientId, clientSecret].map((part) => encodeURIComponent(part ?? '')).join(':')
  return {
    method: 'POST',
    headers: {
      accept: 'application/json',
      ...(isSecret && { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
    },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: subjectTokenType,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...(audience !== undefined && { audience }),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(!isSecret && clientId !== undefined && { client_id: clientId }),
    }),
  }
}
