import type { Awaitable, Host } from '@tianjillm/core'
import type { McpAuth } from '../settings.ts'
import { tokenSource } from './client-credentials.ts'
import { challengeIn } from './oauth/challenge.ts'

/** What is put on each request so that the server knows the gateway. */
export interface Credentials {
  headers(): Promise<Readonly<Record<string, string>>>
  /** The server answered 401 or 403 to these headers: whether there may be others now. Rejects when somebody has to see to it. */
  renew(refused: Readonly<Record<string, string>>, response: Pick<Response, 'status' | 'headers'>): Awaitable<boolean>
}

/** The credentials of the settings; none without settings. Throws GatewayError `misconfigured`. */
export function createCredentials(
  server: string,
  auth: McpAuth | undefined,
  host: Pick<Host, 'now' | 'fetch'>,
): Credentials {
  if (auth === undefined || 'value' in auth) {
    const headers = auth === undefined ? {} : fixed[auth.type](auth.value)
    return { headers: async () => headers, renew: () => false }
  }
  const source = auth.type === 'tokens' ? auth.tokens : tokenSource(server, auth, host)
  return {
    headers: async () => ({ authorization: `Bearer ${await source.token()}` }),
    renew({ authorization = '' }, response) {
      const challenge = challengeIn(response)
      if (response.status === 403 && challenge.error !== 'insufficient_scope') return false
      return source.refused(authorization.slice('Bearer '.length), { ...challenge, status: response.status })
    },
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
