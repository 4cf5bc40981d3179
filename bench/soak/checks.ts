import type { Balance } from './ledger.ts'
import type { Metrics } from './metrics.ts'
import { medianOf, type Sample } from './samples.ts'
import type { VendorsState } from './start-vendors.ts'

/** All that was learned of a gateway under load. */
export interface Evidence {
  /** Milliseconds of load. */
  readonly duration: number
  readonly samples: readonly Sample[]
  /** Sockets before the first client came, and after the last one left. */
  readonly socketsBefore: number
  readonly socketsAfter: number
  readonly vendors: VendorsState
  readonly balance: Balance
  /** After the last client left. */
  readonly metrics: Metrics
  readonly complaints: readonly string[]
  /** Configurations that were in force. */
  readonly generations: number
  readonly exit: number | string
}

/** What should be so, and whether it is. */
export interface Check {
  readonly title: string
  readonly isGood: boolean
  readonly found: string
  /** What speaks against it. */
  readonly examples?: readonly string[]
}

/** Share by which memory and sockets may grow. */
const GROWTH = 0.1
/** Milliseconds of load until V8 no longer grows its heap merely because it may. */
const WARM = 120_000
/** Sockets that come and go by themselves. */
const FEW = 3

/** Everything a gateway that runs for weeks must hold. */
export function judge(evidence: Evidence): readonly Check[] {
  const { duration, samples, socketsBefore, socketsAfter, vendors, balance, metrics, complaints, generations, exit } =
    evidence
  const [memory, laterMemory] = [medianOf(samples, 'memory', 2), medianOf(samples, 'memory', 4)]
  const [sockets, laterSockets] = [medianOf(samples, 'sockets', 2), medianOf(samples, 'sockets', 4)]
  return [
    {
      title: 'memory does not grow',
      isGood: laterMemory <= memory * (1 + GROWTH) || duration < WARM,
      found: `${memory.toFixed(0)} -> ${laterMemory.toFixed(0)} MiB${duration < WARM ? ', too short to tell' : ''}`,
    },
    {
      title: 'sockets do not grow',
      isGood: laterSockets <= sockets * (1 + GROWTH) + FEW,
      found: `${sockets} -> ${laterSockets}`,
    },
    {
      title: 'no socket outlives the clients',
      isGood: socketsAfter <= socketsBefore + FEW,
      found: `${socketsBefore} before, ${socketsAfter} after`,
    },
    {
      title: 'no vendor works for nobody',
      isGood: vendors.underWay === 0,
      found: `${vendors.underWay} exchanges under way`,
    },
    none('every outcome is explained', balance.unexplained),
    none('no internal error', balance.internalErrors),
    none('every answered call is reported', balance.lost),
    none('no call is reported twice', balance.reportedTwice),
    none('no refused or unknown call is reported', balance.strangers),
    {
      title: 'metrics count what is reported',
      isGood: metrics.counted === balance.reported,
      found: `${metrics.counted} and ${balance.reported}`,
    },
    { title: 'no call stays in flight', isGood: metrics.inFlight === 0, found: String(metrics.inFlight) },
    { title: 'no vendor sees what is masked', isGood: vendors.secrets === 0, found: `${vendors.secrets} requests` },
    {
      title: 'its configuration is read again and again',
      isGood: generations > duration / 4_000,
      found: `${generations} generations`,
    },
    none('nothing to complain of in the logs', complaints),
    { title: 'it stops with exit code 0', isGood: exit === 0, found: String(exit) },
  ]
}

function none(title: string, examples: readonly string[]): Check {
  return { title, isGood: examples.length === 0, found: String(examples.length), examples }
}

/** The checks as a table, with examples of what is wrong. */
export function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ title }) => title.length))
  return checks
    .flatMap(({ title, isGood, found, examples = [] }) => [
      `${isGood ? 'PASS' : 'FAIL'}  ${title.padEnd(width)}  ${found}`,
      ...examples.slice(0, 10).map((example) => `        ${example.slice(0, 300)}`),
    ])
    .join('\n')
}
