import type { Host } from '@tianjillm/core'
import type { McpAuth } from '../settings.ts'
import { tokenSource } from './client-credentials.ts'

/** What is put on each request so that the server knows the gateway. */
export interface Credentials {
  headers(): Promise<Readonly<Record<string, string>>>
  /** The server answered 401 to these headers: whether there may be others now. */
  renew(refused: Readonly<Record<string, string>>): boolean
}

/** The credentials of the settings; none without settings. Throws GatewayError `misconfigured`. */
export function createCredentials(
  server: string,
  auth: McpAuth | undefined,
  host: Pick<Host, 'now' | 'fetch'>,
): Credentials {
  if (auth?.type !== 'client_credentials') {
    const headers = auth === undefined ? {} : fixed[auth.type](auth.value)
    return { headers: async () => headers, renew: () => false }
  }
  const source = tokenSource(server, auth, host)
  return {
    headers: async () => ({ authorization: `Bearer ${await source.token()}` }),
    renew: ({ authorization = '' }) => {
      source.forget(authorization.slice('Bearer '.length))
      return true
    },
  }
}

type FixedType = Exclude<McpAuth['type'], 'client_credentials'>

const fixed: Readonly<Record<FixedType, (value: string) => Readonly<Record<string, string>>>> = {
  api_key: (value) => ({ 'x-api-key': value }),
  bearer_token: (value) => ({ authorization: `Bearer ${value}` }),
  // `user:password`, or what has been made of that already.
  basic: (value) => ({
    authorization: `Basic ${value.includes(':') ? Buffer.from(value).toString('base64') : value}`,
  }),
  authorization: (value) => ({ authorization: value }),
}
