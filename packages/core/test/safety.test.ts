import { expect, it, vi } from 'vitest'
import { createSafety, GatewayError } from '../src/index.ts'

const failing = () => Promise.reject(new GatewayError('upstream_error', 'Out of order.'))
const working = () => Promise.resolve('done')

function stubHost() {
  const lines: string[] = []
  const keep = (message: string) => void lines.push(message)
  return { lines, time: 0, log: { debug: keep, info: keep, warn: keep, error: keep }, now: () => 0 }
}

function safetyIn(deadline = 1_000) {
  const host = stubHost()
  host.now = () => host.time
  return { host, safety: createSafety({ task: 'Nothing works', deadline, host }) }
}

it('gives what the work gives', async () => {
  const { safety, host } = safetyIn()
  expect(await safety.attempt(working)).toEqual({ isDone: true, result: 'done' })
  expect(host.lines).toEqual([])
})

it('warns of failures once a minute', async () => {
  const { safety, host } = safetyIn()
  await safety.attempt(failing)
  await safety.attempt(failing)
  expect(host.lines).toEqual(['Nothing works: Out of order.'])
  host.time = 60_000
  await safety.attempt(failing)
  expect(host.lines).toHaveLength(2)
})

it('after three failures in a row tries nothing for 30 seconds, then once', async () => {
  const { safety, host } = safetyIn()
  const work = vi.fn(failing)
  for (let time = 0; time < 5; time++) await safety.attempt(work)
  expect(work).toHaveBeenCalledTimes(3)
  host.time = 29_999
  await safety.attempt(work)
  expect(work).toHaveBeenCalledTimes(3)
  host.time = 30_000
  await Promise.all([safety.attempt(work), safety.attempt(work)])
  expect(work).toHaveBeenCalledTimes(4)
})

it('goes on as before once the work succeeds again', async () => {
  const { safety, host } = safetyIn()
  for (let time = 0; time < 3; time++) await safety.attempt(failing)
  host.time = 30_000
  await safety.attempt(working)
  await safety.attempt(failing)
  expect(await safety.attempt(working)).toEqual({ isDone: true, result: 'done' })
})

it('tells the work when its time is over', async () => {
  const { safety } = safetyIn(1)
  let reason: unknown
  const outcome = await safety.attempt(
    (signal) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))),
  )
  expect(outcome).toEqual({ isDone: false, reason: 'no answer within 0.001 s.' })
  expect(reason).toMatchObject({ kind: 'upstream_timeout' })
})

it('does not count a prompt that is refused as a failure', async () => {
  const { safety, host } = safetyIn()
  const work = vi.fn(() => Promise.reject(new GatewayError('guardrail_blocked', 'Blocked.')))
  for (let time = 0; time < 4; time++) expect(await safety.attempt(work)).toEqual({ isDone: false, reason: 'Blocked.' })
  expect(work).toHaveBeenCalledTimes(4)
  expect(host.lines).toEqual([])
})

it('says nothing of who was asked when the client has gone', async () => {
  const { safety, host } = safetyIn()
  const gone = () => Promise.reject(new GatewayError('client_closed', 'The client closed the connection.'))
  await expect(safety.attempt(gone)).rejects.toMatchObject({ kind: 'client_closed' })
  expect(host.lines).toEqual([])
})

it('keeps the words of our own mistakes to itself', async () => {
  const { safety, host } = safetyIn()
  await safety.attempt(() => Promise.reject(new TypeError('secret is not a function')))
  expect(host.lines).toEqual(['Nothing works: the gateway made a mistake.'])
})
