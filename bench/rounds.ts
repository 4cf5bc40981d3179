import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Measure, type Values, warmUp } from './measures.ts'
import type { Mock } from './native.ts'
import { machineBusySeconds } from './process-stats.ts'
import { startTarget, type Target } from './target.ts'
import type { Variant } from './variants.ts'

const BUSY_LOAD = 1.5
const BUSY_SHARE = 0.1

/** What one variant gave in one round. */
export interface Sample extends Round {
  readonly variant: string
  readonly measure: string
  readonly values: Values
}

/** Which turn it is. Both count from 1. */
export interface Round {
  readonly instance: number
  readonly round: number
}

/** What to measure, and how often. */
export interface Plan {
  readonly variants: readonly Variant[]
  readonly measures: readonly Measure[]
  readonly rounds: number
  readonly instances: number
  /** 1, or less for shorter runs. */
  readonly scale: number
}

interface Run extends Plan {
  readonly mock: Mock
  readonly samples: Sample[]
  say(line: string): void
}

/** Starts every variant in each of the instances, and measures all in each round, in random order. */
export async function runRounds(plan: Plan, mock: Mock, say: (line: string) => void): Promise<readonly Sample[]> {
  const run: Run = { ...plan, mock, samples: [], say }
  const load = loadavg()[0]!
  if (load > BUSY_LOAD) say(`Warning: the load average is ${load.toFixed(1)}; the machine is not quiet.`)
  for (let instance = 1; instance <= plan.instances; instance++) {
    await measureFresh(run, instance)
    await measureWarm(run, instance)
  }
  return run.samples
}

/** Measures that want a process which has done nothing yet. */
async function measureFresh(run: Run, instance: number): Promise<void> {
  for (const measure of run.measures)
    for (let round = 1; round <= (measure.freshTimes ?? 0); round++)
      for (const variant of shuffled(run.variants)) {
        const target = await startOrSay(run, variant)
        if (target === undefined) continue
        await take(run, measure, target, { instance, round })
        await target.stop()
      }
}

async function measureWarm(run: Run, instance: number): Promise<void> {
  const measures = run.measures.filter(({ freshTimes }) => freshTimes === undefined)
  if (measures.length === 0) return
  const targets: Target[] = []
  for (const variant of run.variants) {
    const target = await startOrSay(run, variant)
    if (target !== undefined) targets.push(target)
  }
  for (const target of targets) await warmUp(target)
  for (let round = 1; round <= run.rounds; round++) {
    const busy = await busyShare()
    run.say(`Instance ${instance}, round ${round}: others use ${Math.round(busy * 100)} % of the machine.`)
    if (busy > BUSY_SHARE) run.say('Warning: the machine is not quiet; trust ratios only, and those with care.')
    for (const measure of measures)
      for (const target of shuffled(targets)) await take(run, measure, target, { instance, round })
  }
  for (const target of targets) await target.stop()
}

async function startOrSay({ mock, say }: Run, variant: Variant): Promise<Target | undefined> {
  try {
    return await startTarget(variant, mock.port)
  } catch (error) {
    say(messageOf(error))
    return undefined
  }
}

async function take(run: Run, measure: Measure, target: Target, when: Round): Promise<void> {
  const variant = target.variant.name
  try {
    run.samples.push({ ...when, variant, measure: measure.name, values: await measure.run(target, run.scale) })
  } catch (error) {
    run.say(`${variant} failed ${measure.name}: ${messageOf(error)}`)
  }
}

/** How much of the machine others use while the bench does nothing. The load average would count the bench itself. */
async function busyShare(): Promise<number> {
  const before = machineBusySeconds()
  const started = performance.now()
  await sleep(1000)
  return (machineBusySeconds() - before) / ((performance.now() - started) / 1000) / availableParallelism()
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
