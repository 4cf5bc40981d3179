import { type Call, GatewayError, isGatewayError } from '@tianjillm/core'
import * as v from 'valibot'
import type { AwsCredentials } from './sign.ts'

/** Who wants credentials: what is used of a call, so that others than calls can have some. */
export type Asker = Pick<Call, 'fetch' | 'now' | 'signal'>

/** Credentials that run out. */
export interface TemporaryCredentials extends AwsCredentials {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Milliseconds before their end at which credentials are replaced. */
const MARGIN = 5 * 60_000
/** Milliseconds a source of credentials has to answer. */
const TIMEOUT = 10_000

/**
 * Credentials kept until shortly before they run out. Who needs new ones at the same time waits for one request, which
 * therefore outlives who began it.
 */
export function kept(
  obtain: (asker: Asker) => Promise<TemporaryCredentials>,
): (asker: Asker) => Promise<TemporaryCredentials> {
  let current: TemporaryCredentials | undefined
  let pending: Promise<TemporaryCredentials> | undefined
  const renew = async (asker: Asker) => {
    try {
      current = await obtain(asker)
      return current
    } finally {
      pending = undefined
    }
  }
  return async (asker) => {
    if (current !== undefined && asker.now() < current.expiresAt - MARGIN) return current
    pending ??= renew(asker)
    return unlessAborted(pending, asker.signal)
  }
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(isGatewayError(signal.reason) ? signal.reason : closed(signal.reason))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function closed(cause: unknown): GatewayError {
  return new GatewayError('client_closed', 'The client closed the connection.', { cause })
}

/** Who is asked for credentials, for whom: `{ plugin: 'bedrock', title: 'STS' }`. */
export interface Issuer {
  readonly plugin: string
  readonly title: string
}

/**
 * Text an issuer answers. Throws GatewayError `upstream_unreachable`, `upstream_auth_failed` when it refuses, or
 * `upstream_error` when it fails.
 */
export async function askIssuer(
  { plugin, title }: Issuer,
  asker: Asker,
  url: string,
  request: Pick<RequestInit, 'method' | 'headers' | 'body'>,
): Promise<string> {
  const { response, text } = await exchange().catch((cause: unknown) => {
    throw new GatewayError('upstream_unreachable', `${plugin}: ${title} cannot be reached.`, {
      provider: plugin,
      cause,
    })
  })
  if (response.ok) return text
  const isRefusal = response.status < 500 && response.status !== 429
  const code = /<Code>([\w.]+)<\/Code>/.exec(text)?.[1]
  throw new GatewayError(
    isRefusal ? 'upstream_auth_failed' : 'upstream_error',
    `${plugin}: ${title} gave no credentials but answered ${response.status}${code ? ` ${code}` : ''}.`,
    { provider: plugin, upstreamStatus: response.status, cause: new Error(text.slice(0, 1000)) },
  )

  async function exchange() {
    const response = await asker.fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT) })
    return { response, text: await response.text() }
  }
}

const credentialsSchema = v.object({
  AccessKeyId: v.string(),
  SecretAccessKey: v.string(),
  Token: v.string(),
  Expiration: v.pipe(v.string(), v.isoTimestamp()),
})

/** Credentials in the spelling of AWS' metadata services. Throws GatewayError `upstream_invalid_response`. */
export function readCredentials({ plugin, title }: Issuer, value: unknown): TemporaryCredentials {
  const { success, output } = v.safeParse(credentialsSchema, value)
  if (!success)
    throw new GatewayError('upstream_invalid_response', `${plugin}: ${title} answered without credentials.`, {
      provider: plugin,
    })
  return {
    accessKeyId: output.AccessKeyId,
    secretAccessKey: output.SecretAccessKey,
    sessionToken: output.Token,
    expiresAt: Date.parse(output.Expiration),
  }
}
