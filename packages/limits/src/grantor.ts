import { type Bucket, createBucket, fill, isFull, takeFrom } from './bucket.ts'
import type { Limit } from './limiter.ts'

/** What a worker says to the grantor. `left` tokens come back with each message; the rest of the lease is spent. */
export type ToGrantor = Ask | Return | Charge

/** What a worker has used without having asked before, or gives back; nothing about its lease. */
interface Charge {
  readonly kind: 'charge'
  readonly name: string
  readonly limit: Limit
  readonly cost: number
}

interface Return {
  readonly kind: 'return'
  readonly name: string
  /** The last grant that the worker knows of; what was granted later is not settled by this message. */
  readonly serial: number
  readonly left: number
}

interface Ask extends Omit<Return, 'kind'> {
  readonly kind: 'ask'
  readonly limit: Limit
  /** Tokens without which the worker can do nothing. */
  readonly need: number
  /** Tokens for all that wait there. */
  readonly want: number
}

/** What the grantor says to a worker. `total` is the most that can be there, in the bucket and on lease. */
export type FromGrantor =
  | {
      readonly kind: 'grant'
      readonly name: string
      readonly serial: number
      readonly tokens: number
      readonly total: number
    }
  | { readonly kind: 'refuse'; readonly name: string; readonly total: number }
  | { readonly kind: 'recall'; readonly name: string }

/** Owns the true buckets of several processes, and leases tokens out of them. */
export interface Grantor {
  receive(worker: number, message: ToGrantor): void
  /** The worker is gone, and what it held with it. */
  forget(worker: number): void
  /** Lets time have its effect; to be called a few times a second. */
  tick(): void
}

/** What a grantor lives on. */
export interface GrantorSurroundings {
  /** How many workers share the buckets. */
  readonly workers: number
  /** Milliseconds, of a clock that does not go back. */
  readonly now: () => number
  /** Messages to one worker must arrive in the order they were sent. */
  readonly send: (worker: number, message: FromGrantor) => void
  /** Buckets that are kept; default 100,000. */
  readonly most?: number
}

/** Milliseconds that workers have to hand a lease back before the one who asks is refused. */
const RECALL_TIME = 250
/** Buckets looked at to find one that can be forgotten. */
const LOOKS = 8

interface Lease {
  serial: number
  /** At most this much is unspent. */
  tokens: number
  isRecalled: boolean
}

interface Asking {
  readonly worker: number
  readonly need: number
  readonly want: number
  readonly deadline: number
}

interface Account {
  readonly name: string
  limit: Limit
  readonly bucket: Bucket
  readonly leases: Map<number, Lease>
  queue: Asking[]
}

/**
 * A grantor. A bucket and what is leased out of it never hold more than the limit together, so that workers can spend
 * no more than one process could. Who asks gets what it needs, and up to a second's worth in advance while there is
 * plenty; when the bucket has too little, leases are recalled before anybody is refused, and when something is owed.
 */
export function createGrantor({ workers, now, send, most = 100_000 }: GrantorSurroundings): Grantor {
  const accounts = new Map<string, Account>()
  const undecided = new Set<Account>()
  let serial = 0

  const open = (name: string, limit: Limit): Account => {
    if (accounts.size >= most) makeRoom(accounts, now())
    const account = { name, limit, bucket: createBucket(limit, now()), leases: new Map(), queue: [] }
    accounts.set(name, account)
    return account
  }

  /** Answers those who ask, in their turn, until one has to wait for leases of others. */
  const decide = (account: Account) => {
    const { bucket, queue } = account
    undecided.delete(account)
    for (let [asking] = queue; asking; [asking] = queue) {
      const { need, deadline } = asking
      const time = now()
      refill(account, time)
      if (takeFrom(bucket, account.limit, need, time).isAllowed) grant(account, asking)
      else if (totalOf(account) < need || time >= deadline) refuse(account, asking)
      else return recall(account)
      queue.shift()
    }
  }

  const grant = (account: Account, { worker, need, want }: Asking) => {
    const { name, bucket, limit, leases } = account
    const spare = Math.min(bucket.level / (4 * workers), limit.perMinute / 60)
    const more = Math.max(0, Math.min(bucket.level, Math.max(want, spare) - need))
    bucket.level -= more
    serial += 1
    const unsettled = leases.get(worker)?.tokens ?? 0
    leases.set(worker, { serial, tokens: unsettled + need + more, isRecalled: false })
    send(worker, { kind: 'grant', name, serial, tokens: need + more, total: totalOf(account) })
  }

  const refuse = (account: Account, { worker }: Asking) =>
    send(worker, { kind: 'refuse', name: account.name, total: totalOf(account) })

  const recall = (account: Account) => {
    undecided.add(account)
    for (const [worker, lease] of account.leases) {
      if (lease.isRecalled) continue
      lease.isRecalled = true
      send(worker, { kind: 'recall', name: account.name })
    }
  }

  return {
    receive(worker, message) {
      const account = accounts.get(message.name) ?? (message.kind !== 'return' && open(message.name, message.limit))
      if (!account) return
      refill(account, now())
      if (message.kind === 'charge') {
        account.bucket.level -= message.cost
        // What is owed comes out of what others hold before they spend it.
        if (account.bucket.level < 0) recall(account)
      } else takeBack(account, worker, message)
      if (message.kind === 'ask') {
        const { limit, need, want } = message
        account.limit = limit
        // Who asks again has given its first question up.
        leaveQueue(account, worker)
        account.queue.push({ worker, need, want, deadline: now() + RECALL_TIME })
      }
      decide(account)
    },
    forget(worker) {
      for (const account of accounts.values()) {
        refill(account, now())
        account.leases.delete(worker)
        leaveQueue(account, worker)
        decide(account)
      }
    },
    tick() {
      for (const account of undecided) if (now() >= account.queue[0]!.deadline) decide(account)
    },
  }
}

/** Lets in what has flowed since. Tokens on lease keep their place in the bucket, or a burst could spend it twice. */
function refill(account: Account, time: number): void {
  const { bucket, limit } = account
  fill(bucket, limit, time)
  bucket.level = Math.min(bucket.level, limit.perMinute - heldOf(account))
}

/** Takes back what a worker has left. With its last grant settled, the rest of its lease is known to be spent. */
function takeBack({ bucket, leases }: Account, worker: number, { serial, left }: Ask | Return): void {
  const lease = leases.get(worker)
  if (lease === undefined) return
  if (lease.serial === serial) leases.delete(worker)
  else lease.tokens = Math.max(0, lease.tokens - left)
  bucket.level += left
}

function leaveQueue(account: Account, worker: number): void {
  account.queue = account.queue.filter((asking) => asking.worker !== worker)
}

function totalOf(account: Account): number {
  return account.bucket.level + heldOf(account)
}

function heldOf({ leases }: Account): number {
  let held = 0
  for (const { tokens } of leases.values()) held += tokens
  return held
}

/** Forgets a bucket that is full and of which nobody holds a lease, else any that nobody holds a lease of. */
function makeRoom(accounts: Map<string, Account>, now: number): void {
  let looks = 0
  for (const [name, account] of accounts) {
    looks += 1
    const isAtRest = account.leases.size === 0 && account.queue.length === 0
    accounts.delete(name)
    if (isAtRest && (looks >= LOOKS || isFull(account.bucket, account.limit, now))) return
    accounts.set(name, account)
    if (looks >= 4 * LOOKS) return
  }
}
