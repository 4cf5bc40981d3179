import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentIn, eventsIn, openaiWire } from './events.ts'
import { folderWith, type Surroundings, type Tianji, tianji } from './tianji.ts'

const CLIENT_KEY = 'sk-client-of-the-tests'
const MASTER_KEY = 'sk-master-of-the-tests'

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await fakeUpstream()
})

afterAll(() => upstream.close())

const configuration = () => `
model_list:
  - {model_name: mock, litellm_params: {model: mock/any}}
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${upstream.url}/v1, api_key: sk-vendor}}
litellm_settings: {callbacks: [prometheus]}
general_settings: {master_key: ${MASTER_KEY}}
keys: [{key: ${CLIENT_KEY}, rpm_limit: 20}]
`

function twoWorkers(surroundings: Surroundings = {}, yaml: string = configuration()): Tianji {
  return tianji(['start', '--workers', '2', '--port', '0', '--host', '127.0.0.1'], {
    folder: folderWith({ 'proxy_config.yaml': yaml }),
    ...surroundings,
    env: { TIANJI_STOP_TIMEOUT: '5', ...surroundings.env },
  })
}

/** Over a connection of its own, for it is connections that workers share out. */
function ask(url: string, body: object, key = MASTER_KEY): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
  })
}

interface LogLine {
  readonly pid: number
  readonly msg: string
}

function logOf({ output }: Tianji): readonly LogLine[] {
  const whole = output().slice(0, output().lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
}

/** Processes that have answered, as their log says. */
function answering(process: Tianji): ReadonlySet<number> {
  return new Set(logOf(process).flatMap(({ pid, msg }) => (msg === 'request' ? [pid] : [])))
}

/** Asks until so many processes have answered. */
async function workersOf(tianji: Tianji, count: number): Promise<readonly number[]> {
  const url = await tianji.url
  const answered = async () => {
    await Promise.all(
      [1, 2, 3, 4].map(() =>
        ask(url, { model: 'mock' }).then(
          (answer) => answer.text(),
          () => {},
        ),
      ),
    )
    return answering(tianji).size
  }
  await expect.poll(answered, { interval: 100, timeout: 8_000 }).toBeGreaterThanOrEqual(count)
  return [...answering(tianji)]
}

/** Streams that take half a second, open at both workers. */
async function openStreams(url: string): Promise<readonly Promise<string>[]> {
  const pieces = [...openaiWire.begin(...words), ...openaiWire.end]
  for (let count = 0; count < 4; count++)
    upstream.script({ headers: { 'content-type': 'text/event-stream' }, pieces, pause: 30 })
  const answers = await Promise.all([1, 2, 3, 4].map(() => ask(url, { model: 'gpt', stream: true })))
  return answers.map((answer) => answer.text())
}

const words = Array.from({ length: 15 }, (_, index) => ` ${index}`)

async function expectWhole(streams: readonly Promise<string>[]): Promise<void> {
  for (const text of await Promise.all(streams)) {
    expect(contentIn(text)).toBe(words.join(''))
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  }
}

describe('workers', () => {
  it('share a port, a limit and a page of metrics', async () => {
    const gateway = twoWorkers()
    const url = await gateway.url
    expect(gateway.output()).toContain('  2 workers\n')
    const start = performance.now()
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(url, { model: 'mock' }, CLIENT_KEY)))
    const refill = ((performance.now() - start) * 20) / 60_000
    const statuses = answers.map(({ status }) => status)
    const allowed = statuses.filter((status) => status === 200).length
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    expect(allowed).toBeGreaterThanOrEqual(20)
    expect(allowed).toBeLessThanOrEqual(20 + Math.ceil(refill))
    for (const answer of answers.filter(({ status }) => status === 429))
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(3)

    await Promise.all(answers.map((answer) => answer.text()))
    const page = await (await fetch(`${url}/metrics`)).text()
    const counts = [...page.matchAll(/^litellm_requests_metric_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count))
    expect(counts).toEqual([allowed])
    gateway.signal('SIGTERM')
    expect(await gateway.exit).toBe(0)
    expect(answering(gateway).size).toBe(2)
    expect(logOf(gateway)).toHaveLength(60)
  })

  it('let open streams end when a terminal tells all processes to stop', async () => {
    const gateway = twoWorkers()
    const url = await gateway.url
    const pids = await workersOf(gateway, 2)
    const streams = await openStreams(url)
    for (const pid of pids) process.kill(pid, 'SIGINT')
    gateway.signal('SIGINT')
    const readiness = () => fetch(`${url}/health/readiness`).then(({ status }) => status)
    await expect.poll(readiness, { interval: 10 }).toBe(503)
    await expectWhole(streams)
    expect(await gateway.exit).toBe(0)
  })

  it('let open streams end when their primary is killed, and end too', async () => {
    const gateway = twoWorkers()
    const streams = await openStreams(await gateway.url)
    gateway.signal('SIGKILL')
    await expectWhole(streams)
    // Told when nobody has its standard output open any more.
    expect(await gateway.exit).toBe('SIGKILL')
  })

  it('are replaced when they are killed, while the others answer', async () => {
    const gateway = twoWorkers()
    const url = await gateway.url
    const [victim] = await workersOf(gateway, 2)
    process.kill(victim!, 'SIGKILL')
    expect(await workersOf(gateway, 3)).toHaveLength(3)
    expect(logOf(gateway)).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining('A worker has ended.'), ended: victim, cause: 'SIGKILL' }),
    )
    expect((await ask(url, { model: 'mock' })).status).toBe(200)
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
    gateway.signal('SIGTERM')
    expect(await gateway.exit).toBe(0)
  })

  it('stop at once when they are asked twice', async () => {
    const gateway = twoWorkers()
    const url = await gateway.url
    upstream.script({ headers: { 'content-type': 'text/event-stream' }, pieces: openaiWire.begin('Hel'), hangs: true })
    const answer = await ask(url, { model: 'gpt', stream: true })
    gateway.signal('SIGTERM')
    const readiness = () => fetch(`${url}/health/readiness`).then(({ status }) => status)
    await expect.poll(readiness, { interval: 10 }).toBe(503)
    gateway.signal('SIGTERM')
    expect(await gateway.exit).toBe(1)
    // Nobody is left to end it.
    await expect(answer.text()).rejects.toThrow()
  })

  it('tell once what is wrong with a configuration', async () => {
    const { exit, errors, output } = twoWorkers({}, 'model_list: [{model_name: a, litellm_params: {model: nobody/a}}]')
    expect(await exit).toBe(1)
    expect(errors().match(/No provider "nobody"/g)).toHaveLength(1)
    expect(output()).toBe('')
  })

  it('are given up when they end again and again before they listen', async () => {
    const fatal = `data:text/javascript,if (process.env.TIANJI_WORKER_SEAT) process.exit(7)`
    const gateway = twoWorkers({ nodeArguments: ['--import', fatal] })
    expect(await gateway.exit).toBe(1)
    expect(logOf(gateway).at(-1)).toMatchObject({ msg: expect.stringContaining('giving up'), cause: 'code 7' })
  })
})
