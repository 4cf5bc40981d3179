import cluster, { type Worker } from 'node:cluster'
import type { Scrape } from '@tianjillm/core'
import { createGrantor } from '@tianjillm/limits'
import { greeting, type ServingFacts } from '../greeting.ts'
import { createLogs } from '../log.ts'
import type { Reloaded } from '../reload.ts'
import { stopDeadline } from '../stop-deadline.ts'
import { type Channel, createChannel, type PrimaryTells, type WorkerTells } from './channel.ts'
import type { WorkerCount } from './count.ts'
import { closeWhenLost } from './lost-connections.ts'
import { mergeMetrics } from './merge-metrics.ts'
import { createRestarts } from './restarts.ts'
import { SEAT, seatText } from './seat.ts'

/** Milliseconds between looks at open recalls, that a worker has to tell its metrics, to read its configuration, and to end after its deadline. */
const TICK = 100
const METRICS_DEADLINE = 1_000
const RELOAD_DEADLINE = 30_000
const LAST_GRACE = 10_000

/** A worker as its primary sees it. */
interface Employee {
  readonly index: number
  readonly worker: Worker
  readonly channel: Channel<PrimaryTells>
  isListening: boolean
  failure: string | undefined
}

/**
 * Has several workers serve on one port: starts them, replaces those that die, shares limits out among them, adds up
 * their metrics, and stops them in good order at SIGTERM or SIGINT. It reads no configuration itself. Ends the process.
 */
export function supervise({ count, title }: WorkerCount, logLevel: string | undefined): void {
  const logs = createLogs(logLevel ?? 'info', (text) => text, { isOneOfMany: true })
  const employees = new Set<Employee>()
  const restarts = createRestarts(() => performance.now())
  let hasGreeted = false
  let exitCode: number | undefined
  const byWorker = new Map<number, Employee>()
  const grantor = createGrantor({
    workers: count,
    now: () => performance.now(),
    send: (id, message) => byWorker.get(id)?.channel.tell('limits', message),
  })
  setInterval(() => grantor.tick(), TICK).unref()

  const listening = () => [...employees].filter(({ isListening }) => isListening)

  const metrics = async (): Promise<Scrape | undefined> => {
    const pages = await Promise.all(
      listening().map(({ channel }) => channel.ask('metrics', METRICS_DEADLINE).catch(() => undefined)),
    )
    return mergeMetrics(pages.filter((page) => page !== undefined))
  }

  /** What came of it in a worker where it failed, else in any. */
  const reload = async (): Promise<Reloaded | undefined> => {
    const outcomes = await Promise.all(
      listening().map(({ channel }) => channel.ask('reload', RELOAD_DEADLINE).catch(() => undefined)),
    )
    const known = outcomes.filter((outcome) => outcome !== undefined)
    return known.find(({ isInForce }) => !isInForce) ?? known[0]
  }

  const hire = (index: number) => {
    const worker = cluster.fork({ [SEAT]: seatText({ index, count }) })
    closeWhenLost(worker.process)
    const channel = createChannel<WorkerTells, PrimaryTells>(
      (message) => {
        if (worker.isConnected()) worker.send(message, ignore)
      },
      {
        told: {
          ready: (facts) => welcome(employee, facts),
          failed: (failure) => dismiss(employee, failure),
          limits: (message) => grantor.receive(worker.id, message),
        },
        asked: { metrics, reload },
      },
    )
    const employee: Employee = { index, worker, channel, isListening: false, failure: undefined }
    employees.add(employee)
    byWorker.set(worker.id, employee)
    worker.on('message', channel.receive)
    // A process that could not even be started has no exit.
    worker.on('error', (error: Error) => worker.process.pid === undefined && bury(employee, error.message))
    worker.once('exit', (code, signal) => bury(employee, signal ?? `code ${code}`))
  }

  const welcome = (employee: Employee, facts: ServingFacts) => {
    employee.isListening = true
    if (hasGreeted || listening().length < count) return
    hasGreeted = true
    for (const warning of facts.warnings) console.error(warning)
    console.log(greeting(facts, title))
  }

  /** A worker that says why it cannot start; before anything was served, that is the end. */
  const dismiss = (employee: Employee, failure: string) => {
    employee.failure = failure
    employee.worker.process.kill('SIGKILL')
    if (hasGreeted || exitCode !== undefined) return
    console.error(failure)
    end(1, 'SIGKILL')
  }

  const bury = (employee: Employee, cause: string) => {
    employees.delete(employee)
    byWorker.delete(employee.worker.id)
    grantor.forget(employee.worker.id)
    if (exitCode !== undefined) return leaveWhenAlone()
    const { index, isListening, failure, worker } = employee
    const pause = restarts.afterDeath({ hadListened: isListening, othersListen: listening().length > 0 })
    const facts = { worker: index + 1, ended: worker.process.pid, cause: failure ?? cause }
    if (pause === undefined) {
      logs.log.error('Workers end again and again before they listen: giving up.', facts)
      return end(1, 'SIGTERM')
    }
    logs.log.error(`A worker has ended. Another takes its place in ${pause} ms.`, facts)
    setTimeout(() => {
      if (exitCode === undefined) hire(index)
    }, pause)
  }

  const end = (code: number, signal: 'SIGTERM' | 'SIGKILL') => {
    exitCode = code
    for (const { worker } of employees) worker.process.kill(signal)
    leaveWhenAlone()
  }

  const leaveWhenAlone = () => {
    if (employees.size > 0) return
    logs.flush()
    process.exit(exitCode)
  }

  const stop = () => {
    if (exitCode !== undefined) {
      // A second signal means now.
      for (const { worker } of employees) worker.process.kill('SIGKILL')
      process.exit(1)
    }
    end(0, 'SIGTERM')
    setTimeout(() => {
      for (const { worker } of employees) worker.process.kill('SIGKILL')
    }, stopDeadline() + LAST_GRACE)
  }

  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void reload())
  cluster.setupPrimary({ execArgv: withSmallerNursery(process.execArgv, process.env.NODE_OPTIONS) })
  for (let index = 0; index < count; index++) hire(index)
}

/**
 * Node lets the space for new objects grow to 128 MiB on a machine with much memory, and touches all of it. A quarter
 * costs nothing, and a third less memory is used. What the operator chose is left as it is.
 */
function withSmallerNursery(nodeArguments: readonly string[], nodeOptions = ''): string[] {
  const isChosen = [...nodeArguments, nodeOptions].some((text) => text.includes('semi-space-size'))
  return isChosen ? [...nodeArguments] : [...nodeArguments, '--max-semi-space-size=16']
}

/** A message to a worker that is gone is for nobody; its end is told by itself. */
function ignore(): void {}
