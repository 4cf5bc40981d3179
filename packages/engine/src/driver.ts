import type { Driver } from '@tianjillm/router'
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import type { Deployment } from './deployment.ts'
import type { CallRecord } from './record.ts'
import { send } from './send.ts'
import { type Transport, timedOut } from './transport.ts'

/** Has the router ask deployments for a call, and puts on record which. `mustRead` as `send` has it. */
export function driver(
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  transport: Transport,
  mustRead: boolean,
): Driver<Deployment, Answer> {
  return {
    now: () => call.now(),
    random: Math.random,
    wait: (time) => wait(time, call.cancellation),
    isCancelled: () => call.cancellation.isAborted,
    ask(choice) {
      record.choose(choice, call.now())
      if (asked.input.stream !== true) return send(choice, asked, call, transport, mustRead)
      const ask = (within: LiveCall) => begun(send(choice, asked, within, transport, mustRead))
      const { streamTimeout, providerName } = choice.deployment
      return streamTimeout === undefined ? ask(call) : inTime(streamTimeout, providerName, call, ask)
    },
  }
}

/** The answer, when it begins within `time` ms. */
async function inTime(
  time: number,
  provider: string,
  call: LiveCall,
  ask: (within: LiveCall) => Promise<Answer>,
): Promise<Answer> {
  const cancellation = new Cancellation()
  call.cancellation.onAbort((reason) => cancellation.abort(reason))
  const timer = setTimeout(() => cancellation.abort(timedOut(provider, time, undefined)), time)
  try {
    return await ask(call.within(cancellation))
  } finally {
    clearTimeout(timer)
  }
}

/** The answer once its first chunk is there, so that a stream that breaks before it is an error like any other. */
async function begun(asking: Promise<Answer>): Promise<Answer> {
  const answer = await asking
  if (answer.type !== 'stream') return answer
  const chunks = answer.chunks[Symbol.asyncIterator]()
  const first = await chunks.next()
  return { type: 'stream', chunks: startingWith(first, chunks) }
}

async function* startingWith<Chunk>(
  first: IteratorResult<Chunk>,
  rest: AsyncIterator<Chunk>,
): AsyncGenerator<Chunk, void, undefined> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

function wait(time: number, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    let forget = () => {}
    const done = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, time)
    // Called at once when nobody waits any more, and then there is nothing to forget.
    forget = cancellation.onAbort(done)
  })
}
