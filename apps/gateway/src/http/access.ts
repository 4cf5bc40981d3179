import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Caller, GatewayError } from '@tianjillm/core'

/** Decides who may call. */
export interface Access {
  /** Whether a key is needed at all. */
  readonly isOpen: boolean
  /** The caller behind the key in these headers. Throws GatewayError `invalid_api_key`. */
  authenticate(headers: IncomingHttpHeaders): Caller
}

/** Headers that may hold the key, in the order they are looked at: OpenAI's, Azure's, Anthropic's, Google's, LiteLLM's. */
const keyHeaders = [
  'x-litellm-api-key',
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
]

/** Access by the master key; with none everybody may call. `header` is an additional header that may hold the key. */
export function createAccess(masterKey: string | undefined, header?: string): Access {
  if (masterKey === undefined) return { isOpen: true, authenticate: () => ({}) }
  const expected = digest(masterKey)
  const names = header === undefined ? keyHeaders : [header.toLowerCase(), ...keyHeaders]
  const master: Caller = { keyHash: expected.toString('hex'), keyAlias: 'master_key' }
  return {
    isOpen: false,
    authenticate(headers) {
      const key = keyIn(headers, names)
      if (key === undefined)
        throw new GatewayError('invalid_api_key', 'No API key. Send it as "Authorization: Bearer <key>".')
      if (!timingSafeEqual(digest(key), expected))
        throw new GatewayError('invalid_api_key', 'The API key is not valid.')
      return master
    },
  }
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function keyIn(headers: IncomingHttpHeaders, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers[name]
    if (typeof value !== 'string' || value === '') continue
    const [, token] = /^Bearer\s+(\S+)\s*$/i.exec(value) ?? []
    if (token !== undefined) return token
    if (name !== 'authorization') return value
  }
  return undefined
}
