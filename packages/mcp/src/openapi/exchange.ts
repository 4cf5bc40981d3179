import type { FetchLike } from '@modelcontextprotocol/client'
import type { JsonObject } from '@tianjillm/core'
import { type Ask, follow } from './follow.ts'
import { readAnswer, readFailure } from './read-answer.ts'
import type { ApiRequest } from './write-request.ts'

/** How requests of one server are sent. */
export interface Sending {
  readonly server: string
  /** Headers of every request. */
  readonly fixed: Readonly<Record<string, string>>
  /** With the server's credentials. */
  readonly fetch: FetchLike
  /** Bytes of a result. */
  readonly limit: number
  readonly signal: AbortSignal
  /** Headers of who asks, for this request alone. */
  readonly personal: Readonly<Record<string, string>>
  /** What to do about missing credentials. */
  readonly hint: string
}

/** Sends a request and gives the answer as a result of a tool. Rejects with GatewayError for a status from 400 on, or what `fetch` throws. */
export async function exchange(request: ApiRequest, sending: Sending): Promise<JsonObject> {
  const { server, fixed, fetch, limit, signal, personal, hint } = sending
  const { headers, ...content } = await contentOf(request)
  const response = await follow(fetch, request.url, {
    ...{ method: request.method, signal, ...content },
    headers: merged({ 'user-agent': 'tianjillm' }, headers, personal, fixed),
  })
  if (response.status >= 400) throw await readFailure(server, response, hint)
  return readAnswer(response, limit)
}

/** A form is written out, so that it is the same bytes for who signs it and for who gets it. */
async function contentOf({ headers, body }: ApiRequest): Promise<Pick<Ask, 'body'> & Pick<ApiRequest, 'headers'>> {
  if (body === undefined) return { headers }
  if (!(body instanceof FormData)) return { headers, body }
  const form = new Response(body)
  const contentType = form.headers.get('content-type')!
  return { headers: { ...headers, 'content-type': contentType }, body: await form.bytes() }
}

/** The later ones win. */
export function merged(...all: readonly Readonly<Record<string, string>>[]): Headers {
  const headers = new Headers()
  for (const some of all) for (const [name, value] of Object.entries(some)) headers.set(name, value)
  return headers
}
