/** `npm run bench:micro`: what each stage of a request's way costs. See ../README.md. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, formatCells, formatNumber } from '../report.ts'
import type { Price } from './measure.ts'

/** In the order a request meets them; each is a file with `stages`. */
const groups = ['arrival', 'request', 'engine', 'guard', 'answer', 'report', 'log', 'translation']

const { values: options } = parseArgs({ options: { filter: { type: 'string' }, json: { type: 'string' } } })

try {
  await bench()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function bench(): Promise<void> {
  const prices: Price[] = []
  for (const group of groups) prices.push(...(await measureGroup(group)))
  if (prices.length === 0) throw new Error(`No stage has "${options.filter}" in its name.`)
  const caption = `${describeMachine()}; node ${process.versions.node}.`
  console.log(`\n${caption}\n\n${formatPrices(prices)}\n`)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ caption, prices }, undefined, 2)}\n`)
}

/** In a process of its own, so that no group runs on code that another has shaped; what it logs goes to /dev/null. */
async function measureGroup(group: string): Promise<readonly Price[]> {
  const prices: Price[] = []
  const child = fork(join(import.meta.dirname, 'run-group.ts'), [group, options.filter ?? ''], {
    // New objects get room enough that none are collected while bytes are counted.
    execArgv: [...process.execArgv, '--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  child.on('message', (message) => {
    // It sends nothing else.
    const price = message as Price
    console.error(`${price.name}: ${formatPrice(price.median)} µs`)
    prices.push(price)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`The group ${group} could not be measured.`)
  return prices
}

function formatPrices(prices: readonly Price[]): string {
  const lines = prices.map(({ name, median, minimum, bytes }) => [
    name,
    formatPrice(median),
    formatPrice(minimum),
    formatNumber(bytes, 0),
  ])
  return formatCells(['stage', 'µs', 'min µs', 'bytes'], lines)
}

function formatPrice(microseconds: number): string {
  return formatNumber(microseconds, microseconds < 10 ? 3 : 1)
}
