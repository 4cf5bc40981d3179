import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { measures } from './measures.ts'
import { compileNative, startMock } from './native.ts'
import { plot } from './plot.ts'
import { formatTable, summarize } from './report.ts'
import { runRounds } from './rounds.ts'
import { installPeers, type Variant, variantsWith } from './variants.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    instances: { type: 'string', default: '1' },
    variants: { type: 'string' },
    measures: { type: 'string' },
    against: { type: 'string' },
    json: { type: 'string' },
    svg: { type: 'string' },
    quick: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
  },
})

try {
  if (options.install) installPeers()
  else await bench()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  // Takes along what still runs.
  process.exit(1)
}

async function bench(): Promise<void> {
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
  const rows = summarize(samples, plan.measures, names)
  const caption = describe(chosen, plan)
  console.log(`\n${caption}\n\n${formatTable(rows, names)}\n`)
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ caption, rows, samples }, undefined, 2)}\n`)
  if (options.svg !== undefined) writeFileSync(options.svg, plot(rows, names, caption))
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
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, ${machine}; medians of ${rounds * instances} rounds, processes started ${instances === 1 ? 'once' : `${instances} times`}; ${versions.join(', ')}.`
}
