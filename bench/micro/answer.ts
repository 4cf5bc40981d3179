import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { Answer, Relay } from '@tianjillm/engine'
import { respond } from '../../apps/gateway/src/http/respond.ts'
import { Tail, usageOf } from '../../packages/engine/src/tail.ts'
import { watched } from '../../packages/engine/src/watch.ts'
import { arrive, asked } from './calls.ts'
import type { Stage } from './measure.ts'
import { chatAnswer, chatEvents } from './samples.ts'

const headers = ['x-request-id', 'bench', 'x-tianji-model-id', 'bench']

/** From the vendor's answer to the client's socket. */
export const stages: readonly Stage[] = [
  { name: 'find the usage in an answer of 640 B', run: () => usageOf(chatAnswer) },
  {
    name: 'keep the tail of a stream and read it, 100 chunks',
    run() {
      const tail = new Tail()
      for (const piece of chatEvents) tail.feed(piece)
      return tail.read()
    },
  },
  {
    name: 'an answer of 640 B to the socket',
    run: () => send({ type: 'bytes', contentType: 'application/json', bytes: chatAnswer }),
  },
  {
    name: "one of a stream's 100 events to the socket",
    times: chatEvents.length,
    run() {
      const { call, record } = arrive()
      const answer: Answer = { type: 'relay', contentType: 'text/event-stream', reply: relay }
      return send(watched(answer, asked, call, record, false, () => {}))
    },
  },
]

/** A stream whose events come all at once. */
const relay: Relay = {
  body: (async function* () {})(),
  pipe(sink) {
    for (const piece of chatEvents) sink.write(piece)
    sink.end()
  },
  resume() {},
  cancel() {},
}

/** Through node's own response, which writes into nothing. */
async function send(answer: Answer): Promise<void> {
  const incoming = new IncomingMessage(new Socket())
  // Without it a stream is not framed.
  incoming.httpVersionMajor = 1
  incoming.httpVersionMinor = 1
  const outgoing = new ServerResponse(incoming)
  // All that a response wants of its socket is somewhere to write.
  outgoing.assignSocket(nowhere() as Socket)
  const finished = new Promise<void>((resolve) => outgoing.once('finish', resolve))
  const sent = respond(outgoing, answer, headers)
  await finished
  // A server would tell that.
  outgoing.emit('close')
  await sent
}

function nowhere(): Writable {
  return new Writable({ decodeStrings: false, write: (_piece, _encoding, done) => done() })
}
