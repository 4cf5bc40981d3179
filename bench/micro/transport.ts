import { replyHeaders } from '@tianjillm/core'
import type { Transport } from '@tianjillm/engine'
import { PulledReply } from '../../packages/engine/src/transport.ts'
import { chatAnswer } from './samples.ts'

const headers = replyHeaders({ 'content-type': 'application/json' })
const pieces = [chatAnswer]

/** A vendor in this process, who answers at once. */
export const memoryTransport: Transport = {
  send: () => Promise.resolve(new PulledReply(200, headers, answer())),
  fetchWith: () => fetch,
  close: () => Promise.resolve(),
}

async function* answer(): AsyncGenerator<Uint8Array> {
  yield* pieces
}
