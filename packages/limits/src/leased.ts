import { type Bucket, chargeTo, createBucket, takeFrom } from './bucket.ts'
import type { FromGrantor, ToGrantor } from './grantor.ts'
import type { Limit, Limiter, Taken } from './limiter.ts'

/** A limiter that spends tokens leased from a grantor in another process. */
export interface LeasedLimiter extends Limiter {
  receive(message: FromGrantor): void
  /** Hands back idle leases and gives up on a grantor that is silent; to be called a few times a second. */
  tick(): void
}

/** What a leased limiter lives on. */
export interface LeasedSurroundings {
  /** Milliseconds, of a clock that does not go back. */
  readonly now: () => number
  /** Messages must arrive in the order they were sent. */
  readonly send: (message: ToGrantor) => void
  /** Names whose leases are kept; default 10,000. */
  readonly most?: number
}

/** Milliseconds after which a lease that nobody used goes back. */
const IDLE_TIME = 1_000
/** Milliseconds the grantor has to answer; also what clients are told to wait for when it does not. */
const ANSWER_TIME = 1_000
/** Takes of one name that may wait for the grantor. */
const MOST_WAITING = 1_000

interface Waiting {
  readonly cost: number
  readonly resolve: (taken: Taken) => void
}

interface Lease {
  readonly name: string
  readonly limit: Limit
  left: number
  /** The last grant, 0 when the grantor knows what became of it. */
  serial: number
  /** No more than this can be there, in the bucket and on all leases. */
  most: Bucket
  usedAt: number
  /** When the grantor was asked, as long as it has not answered. */
  askedAt: number | undefined
  readonly waiting: Waiting[]
}

/**
 * A limiter with a small lease of each bucket it uses, so that most takes are settled here and at once; one that needs
 * the grantor's answer is a promise. What is known not to be there is refused here until it can have flowed in. When
 * the grantor does not answer within a second, takes are refused: a limit is kept rather than guessed.
 */
export function createLeasedLimiter({ now, send, most = 10_000 }: LeasedSurroundings): LeasedLimiter {
  const leases = new Map<string, Lease>()

  const open = (name: string, limit: Limit): Lease => {
    if (leases.size >= most) dropOldest()
    const time = now()
    const lease: Lease = {
      ...{ name, limit, left: 0, serial: 0, most: createBucket(limit, time) },
      ...{ usedAt: time, askedAt: undefined, waiting: [] },
    }
    leases.set(name, lease)
    return lease
  }

  const dropOldest = () => {
    for (const lease of leases.values()) if (lease.askedAt === undefined) return drop(lease)
  }

  const drop = (lease: Lease) => {
    leases.delete(lease.name)
    giveBack(lease)
  }

  const giveBack = (lease: Lease) => {
    const { name, serial, left } = lease
    if (serial === 0) return
    lease.left = 0
    lease.serial = 0
    send({ kind: 'return', name, serial, left })
  }

  const ask = (lease: Lease) => {
    const { name, serial, left, limit, waiting } = lease
    const want = waiting.reduce((sum, { cost }) => sum + cost, 0)
    lease.askedAt = now()
    lease.left = 0
    lease.serial = 0
    send({ kind: 'ask', name, serial, left, limit: { perMinute: limit.perMinute }, need: waiting[0]!.cost, want })
  }

  /** Settles a take with what is known here; undefined when the grantor has to be asked. */
  const settle = (lease: Lease, cost: number, isLast: boolean): Taken | undefined => {
    const { most, limit } = lease
    if (lease.left < cost) {
      const taken = takeFrom({ ...most }, limit, cost, now())
      return taken.isAllowed ? undefined : taken
    }
    lease.left -= cost
    // The grantor lets no more flow in than what is on lease leaves room for: it should know at once what is spent.
    if (lease.left < 1 && isLast) giveBack(lease)
    return takeFrom(most, limit, cost, now())
  }

  /** Those that wait, in the order they came. */
  const serve = (lease: Lease) => {
    const { waiting } = lease
    for (let [first] = waiting; first; [first] = waiting) {
      const taken = settle(lease, first.cost, waiting.length === 1)
      if (taken === undefined) return ask(lease)
      waiting.shift()
      first.resolve(taken)
    }
  }

  return {
    take(name, limit, cost = 1) {
      let lease = leases.get(name)
      if (lease && lease.limit.perMinute !== limit.perMinute && lease.askedAt === undefined) {
        drop(lease)
        lease = undefined
      }
      lease ??= open(name, limit)
      lease.usedAt = now()
      const { waiting } = lease
      if (waiting.length >= MOST_WAITING) return unanswered(limit)
      const taken = waiting.length === 0 ? settle(lease, cost, true) : undefined
      if (taken !== undefined) return taken
      return new Promise((resolve) => {
        waiting.push({ cost, resolve })
        if (lease.askedAt === undefined) ask(lease)
      })
    },
    charge(name, limit, cost) {
      const lease = leases.get(name)
      if (lease !== undefined) chargeTo(lease.most, lease.limit, cost, now())
      // What is given back goes to the bucket: a lease would hold more than was granted.
      if (lease !== undefined && lease.serial > 0 && cost >= 0 && lease.left >= cost) lease.left -= cost
      else send({ kind: 'charge', name, limit: { perMinute: limit.perMinute }, cost })
    },
    receive(message) {
      const known = leases.get(message.name)
      if (message.kind === 'recall') {
        if (known) giveBack(known)
        return
      }
      // A grant that comes too late for who asked still has to be handed back.
      const lease = known ?? open(message.name, { perMinute: 0 })
      // As of the question, not of the answer: what flowed in meanwhile must not be forgotten.
      lease.most = { level: message.total, time: lease.askedAt ?? now() }
      const wasAwaited = lease.askedAt !== undefined
      lease.askedAt = undefined
      if (message.kind === 'grant') {
        lease.left += message.tokens
        lease.serial = message.serial
      } else if (wasAwaited) {
        const first = lease.waiting.shift()
        first?.resolve(refuse(lease, first.cost, now()))
      }
      serve(lease)
    },
    tick() {
      const time = now()
      for (const lease of leases.values())
        if (lease.askedAt === undefined) {
          if (time - lease.usedAt >= IDLE_TIME) drop(lease)
        } else if (time - lease.askedAt >= ANSWER_TIME) {
          lease.askedAt = undefined
          for (const { resolve } of lease.waiting.splice(0)) resolve(unanswered(lease.limit))
        }
    },
  }
}

/** What the grantor refused, although enough might be on the leases of others that did not answer it. */
function refuse({ most, limit }: Lease, cost: number, time: number): Taken {
  const taken = takeFrom({ ...most }, limit, cost, time)
  return taken.isAllowed ? unanswered(limit) : taken
}

function unanswered(limit: Limit): Taken {
  return { isAllowed: false, limit, remaining: 0, retryAfter: ANSWER_TIME, resetAfter: ANSWER_TIME }
}
