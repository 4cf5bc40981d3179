import { chance, choose } from './chance.ts'

/** The fake vendors: two behind one model group, one of another wire. */
export type VendorName = 'east' | 'west' | 'claude'

/**
 * What a client sees of a call: `ok`, a stream that was `broken` off with an error, `left` when the client went away,
 * or status and code of an error.
 */
export type Outcome = string

/** One way a vendor treats a call. */
export interface Behaviour {
  readonly name: BehaviourName
  readonly weight: number
  /** What the client sees when no other deployment mends it. */
  readonly whole: Outcome
  readonly stream: Outcome
}

export type BehaviourName =
  | 'answer'
  | 'dawdle'
  | 'limit'
  | 'fail'
  | 'hang'
  | 'reset'
  | 'break'
  | 'garble'
  | 'stall'
  | 'cut'
  | 'endless'

const behaviours: readonly Behaviour[] = [
  { name: 'answer', weight: 70, whole: 'ok', stream: 'ok' },
  { name: 'dawdle', weight: 12, whole: 'ok', stream: 'ok' },
  { name: 'limit', weight: 4, whole: '429 rate_limit_exceeded', stream: '429 rate_limit_exceeded' },
  { name: 'fail', weight: 4, whole: '500 upstream_error', stream: '500 upstream_error' },
  { name: 'hang', weight: 1, whole: '504 upstream_timeout', stream: '504 upstream_timeout' },
  { name: 'reset', weight: 2, whole: '502 upstream_unreachable', stream: '502 upstream_unreachable' },
  { name: 'break', weight: 2, whole: '502 upstream_unreachable', stream: 'broken' },
  { name: 'garble', weight: 2, whole: '502 upstream_invalid_response', stream: '502 upstream_invalid_response' },
  { name: 'stall', weight: 1, whole: '504 upstream_timeout', stream: 'broken' },
  { name: 'cut', weight: 2, whole: '502 upstream_invalid_response', stream: 'broken' },
  { name: 'endless', weight: 0.5, whole: 'left', stream: 'left' },
]

/** Outcomes after which no other deployment is asked. */
const final: ReadonlySet<Outcome> = new Set(['ok', 'broken', 'left'])

/** How a vendor treats a call: always the same. */
export function behaviourOf(seed: string, id: string, vendor: VendorName): Behaviour {
  return choose(behaviours, chance(seed, id, vendor))
}

/** What a client may see of a call, in whatever order the vendors are asked. */
export function possibleOutcomes(
  seed: string,
  id: string,
  vendors: readonly VendorName[],
  isStream: boolean,
): ReadonlySet<Outcome> {
  const outcomes = vendors.map((vendor) => behaviourOf(seed, id, vendor)[isStream ? 'stream' : 'whole'])
  const orders = [outcomes, outcomes.toReversed()]
  return new Set(orders.map((order) => order.find((outcome) => final.has(outcome)) ?? order.at(-1)!))
}
