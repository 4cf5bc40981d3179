import OpenAI from 'openai'
import { MASTER_KEY } from '../support.ts'

/** A request as OpenAI's client handed it to the network. */
export interface Handed {
  readonly url: string
  readonly contentType: string
  readonly bytes: Buffer
}

/** OpenAI's own client in front of a gateway; it tries once. */
export function openaiClient(gateway: { readonly url: string }, apiKey: string = MASTER_KEY): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0, logLevel: 'off' })
}

/**
 * The same, and what it hands to the network. `rewrite` stands for a client that writes its JSON otherwise than
 * JavaScript would.
 */
export function recordingClient(
  gateway: { readonly url: string },
  rewrite: (body: string) => string = (body) => body,
): { readonly client: OpenAI; readonly handed: readonly Handed[] } {
  const handed: Handed[] = []
  const client = openaiClient(gateway).withOptions({
    fetch: async (url, init) => {
      const body = typeof init?.body === 'string' ? rewrite(init.body) : (init?.body ?? '')
      // A form gets its boundary when it becomes bytes.
      const encoded = new Request(url as string, { ...init, body } as RequestInit)
      const bytes = Buffer.from(await encoded.arrayBuffer())
      const contentType = encoded.headers.get('content-type') ?? ''
      handed.push({ url: encoded.url, contentType, bytes })
      const headers = new Headers(init?.headers as HeadersInit)
      headers.set('content-type', contentType)
      return fetch(url as string, { ...init, headers, body: bytes } as RequestInit)
    },
  })
  return { client, handed }
}

/** What a call was refused with. Fails when it was not. */
export async function refusal(call: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await call
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error
    throw error
  }
  throw new Error('The call should have been refused.')
}
