import cluster from 'node:cluster'
import { createLeasedLimiter } from '@tianjillm/limits'
import type { ListenArguments } from '../commands/arguments.ts'
import type { ConfigSource } from '../config-source.ts'
import type { Reload, Reloaded } from '../reload.ts'
import { explain, factsOf, settingsOf } from '../run-until-stopped.ts'
import { type Started, start } from '../start.ts'
import { stopDeadline } from '../stop-deadline.ts'
import { createChannel, type PrimaryTells, type WorkerTells } from './channel.ts'
import type { Seat } from './seat.ts'

/** Milliseconds between looks at idle leases, and that the primary has to gather what all workers answer. */
const TICK = 250
const METRICS_DEADLINE = 2_000
const RELOAD_DEADLINE = 40_000

/** Serves in a worker process, until it is asked to stop or its primary is gone. The primary does the talking. */
export async function serveAsWorker(seat: Seat, read: () => ConfigSource, args: ListenArguments): Promise<void> {
  let started: Started | undefined
  const channel = createChannel<PrimaryTells, WorkerTells>((message) => process.send?.(message, ignore), {
    told: { limits: (message) => limiter.receive(message) },
    asked: {
      metrics: async () => started?.metrics(),
      reload: async () => started?.reload?.('all workers were asked to'),
    },
  })
  const limiter = createLeasedLimiter({
    now: () => performance.now(),
    send: (message) => channel.tell('limits', message),
  })
  setInterval(() => limiter.tick(), TICK).unref()
  process.on('message', channel.receive)
  try {
    const metrics = () => channel.ask('metrics', METRICS_DEADLINE)
    const reload: Reload = () =>
      channel.ask('reload', RELOAD_DEADLINE).then((reloaded) => reloaded ?? unanswered(), unanswered)
    const source = read()
    started = await start({ ...settingsOf(source, args), reread: read, limiter, worker: { ...seat, metrics, reload } })
    stopWhenAsked(started)
    channel.tell('ready', factsOf(started, source))
  } catch (error) {
    // The primary ends this process when it has read that.
    channel.tell('failed', explain(error))
  }
}

/** Milliseconds that a worker has to end after all calls have ended, or had to. */
const LAST_PATIENCE = 10_000

/** The primary knows when a second signal means now; here a signal may come twice, from it and from a terminal. */
function stopWhenAsked(started: Started): void {
  let isStopping = false
  const stop = async () => {
    if (isStopping) return
    isStopping = true
    const deadline = stopDeadline()
    // When the primary is gone, nobody is left to end a process in which something does not come to its end.
    setTimeout(() => process.exit(1), deadline + LAST_PATIENCE)
    await started.stop(deadline)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // The primary is told as well, and asks all workers.
  process.on('SIGHUP', () => {})
  const { worker } = cluster
  worker?.once('disconnect', () => {
    // Otherwise node ends the process at once, with all its calls.
    worker.exitedAfterDisconnect = true
    void stop()
  })
}

/** A message to a primary that is gone is for nobody. */
function ignore(): void {}

/** When not even the primary has said what came of it. */
function unanswered(): Reloaded {
  const problem = { severity: 'error', file: 'workers', line: 1, column: 1, path: '' } as const
  return { isInForce: false, generation: 0, problems: [{ ...problem, message: 'They have not answered. Ask again.' }] }
}
