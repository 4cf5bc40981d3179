import { extractWWWAuthenticateParams, type FetchLike } from '@modelcontextprotocol/client'

/** What a server says of itself when it refuses a request. https://www.rfc-editor.org/rfc/rfc9728#section-5.1 */
export interface Challenge {
  readonly resourceMetadataUrl?: string | undefined
  /** What the refused request would have needed. */
  readonly scope?: string | undefined
  /** As OAuth names it: `insufficient_scope`. */
  readonly error?: string | undefined
}

/** The challenge in a refusal. */
export function challengeIn(response: Pick<Response, 'headers'>): Challenge {
  const { resourceMetadataUrl, scope, error } = extractWWWAuthenticateParams(response as Response)
  return { resourceMetadataUrl: resourceMetadataUrl?.href, scope, error }
}

/** How clients begin; those who may not are refused. */
const greeting = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'tianjillm', version: '1' } },
}

/** What comes next; some let everybody in, and nobody do anything there. */
const listing = { jsonrpc: '2.0', id: 2, method: 'tools/list' }

/** Has the server refuse somebody without a token. One that does not, or is away, says nothing. */
export async function askChallenge(serverUrl: string, fetch: FetchLike): Promise<Challenge> {
  const session: Record<string, string> = {}
  try {
    for (const message of [greeting, listing]) {
      const response = await fetch(serverUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...session },
        body: JSON.stringify(message),
      })
      await response.body?.cancel()
      if (response.status === 401) return challengeIn(response)
      const id = response.headers.get('mcp-session-id')
      if (id !== null) session['mcp-session-id'] = id
    }
  } catch {
    // Whoever looks for its authorization server will find that it is away.
  }
  return {}
}
