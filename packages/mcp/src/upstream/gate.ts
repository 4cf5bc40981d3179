import { GatewayError } from '@tianjillm/core'

/** How long one waits to be let in, in milliseconds, and what makes it give up. */
export interface Patience {
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

/** Lets so many in at once; the others wait in the order they came. */
export interface Gate {
  /**
   * What the work gives. Rejects with GatewayError `overloaded` when too many wait, or it would take too long, and
   * `client_closed` when the signal aborts before.
   */
  run<Result>(work: () => Promise<Result>, patience: Patience): Promise<Result>
}

/** A gate in front of the MCP server of this name. */
export function createGate(server: string, width: number, room: number): Gate {
  let inside = 0
  const waiting = new Set<() => void>()

  async function wait({ timeout, signal }: Patience): Promise<void> {
    if (waiting.size >= room) throw busy(server)
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(busy(server)), timeout)
    const leave = () => reject(new GatewayError('client_closed', 'The client has gone.', { cause: signal?.reason }))
    signal?.addEventListener('abort', leave)
    waiting.add(resolve)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
      waiting.delete(resolve)
    }
  }

  return {
    async run(work, patience) {
      // The place of one who leaves goes to the next in the queue, so `inside` stays the same.
      if (inside < width) inside += 1
      else await wait(patience)
      try {
        return await work()
      } finally {
        const [next] = waiting
        if (next === undefined) inside -= 1
        else {
          waiting.delete(next)
          next()
        }
      }
    },
  }
}

function busy(server: string): GatewayError {
  return new GatewayError('overloaded', `The MCP server ${server} is busy. Try again later.`)
}
