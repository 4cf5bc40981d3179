import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { measures } from './measures.ts'
import { compileNative, startMock } from './native.ts'
import { plot } from './plot.ts'
import { describeMachine, formatTable, type Report, summarize } from './report.ts'
import { runRounds } from './rounds.ts'
import { installPeers, type Variant, variantsWith } from './variants.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    instances: { type: 'string', default: '1' },
    variants: { type: 'string' },
    measures: { type: 'string' },
    against: { type: 'string' },
    from: { type: 'string' },
    json: { type: 'string' },
    svg: { type: 'string' },
    quick: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
  },
})

try {
  if (options.install) installPeers()
  else tell(options.from === undefined ? await bench() : readReport(options.from))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  // Takes along what still runs.
  process.exit(1)
}

async function bench(): Promise<Report> {
  if (process.platform !== 'linux') throw new Error('The bench reads /proc and needs Linux.')
  const all = variantsWith(options.against)
  const chosen = present(choose('variant', all, options.variants))
  const plan = {
    variants: chosen,
    measures: choose('measure', measures, options.measures),
    rounds: options.quick ? 1 : count('rounds'),
    instances: count('instances'),
    scale: options.quick ? 0.3 : 1,
  }
  compileNative()
  const mock = await startMock()
  const samples = await runRounds(plan, mock, (line) => console.error(line)).finally(() => mock.stop())
  const names = chosen.map(({ name }) => name)
  return { caption: describe(chosen, plan), variants: names, rows: summarize(samples, plan.measures, names), samples }
}

/** What an earlier run kept. */
function readReport(file: string): Report {
  // Nothing else writes such files.
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}

function tell(report: Report): void {
  console.log(`\n${report.caption}\n\n${formatTable(report.rows, report.variants)}\n`)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
  if (options.svg !== undefined) writeFileSync(options.svg, plot(report))
}

function count(option: 'rounds' | 'instances'): number {
  const value = Number(options[option])
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${option} must be a number from 1, not ${options[option]}.`)
}

/** Those of a list that are asked for, or all. */
function choose<Item extends { readonly name: string }>(
  kind: string,
  all: readonly Item[],
  wanted: string | undefined,
): readonly Item[] {
  if (wanted === undefined) return all
  const names = wanted.split(',')
  const unknown = names.find((name) => !all.some((item) => item.name === name))
  if (unknown !== undefined)
    throw new Error(`There is no ${kind} ${unknown}; there are ${all.map(({ name }) => name).join(', ')}.`)
  return all.filter(({ name }) => names.includes(name))
}

/** Those that can be run here. */
function present(variants: readonly Variant[]): readonly Variant[] {
  return variants.filter((variant) => {
    const reason = variant.missing()
    if (reason !== undefined) console.error(`Skipped ${variant.name}: ${reason}.`)
    return reason === undefined
  })
}

function describe(
  variants: readonly Variant[],
  { rounds, instances }: { readonly rounds: number; readonly instances: number },
): string {
  const versions = variants.map((variant) => `${variant.name} ${variant.version()}`.trim())
  return `${describeMachine()}; medians of ${rounds * instances} rounds, processes started ${instances === 1 ? 'once' : `${instances} times`}; ${versions.join(', ')}.`
}
