import { type ErrorKind, GatewayError, isGatewayError } from '@tianjillm/core'
import { attempt, type Candidate, createRouter, defaultRules, type Router, type RoutingRequest } from '../src/index.ts'
import type { Rules } from '../src/rules.ts'

/** A deployment of the group `model`. */
export function candidate(id: string, traits: Candidate['traits'] = {}, group = 'model'): Candidate {
  return { id, group, model: `${id}-model`, traits }
}

/** Numbers from 0 up to 1, always the same ones for a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a vendor makes of a call. Times are in milliseconds. */
export interface Reaction {
  /** Until it answers or fails; 100 unless told. */
  readonly latency?: number
  readonly fails?: ErrorKind
  /** Seconds. */
  readonly retryAfter?: number
  /** How the answer breaks after it has begun. */
  readonly breaks?: ErrorKind
  /** From the beginning of an answer to its end; none unless told. */
  readonly lasts?: number
  readonly tokens?: number
}

/** A vendor always reacts in the same way, or by what it is told of the moment. */
export type Vendor = Reaction | ((moment: { readonly now: number; readonly random: () => number }) => Reaction)

/** A call to a vendor. */
export interface Call {
  /** The id of the deployment. */
  readonly id: string
  readonly model: string
  readonly group: string
  readonly name: string
  readonly fallbacks: number
  readonly at: number
  /** Which request it was made for; the first is 0. */
  readonly request: number
  /** Whether the deployment was cooling down. */
  readonly isCoolingDown: boolean
  /** Calls of the deployment, this one counted. */
  readonly inFlight: number
}

/** A router whose vendors are scripted, in a world with its own time and its own chance. */
export interface Simulation {
  readonly router: Router<Candidate>
  readonly clock: Clock
  readonly calls: readonly Call[]
  /** The ids of the deployments that were called, in that order. */
  ids(): readonly string[]
  /** Sends a request; with `cancelledAt`, its client goes away then. Gives the id of the deployment that answered. */
  request(request?: Partial<RoutingRequest>, cancelledAt?: number): Promise<string>
  /** The same, and time goes on until nothing is left to happen. */
  answer(request?: Partial<RoutingRequest>, cancelledAt?: number): Promise<string>
  /** The error of a request, and time goes on until nothing is left to happen. */
  failure(request?: Partial<RoutingRequest>, cancelledAt?: number): Promise<GatewayError>
}

/** Vendors are told by the ids of their deployments; others answer. */
export function simulate(
  deployments: readonly Candidate[],
  vendors: Readonly<Record<string, Vendor>> = {},
  rules: Partial<Rules> = {},
  seed = 1,
): Simulation {
  const router = createRouter(deployments, { ...defaultRules, ...rules })
  const clock = new Clock()
  const random = seededRandom(seed)
  const now = () => clock.now
  const calls: Call[] = []
  let requests = 0

  async function request(partial: Partial<RoutingRequest> = {}, cancelledAt = Number.POSITIVE_INFINITY) {
    const number = requests++
    const wait = (time: number) => clock.wait(Math.max(0, Math.min(time, cancelledAt - clock.now)))
    return attempt(router.plan({ model: 'model', tags: [], ...partial }), {
      now,
      random,
      wait,
      isCancelled: () => clock.now >= cancelledAt,
      settled() {},
      async ask({ deployment: { id }, model, group, name, fallbacks, end }) {
        const { cooldownUntil, inFlight } = router.health.get(id)!
        const isCoolingDown = cooldownUntil > clock.now
        calls.push({ id, model, group, name, fallbacks, at: clock.now, request: number, isCoolingDown, inFlight })
        const vendor = vendors[id] ?? {}
        const reaction = typeof vendor === 'function' ? vendor({ now: clock.now, random }) : vendor
        const { latency = 100, fails, retryAfter, breaks, lasts = 0, tokens = 0 } = reaction
        await wait(latency)
        if (fails !== undefined) {
          const error = new GatewayError(fails, `${id} failed.`, { retryAfter })
          // It may tell of its end itself; that must not count twice.
          end(0, error)
          throw error
        }
        if (clock.now >= cancelledAt) throw new GatewayError('client_closed', 'The client went away.')
        void clock.wait(lasts).then(() => end(tokens, breaks && new GatewayError(breaks, `${id} broke.`)))
        return id
      },
    })
  }

  return {
    router,
    clock,
    calls,
    ids: () => calls.map(({ id }) => id),
    request,
    answer: (partial, cancelledAt) => clock.run(request(partial, cancelledAt)),
    failure: (partial, cancelledAt) => clock.run(failureOf(request(partial, cancelledAt))),
  }
}

/** The answers to so many requests, of which one is sent every so many milliseconds. */
export async function arrivals(
  { clock, request }: Simulation,
  count: number,
  pause: number,
): Promise<readonly string[]> {
  const answers: Promise<string>[] = []
  for (let index = 0; index < count; index++) {
    answers.push(request())
    await clock.wait(pause)
  }
  return Promise.all(answers)
}

/** What a request fails with. */
export async function failureOf(answer: Promise<string>): Promise<GatewayError> {
  try {
    await answer
  } catch (error) {
    if (isGatewayError(error)) return error
    throw error
  }
  throw new Error('The request should have failed.')
}

/** Time in milliseconds; it passes when all that happens has come to wait for it. */
export class Clock {
  #now = 0
  /** The one that wakes first comes first. */
  readonly #sleepers: { readonly at: number; readonly wake: () => void }[] = []

  get now(): number {
    return this.#now
  }

  wait(time: number): Promise<void> {
    const at = this.#now + time
    return new Promise((wake) => {
      const last = this.#sleepers.findLastIndex((sleeper) => sleeper.at <= at)
      this.#sleepers.splice(last + 1, 0, { at, wake })
    })
  }

  /** Lets time pass until nobody waits for it. */
  async run<Result>(work: Promise<Result>): Promise<Result> {
    // Whoever looks at the result looks only after the last has woken up.
    work.catch(() => {})
    await allElse()
    for (let next = this.#sleepers.shift(); next !== undefined; next = this.#sleepers.shift()) {
      this.#now = next.at
      next.wake()
      await allElse()
    }
    return work
  }
}

/** Everything that can go on without time passing has gone on. */
function allElse(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** How often each came. */
export function countsOf(ids: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(ids, (id) => id)].map(([id, those]) => [id, those.length]))
}

/** Five standard deviations of how often something comes in so many draws. */
export function tolerance(draws: number, probability: number): number {
  return 5 * Math.sqrt(draws * probability * (1 - probability))
}
