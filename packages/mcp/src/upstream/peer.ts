import type { Client, ClientCapabilities } from '@modelcontextprotocol/client'
import type { JsonObject } from '@tianjillm/core'
import type { Peer } from '../upstream.ts'

/** What a client may be asked for, by the capability that says so. */
const QUESTIONS = {
  sampling: 'sampling/createMessage',
  elicitation: 'elicitation/create',
  roots: 'roots/list',
} as const

type Question = keyof typeof QUESTIONS

/** The peer of a connection that many share. */
export const nobody: Peer = { capabilities: {}, request: undefined, notify: undefined }

/** Whether it makes no difference to a server whom of these it talks to. */
export function isAnyone(peer: Peer): boolean {
  return peer.request === undefined && peer.notify === undefined
}

/** Those capabilities that have to do with questions; of changes of its roots a server is not told. */
export function askable(capabilities: JsonObject): ClientCapabilities {
  const { sampling, elicitation, roots } = capabilities
  // A client's own words, which a server of any revision has to judge anyway.
  return {
    ...(sampling !== undefined && { sampling }),
    ...(elicitation !== undefined && { elicitation }),
    ...(roots !== undefined && { roots: {} }),
  } as ClientCapabilities
}

/** What the server is told of the peer at the start. */
export function toldOf(peer: Peer): ClientCapabilities {
  return peer.request === undefined ? {} : askable(peer.capabilities)
}

/** Has the peer answer what the server asks this client. */
export function relayQuestions(client: Client, peer: Peer): void {
  const { request } = peer
  if (request === undefined) return
  for (const question of Object.keys(toldOf(peer)) as Question[]) {
    // All three pass the same way; the type is that of one of them.
    client.setRequestHandler(
      QUESTIONS[question] as 'roots/list',
      async ({ params = {} }, { mcpReq }) =>
        (await request(QUESTIONS[question], params, mcpReq.signal)) as { roots: [] },
    )
  }
}
