/** Something on a request's way whose price is wanted. */
export interface Stage {
  readonly name: string
  /** Does it; a promise is awaited. */
  run(): unknown
  /** How often one run does what the price is told for. Default 1. */
  readonly times?: number
  /** Does what the runs of a round have put off; its time counts too. */
  settle?(): unknown
}

/** What a stage costs. */
export interface Price {
  readonly name: string
  /** Microseconds: of the median round, and of the fastest. */
  readonly median: number
  readonly minimum: number
  /** Bytes taken from the heap, and outside of it for buffers. */
  readonly bytes: number
}

/** Milliseconds that a round lasts at least. */
const ROUND = 20
const WARM_UP_ROUNDS = 5
const ROUNDS = 15

/** Bytes that the runs of an allocation round take about: far less than what makes node collect garbage. */
const ROUND_BYTES = 2 * 1024 * 1024
const ALLOCATION_ROUNDS = 5

/** The last result, kept where the compiler cannot tell that nobody reads it. */
export let sink: unknown

/** The price of a stage, after a warm-up. Needs `--expose-gc`. */
export async function measure(stage: Stage): Promise<Price> {
  const first = stage.run()
  const isAsync = first instanceof Promise
  await first
  const times = stage.times ?? 1
  const repeat = async (runs: number) => {
    if (isAsync) for (let run = 0; run < runs; run++) sink = await stage.run()
    else for (let run = 0; run < runs; run++) sink = stage.run()
    await stage.settle?.()
  }
  const timeRound = async (runs: number) => {
    const start = performance.now()
    await repeat(runs)
    return performance.now() - start
  }
  let runs = 1
  while ((await timeRound(runs)) < ROUND) runs *= 2
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await timeRound(runs)
  // What was slow at first is fast by now.
  while ((await timeRound(runs)) < ROUND) runs *= 2
  const rounds = await Array.fromAsync({ length: ROUNDS }, () => timeRound(runs))
  const prices = rounds.map((time) => (time * 1000) / (runs * times)).sort((a, b) => a - b)
  return {
    name: stage.name,
    median: prices[ROUNDS >> 1]!,
    minimum: prices[0]!,
    bytes: (await allocated(repeat, runs)) / times,
  }
}

/** Bytes that one run allocates: the median of some rounds in which nothing was collected. */
async function allocated(repeat: (runs: number) => Promise<void>, most: number): Promise<number> {
  const takeRound = async (runs: number) => {
    gc!()
    // The second waits until the buffers that the first one found are gone.
    gc!()
    const before = takenBytes()
    await repeat(runs)
    return takenBytes() - before
  }
  let runs = 1
  while (runs < most && (await takeRound(runs)) < ROUND_BYTES) runs *= 2
  const found = await Array.fromAsync({ length: ALLOCATION_ROUNDS }, () => takeRound(runs))
  return found.sort((a, b) => a - b)[ALLOCATION_ROUNDS >> 1]! / runs
}

function takenBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
