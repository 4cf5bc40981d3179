/** `npm run soak`: hours of bad days in minutes, to see whether anything leaks or gets lost. See README.md. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { formatChecks, judge } from './checks.ts'
import { gatewayConfig } from './gateway-config.ts'
import { Ledger } from './ledger.ts'
import { load } from './load.ts'
import { readMetrics } from './metrics.ts'
import { medianOf, memoryOf, type Sample, socketsOf, watch } from './samples.ts'
import { type GatewayProcess, startGateway } from './start-gateway.ts'
import { startVendors } from './start-vendors.ts'

/** Milliseconds in which idle connections to vendors end by themselves. */
const QUIET = 10_000
/** Milliseconds between two readings of the configuration. */
const RELOAD = 2_000
/** Milliseconds between two lines about how it goes. */
const NEWS = 15_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    built: { type: 'boolean', default: false },
  },
})
const duration = Number(values.minutes) * 60_000
const clients = Number(values.clients)
const { seed, built } = values
if (!(duration > 0 && clients > 0)) throw new Error('--minutes and --clients must be numbers above 0.')

const ledger = new Ledger(seed)
const vendors = await startVendors(seed, (ids) => ledger.report(ids))
const gateway = await startGateway(gatewayConfig(vendors.urls), built)
console.log(`${clients} clients, ${values.minutes} minutes, seed ${seed}, ${built ? 'as built' : 'from source'}`)
const socketsBefore = socketsOf(gateway.pid)
const samples = await soak(gateway)
console.log(`Clients have left; memory ${memoryOf(gateway.pid).toFixed(0)} MiB`)
await sleep(QUIET)
const socketsAfter = socketsOf(gateway.pid)
const metrics = await readMetrics(gateway.url)
const exit = await gateway.stop()
const state = await vendors.state()
vendors.stop()

const balance = ledger.balance()
const { complaints } = gateway
const checks = judge({
  duration,
  samples,
  socketsBefore,
  socketsAfter,
  vendors: state,
  balance,
  metrics,
  complaints,
  generations: gateway.generations(),
  exit,
})
const outcomes = [...balance.outcomes].sort(([, one], [, other]) => other - one)
console.log(`\n${balance.calls} calls: ${outcomes.map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`)
console.log(
  `liveness probe: ${medianOf(samples, 'lag').toFixed(1)} ms in the middle, ${longestLag().toFixed(0)} at most`,
)
console.log(`\n${formatChecks(checks)}`)
process.exitCode = checks.every(({ isGood }) => isGood) ? 0 : 1

/** Loads the gateway for the time asked for and watches it. Throws when it does not live that long. */
async function soak({ pid, url, hasEnded, complaints, reload }: GatewayProcess): Promise<readonly Sample[]> {
  const start = performance.now()
  const isOver = () => hasEnded() || performance.now() - start > duration
  let news = start
  const tell = ({ memory, sockets, lag }: Sample) => {
    if (performance.now() < news) return
    news += NEWS
    const seconds = Math.round((performance.now() - start) / 1000)
    console.log(
      `${seconds} s: ${ledger.size} calls, ${memory.toFixed(0)} MiB, ${sockets} sockets, probe ${lag.toFixed(0)} ms`,
    )
  }
  const reloading = setInterval(reload, RELOAD)
  const interval = Math.min(3_000, duration / 60)
  const [taken] = await Promise.all([
    watch(pid, url, interval, isOver, tell),
    load({ url, seed, clients, ledger, isOver }),
  ])
  clearInterval(reloading)
  if (hasEnded()) throw new Error(`The gateway died:\n${complaints.join('\n')}`)
  return taken
}

function longestLag(): number {
  return Math.max(...samples.map(({ lag }) => lag))
}
