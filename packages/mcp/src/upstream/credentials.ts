import type { FetchLike } from '@modelcontextprotocol/client'
import type { Awaitable, Host, UpstreamRequest } from '@tianjillm/core'
import { readBytes, textOf } from '../openapi/read-bytes.ts'
import type { McpAuth } from '../settings.ts'
import { tokenSource } from './client-credentials.ts'
import { challengeIn } from './oauth/challenge.ts'
import type { Signer } from './signer.ts'
import type { TokenSource } from './token-source.ts'

/** What is put on each request so that the server knows the gateway. */
export interface Credentials {
  /** Called right before a request is sent, and again before it is repeated. Rejects with GatewayError. */
  introduce(request: UpstreamRequest, signal: AbortSignal | undefined): Awaitable<Introduced>
}

/** A request that shows who sends it. */
export interface Introduced {
  /** All that it is sent with. Keys and tokens give way to headers that it has itself, a signature does not. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The server answered 401 or 403: that answer, or undefined when there may be another to a request that is introduced
   * anew. Rejects when somebody has to see to it.
   */
  refused(answer: Response): Awaitable<Response | undefined>
}

/** The credentials of the settings; none without settings. Throws GatewayError `misconfigured`. */
export function createCredentials(
  server: string,
  auth: McpAuth | undefined,
  host: Pick<Host, 'now' | 'fetch'>,
): Credentials {
  if (auth === undefined) return withFixed({})
  if ('value' in auth) return withFixed(fixed[auth.type](auth.value))
  if (auth.type === 'signature') return withSignature(auth.signer)
  return withTokens(auth.type === 'tokens' ? auth.tokens : tokenSource(server, auth, host))
}

/** Requests with these credentials; once more when they are refused and there are others now. Bodies are text or bytes. */
export function fetchWith(credentials: Credentials, fetch: Host['fetch']): FetchLike {
  return async (url, init = {}) => {
    // The SDK and the writer of OpenAPI's requests know no other methods and bodies.
    const request = {
      ...{ method: init.method ?? 'GET', url: String(url), body: init.body ?? undefined },
      headers: Object.fromEntries(new Headers(init.headers)),
    } as UpstreamRequest
    const send = async () => {
      const introduced = await credentials.introduce(request, init.signal ?? undefined)
      return { introduced, response: await fetch(url, { ...init, headers: introduced.headers }) }
    }
    const { introduced, response } = await send()
    if (response.status !== 401 && response.status !== 403) return response
    try {
      const answer = await introduced.refused(response)
      if (answer !== undefined) return answer
    } catch (error) {
      await response.body?.cancel()
      throw error
    }
    await response.body?.cancel()
    return (await send()).response
  }
}

type FixedType = Extract<McpAuth, { readonly value: string }>['type']

const fixed: Readonly<Record<FixedType, (value: string) => Readonly<Record<string, string>>>> = {
  api_key: (value) => ({ 'x-api-key': value }),
  bearer_token: (value) => ({ authorization: `Bearer ${value}` }),
  // `user:password`, or what has been made of that already.
  basic: (value) => ({
    authorization: `Basic ${value.includes(':') ? Buffer.from(value).toString('base64') : value}`,
  }),
  authorization: (value) => ({ authorization: value }),
}

function withFixed(own: Readonly<Record<string, string>>): Credentials {
  return { introduce: ({ headers }) => ({ headers: { ...own, ...headers }, refused: (answer) => answer }) }
}

function withTokens(source: TokenSource): Credentials {
  return {
    async introduce({ headers }) {
      const token = await source.token()
      return {
        headers: { authorization: `Bearer ${token}`, ...headers },
        async refused(answer) {
          const { status } = answer
          const challenge = challengeIn(answer)
          if (status === 403 && challenge.error !== 'insufficient_scope') return answer
          return (await source.refused(token, { ...challenge, status })) ? undefined : answer
        },
      }
    },
  }
}

/** Bytes of a refusal that are read to know why. */
const MOST_OF_REFUSAL = 16 * 1024

function withSignature(signer: Signer): Credentials {
  return {
    introduce: async (request, signal) => ({
      headers: await signer.sign(request, signal),
      async refused(answer) {
        const { status, headers } = answer
        const { bytes } = await readBytes(answer, MOST_OF_REFUSAL)
        const why = signer.explain({ status, headers, text: textOf(bytes, headers.get('content-type') ?? '') })
        if (why !== undefined) throw why
        // What was fetched is not in shared memory.
        return new Response(bytes as Uint8Array<ArrayBuffer>, answer)
      },
    }),
  }
}
