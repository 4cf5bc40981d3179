import type { Host, JsonObject } from '@tianjillm/core'
import type { Credentials } from '../upstream/credentials.ts'
import { follow } from './follow.ts'
import { readAnswer, readFailure } from './read-answer.ts'
import type { ApiRequest } from './write-request.ts'

/** How requests of one server are sent. */
export interface Sending {
  readonly server: string
  /** Headers of every request. */
  readonly fixed: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly fetch: Host['fetch']
  /** Bytes of a result. */
  readonly limit: number
  readonly signal: AbortSignal
  /** Headers of who asks, for this request alone. */
  readonly personal: Readonly<Record<string, string>>
  /** What to do about missing credentials. */
  readonly hint: string
}

/** Sends a request and gives the answer as a result of a tool. Rejects with GatewayError for a status from 400 on, or what `fetch` throws. */
export async function exchange({ url, body, method, headers }: ApiRequest, sending: Sending): Promise<JsonObject> {
  const { server, fixed, credentials, fetch, limit, signal, personal, hint } = sending
  const send = (own: Readonly<Record<string, string>>) =>
    follow(fetch, url, {
      ...{ method, signal },
      headers: merged({ 'user-agent': 'tianjillm' }, own, headers, personal, fixed),
      ...(body !== undefined && { body }),
    })
  const own = await credentials.headers()
  let response = await send(own)
  const isRefused = response.status === 401 || response.status === 403
  if (isRefused && (await credentials.renew(own, response))) {
    await response.body?.cancel()
    response = await send(await credentials.headers())
  }
  if (response.status >= 400) throw await readFailure(server, response, hint)
  return readAnswer(response, limit)
}

/** The later ones win. */
export function merged(...all: readonly Readonly<Record<string, string>>[]): Headers {
  const headers = new Headers()
  for (const some of all) for (const [name, value] of Object.entries(some)) headers.set(name, value)
  return headers
}
