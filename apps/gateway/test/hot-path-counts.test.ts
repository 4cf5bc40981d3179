import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { sse } from '@tianjillm/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Counts } from './fixtures/counts.ts'
import { folderWith, type Tianji, tianji } from './tianji.ts'

/**
 * The most that the gateway does for one call, as measured. No clock adds to it, so a slow machine counts the same.
 * To lower a bound is welcome; to raise one takes a reason, which the commit tells.
 */
const MOST: Readonly<Record<'json' | 'stream', Counts>> = {
  json: {
    // Every async function and every `await` on the way in, to the vendor, back, and of the report after.
    promises: 36,
    // One sends the report; the others are of the connections, by node and by undici.
    timers: 5,
    // Pieces for the system to send, to the client and to the vendor: a head goes with what follows it.
    writesToClient: 1,
    writesToVendor: 1,
    // The vendor's model is put into the very bytes of the client; they are not written anew.
    bufferConcat: 1,
    bufferFrom: 1,
    bufferCopy: 0,
    // The request, and the answer for its usage.
    jsonParse: 2,
    // The vendor's model for the request, and the labels that Prometheus counts it under.
    jsonStringify: 2,
    // The client's key is found without one.
    hashes: 0,
  },
  // What is done for each of the 100 events would be 100 more: it is a write, and nothing else.
  stream: {
    promises: 36,
    timers: 5,
    writesToClient: 101,
    writesToVendor: 1,
    bufferConcat: 1,
    bufferFrom: 1,
    bufferCopy: 0,
    jsonParse: 2,
    jsonStringify: 2,
    hashes: 0,
  },
}

const COUNTING = join(import.meta.dirname, 'fixtures/counts.ts')
const KEY = 'sk-client-of-the-tests'
const EVENTS = 100
const ANSWER = JSON.stringify({
  id: 'c',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})
const EVENT = sse({ id: 'c', choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }] })
const END = sse(
  { id: 'c', choices: [], usage: { prompt_tokens: 1, completion_tokens: 100, total_tokens: 101 } },
  '[DONE]',
)

let vendor: Server
/** Makes the vendor write one more event of its stream, or its end. */
let nextEvent: () => void

beforeAll(async () => {
  vendor = createServer({ keepAliveTimeout: 60_000 }, async (incoming, outgoing) => {
    const { stream } = JSON.parse(await textOf(incoming)) as { stream?: boolean }
    if (!stream) return outgoing.setHeader('content-type', 'application/json').end(ANSWER)
    outgoing.setHeader('content-type', 'text/event-stream')
    let written = 0
    nextEvent = () => (written++ < EVENTS ? outgoing.write(EVENT) : outgoing.end(END))
    nextEvent()
  }).listen(0, '127.0.0.1')
  await once(vendor, 'listening')
})

afterAll(() => {
  vendor.closeAllConnections()
  vendor.close()
})

function countingGateway(): Tianji {
  const deployment = `
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_key: any, api_base: http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1}`
  return tianji(['start', '--port', '0', '--host', '127.0.0.1'], {
    folder: folderWith({
      'proxy_config.yaml': `
model_list:${deployment}${deployment}
litellm_settings: {callbacks: [prometheus]}
keys: [{key: ${KEY}, rpm_limit: 100000}]
`,
    }),
    nodeArguments: ['--import', COUNTING],
  })
}

/** All that the process has counted by now. */
async function countsOf({ signal, errors }: Tianji): Promise<Counts> {
  const before = countsIn(errors()).length
  signal('SIGUSR2')
  await expect.poll(() => countsIn(errors()), { interval: 5 }).toHaveLength(before + 1)
  return countsIn(errors()).at(-1)!
}

function countsIn(errors: string): readonly Counts[] {
  return [...errors.matchAll(/^\{"counts":(.+)\}$/gm)].map(([, counts]) => JSON.parse(counts!) as Counts)
}

/**
 * What the gateway does for one of so many calls, one after the other. The warm-up is long enough for either
 * deployment to be asked, for the first calls of each do more.
 */
async function countsOfOne(
  calls: number,
  warmUp: number,
  call: (url: string, agent: Agent) => Promise<void>,
): Promise<Counts> {
  const gateway = countingGateway()
  const url = await gateway.url
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  // Else it is made in the background meanwhile.
  await fetch(`${url}/model_group/info`, { headers: { authorization: `Bearer ${KEY}` } })
  for (let index = 0; index < warmUp; index++) await call(url, agent)
  const before = await countsOf(gateway)
  for (let index = 0; index < calls; index++) await call(url, agent)
  const after = await countsOf(gateway)
  agent.destroy()
  return countsBetween(before, after, calls)
}

/** Rounded, for some things are done for many calls at once, and the last call may have a bit left to do. */
function countsBetween(before: Counts, after: Counts, calls: number): Counts {
  return mapCounts(after, (name) => Math.round((after[name] - before[name]) / calls))
}

function mapCounts(counts: Counts, of: (name: keyof Counts) => number): Counts {
  const names = Object.keys(counts) as (keyof Counts)[]
  return Object.fromEntries(names.map((name) => [name, of(name)])) as unknown as Counts
}

function expectAtMost(counts: Counts, most: Counts): void {
  const message = `A call does more than it did. It does:\n${JSON.stringify(counts, undefined, 2)}\n`
  expect(
    mapCounts(counts, (name) => Math.max(counts[name], most[name])),
    message,
  ).toEqual(most)
}

/** The answer to a call, of which the head has arrived. */
async function ask(url: string, agent: Agent, body: object): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
  const call = request(`${url}/v1/chat/completions`, { method: 'POST', headers, agent })
  call.end(JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'Hello' }], ...body }))
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  return answer
}

it('does no more for a call than it did when it was last counted', async () => {
  const counts = await countsOfOne(200, 50, async (url, agent) => {
    expect(await textOf(await ask(url, agent, {}))).toBe(ANSWER)
  })
  expectAtMost(counts, MOST.json)
})

it('does no more for a stream, and for each of its events, than it did when it was last counted', async () => {
  const counts = await countsOfOne(40, 20, async (url, agent) => {
    const answer = await ask(url, agent, { stream: true, stream_options: { include_usage: true } })
    let text = ''
    // One event is on its way at a time, so that no two of them ever arrive in one piece.
    for await (const piece of answer) {
      text += piece
      if (text.endsWith(EVENT)) nextEvent()
    }
    expect(text).toBe(EVENT.repeat(EVENTS) + END)
  })
  expectAtMost(counts, MOST.stream)
})

/** Does all that is counted, a hundred times, between two looks at the counts. */
const everything = `
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
async function look() {
  const looked = once(process, 'SIGUSR2')
  process.kill(process.pid, 'SIGUSR2')
  await looked
}
const server = createServer((accepted) => accepted.pipe(accepted)).listen(0, '127.0.0.1')
await once(server, 'listening')
const opened = connect(server.address().port, '127.0.0.1')
const target = Buffer.alloc(8)
await look()
for (let index = 0; index < 100; index++) {
  setImmediate(() => {})
  Buffer.concat([Buffer.from('text'), Buffer.from(new ArrayBuffer(1))]).copy(target)
  JSON.parse(JSON.stringify(index))
  createHash('sha256')
  opened.write('.')
  await once(opened, 'data')
}
await look()
process.exit()
`

it('would notice: nothing that is counted stands still', async () => {
  const node = promisify(execFile)
  const { stderr } = await node(process.execPath, ['--import', COUNTING, '--input-type=module', '--eval', everything])
  const [before, after] = countsIn(stderr)
  const { promises, ...others } = countsBetween(before!, after!, 100)
  expect(promises).toBeGreaterThan(0)
  expect(new Set(Object.values(others))).toEqual(new Set([1]))
})
