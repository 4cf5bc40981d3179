import type { ChildProcess } from 'node:child_process'

/** A connection on its way to a worker, as node's cluster holds it. */
interface Handle {
  close(): void
}

/**
 * Closes the connection that was on its way to a worker when the worker died. Node's cluster waits for the worker to
 * take it and would keep it open for ever, and its client waiting; closed, the client knows and tries again. The shape
 * of the message is node's own and undocumented (lib/internal/cluster/round_robin_handle.js): should it change, this
 * has no effect.
 */
export function closeWhenLost(worker: ChildProcess): void {
  let last: Handle | undefined
  const send = worker.send.bind(worker) as (...args: unknown[]) => boolean
  worker.send = (...args: unknown[]) => {
    const [message, handle] = args
    if (isConnection(message)) last = handle as Handle | undefined
    return send(...args)
  }
  // Closing one that was taken, and so is closed here, does nothing.
  worker.once('exit', () => last?.close())
}

function isConnection(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn'
}
