import { createGrantor, type FromGrantor, type Grantor, type ToGrantor } from '../src/grantor.ts'
import { createLeasedLimiter, type LeasedLimiter } from '../src/leased.ts'
import type { Limit, Taken } from '../src/limiter.ts'

interface Worker {
  id: number
  limiter: LeasedLimiter
  readonly toGrantor: ToGrantor[]
  readonly fromGrantor: FromGrantor[]
}

/** What became of a take, and when. */
export interface Outcome {
  readonly time: number
  readonly cost: number
  readonly taken: Taken
}

/** What was used without having been asked for. */
export interface Charged {
  readonly time: number
  readonly cost: number
}

/** A grantor and its workers in one process: messages lie in queues until they are delivered, and time stands still. */
export interface HouseOfWorkers {
  readonly outcomes: readonly Outcome[]
  /** Messages sent so far, in either direction. */
  readonly messages: () => number
  take(worker: number, cost: number): void
  /** Takes what has been used already. */
  charge(worker: number, cost: number): void
  /** What was charged so far, and when. */
  readonly charges: readonly Charged[]
  /** Delivers the oldest message of one direction. */
  deliver(worker: number, direction: 'toGrantor' | 'fromGrantor'): void
  /** The process dies with all its messages; another takes its place. */
  die(worker: number): void
  step(milliseconds: number): void
  /** Delivers all messages, and those they lead to. */
  quieten(): Promise<void>
  /** Takes in peace: everything before is delivered, and what the answer needs too. */
  ask(worker: number, cost: number): Promise<Taken>
}

export function houseOfWorkers(count: number, limit: Limit, name = 'key'): HouseOfWorkers {
  let time = 0
  let sent = 0
  let lastId = 0
  const now = () => time
  const outcomes: Outcome[] = []
  const charges: Charged[] = []
  const workers: Worker[] = []
  const grantor: Grantor = createGrantor({
    workers: count,
    now,
    send: (id, message) => {
      sent += 1
      workers.find((worker) => worker.id === id)?.fromGrantor.push(message)
    },
  })
  const hire = (): Worker => {
    const toGrantor: ToGrantor[] = []
    const send = (message: ToGrantor) => {
      sent += 1
      toGrantor.push(message)
    }
    lastId += 1
    return { id: lastId, limiter: createLeasedLimiter({ now, send }), toGrantor, fromGrantor: [] }
  }
  for (let index = 0; index < count; index++) workers.push(hire())

  const deliver = ({ id, limiter, toGrantor, fromGrantor }: Worker, direction: 'toGrantor' | 'fromGrantor') => {
    if (direction === 'toGrantor') {
      const message = toGrantor.shift()
      // What goes over a wire is a copy.
      if (message) grantor.receive(id, structuredClone(message))
    } else {
      const message = fromGrantor.shift()
      if (message) limiter.receive(structuredClone(message))
    }
  }
  const take = (index: number, cost: number): Taken | Promise<Taken> => {
    const taken = workers[index]!.limiter.take(name, limit, cost)
    const note = (settled: Taken) => {
      outcomes.push({ time, cost, taken: settled })
      return settled
    }
    return 'then' in taken ? taken.then(note) : note(taken)
  }
  const quieten = async () => {
    for (let busy: Worker | undefined = workers[0]; busy; busy = workers.find(hasMessages)) {
      deliver(busy, 'toGrantor')
      deliver(busy, 'fromGrantor')
      await Promise.resolve()
    }
  }
  return {
    outcomes,
    charges,
    messages: () => sent,
    take: (index, cost) => void take(index, cost),
    charge(index, cost) {
      charges.push({ time, cost })
      workers[index]!.limiter.charge(name, limit, cost)
    },
    deliver: (index, direction) => deliver(workers[index]!, direction),
    die(index) {
      grantor.forget(workers[index]!.id)
      workers[index] = hire()
    },
    step(milliseconds) {
      time += milliseconds
      grantor.tick()
      for (const { limiter } of workers) limiter.tick()
    },
    quieten,
    async ask(index, cost) {
      await quieten()
      const taken = take(index, cost)
      await quieten()
      return taken
    },
  }
}

function hasMessages({ toGrantor, fromGrantor }: Worker): boolean {
  return toGrantor.length + fromGrantor.length > 0
}
