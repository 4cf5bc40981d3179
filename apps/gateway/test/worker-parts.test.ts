import { describe, expect, it } from 'vitest'
import { createChannel, type PrimaryTells, type WorkerTells } from '../src/workers/channel.ts'
import { workerCount } from '../src/workers/count.ts'
import { mergeMetrics } from '../src/workers/merge-metrics.ts'
import { createRestarts } from '../src/workers/restarts.ts'
import { seatText, shareOf, takeSeat } from '../src/workers/seat.ts'

describe('the number of workers', () => {
  it.each([
    [undefined, {}, 1, '1 worker'],
    ['2', { TIANJI_WORKERS: '3' }, 2, '2 workers'],
    [undefined, { TIANJI_WORKERS: '3', NUM_WORKERS: '4' }, 3, '3 workers'],
    [undefined, { TIANJI_WORKERS: '', NUM_WORKERS: '4' }, 4, '4 workers'],
    ['auto', {}, 8, '8 workers (auto: 8 cores)'],
  ])('of %s and %o is %i', (given, env, count, title) => {
    expect(workerCount(given, env, 8)).toEqual({ count, title })
  })

  it('of a machine with one core is 1', () => {
    expect(workerCount('auto', {}, 1)).toEqual({ count: 1, title: '1 worker (auto: 1 core)' })
  })

  it.each(['0', '-1', '1.5', '513', 'two', ''])('cannot be "%s"', (given) => {
    expect(() => workerCount(given, {})).toThrow(
      `The number of workers must be from 1 to 512, or auto, not "${given}".`,
    )
  })
})

describe('a seat', () => {
  it('is taken from the environment, once', () => {
    const env = { TIANJI_WORKER_SEAT: seatText({ index: 1, count: 2 }) }
    expect(takeSeat(env)).toEqual({ index: 1, count: 2 })
    expect(takeSeat(env)).toBeUndefined()
  })

  it('has its share of what all may use, and the shares add up', () => {
    const shares = [0, 1, 2].map((index) => shareOf(11, { index, count: 3 }))
    expect(shares).toEqual([4, 4, 3])
  })

  it('has at least one of anything', () => {
    expect(shareOf(1, { index: 1, count: 2 })).toBe(1)
  })
})

describe('restarts', () => {
  const early = { hadListened: false, othersListen: false }

  it('wait longer with every death, and no longer when it was long ago', () => {
    let time = 0
    const restarts = createRestarts(() => time)
    const late = { hadListened: true, othersListen: false }
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => restarts.afterDeath(late))).toEqual([
      100, 200, 400, 800, 1600, 3200, 5000, 5000,
    ])
    time += 30_000
    expect(restarts.afterDeath(late)).toBe(100)
  })

  it('end with the fifth worker that never listened', () => {
    const restarts = createRestarts(() => 0)
    expect([1, 2, 3, 4, 5].map(() => restarts.afterDeath(early))).toEqual([100, 200, 400, 800, undefined])
  })

  it('go on as long as another worker serves', () => {
    const restarts = createRestarts(() => 0)
    const last = [1, 2, 3, 4, 5, 6].map(() => restarts.afterDeath({ ...early, othersListen: true })).at(-1)
    expect(last).toBe(3200)
  })
})

describe('merged metrics', () => {
  const page = (body: string) => ({ contentType: 'text/plain', body })
  const merged = (...bodies: string[]) => mergeMetrics(bodies.map(page))?.body

  it('are none without pages', () => {
    expect(mergeMetrics([])).toBeUndefined()
  })

  it('show the least that is left of a budget, which all of them spend from', () => {
    const left = (amount: number) => `# TYPE litellm_remaining_team_budget_metric gauge
litellm_remaining_team_budget_metric{team="blue"} ${amount}
`
    expect(merged(left(5), left(3), left(4))).toContain('{team="blue"} 3\n')
  })

  it('add up counters and gauges by name and labels, and keep what only one has', () => {
    const one =
      '# HELP calls Calls.\n# TYPE calls counter\ncalls{to="a b}",as="\\"x\\""} 2\n# TYPE open gauge\nopen 1\n'
    const other = '# HELP calls Calls.\n# TYPE calls counter\ncalls{to="a b}",as="\\"x\\""} 0.5\ncalls{to="c"} 1\n'
    expect(merged(one, `${other}# TYPE open gauge\nopen 3\n`)).toBe(
      '# HELP calls Calls.\n# TYPE calls counter\ncalls{to="a b}",as="\\"x\\""} 2.5\ncalls{to="c"} 1\n\n# TYPE open gauge\nopen 4\n',
    )
  })

  it('add up histograms bucket by bucket', () => {
    const one = '# TYPE time histogram\ntime_bucket{le="1"} 1\ntime_bucket{le="+Inf"} 2\ntime_sum 3.5\ntime_count 2\n'
    expect(merged(one, one)).toBe(
      '# TYPE time histogram\ntime_bucket{le="1"} 2\ntime_bucket{le="+Inf"} 4\ntime_sum 7\ntime_count 4\n',
    )
  })

  it('show the worst of a state', () => {
    const state = (value: number) => `# TYPE deployment_state gauge\ndeployment_state{id="a"} ${value}\n`
    expect(merged(state(0), state(2), state(1))).toBe(state(2))
  })

  it('keep values that are no finite numbers readable', () => {
    expect(merged('# TYPE a gauge\na +Inf\n# TYPE b gauge\nb -Inf\n# TYPE c gauge\nc NaN\n')).toBe(
      '# TYPE a gauge\na +Inf\n\n# TYPE b gauge\nb -Inf\n\n# TYPE c gauge\nc NaN\n',
    )
  })
})

describe('the channel between a worker and its primary', () => {
  const page = { contentType: 'text/plain', body: 'calls 1\n' }

  /** Both ends, with copies of messages between them. */
  function ends(metrics: () => Promise<typeof page | undefined>) {
    const failures: string[] = []
    const primary = createChannel<WorkerTells, PrimaryTells>((message) => worker.receive(structuredClone(message)), {
      told: { ready: () => {}, failed: (reason) => failures.push(reason), limits: () => {} },
      asked: { metrics, reload: async () => undefined },
    })
    const worker = createChannel<PrimaryTells, WorkerTells>((message) => primary.receive(structuredClone(message)), {
      told: { limits: () => {} },
      asked: { metrics: async () => undefined, reload: async () => undefined },
    })
    return { primary, worker, failures }
  }

  it('carries what is told, and answers to what is asked', async () => {
    const { primary, worker, failures } = ends(async () => page)
    worker.tell('failed', 'No port.')
    expect(failures).toEqual(['No port.'])
    expect(await worker.ask('metrics', 1_000)).toEqual(page)
    expect(await primary.ask('metrics', 1_000)).toBeUndefined()
  })

  it('gives up on an answer that does not come', async () => {
    const { worker } = ends(() => new Promise(() => {}))
    await expect(worker.ask('metrics', 5)).rejects.toThrow('There was no answer to "metrics" within 5 ms.')
  })

  it('ignores messages that are not its own', () => {
    const { primary, failures } = ends(async () => page)
    const strange = [null, 'failed', 7, {}, { failed: 'x' }, { tianjiTells: 'toString', body: 1 }, { tianjiAsks: 'x' }]
    for (const message of [...strange, { tianjiAnswers: 99, body: page }]) primary.receive(message)
    expect(failures).toEqual([])
  })
})
