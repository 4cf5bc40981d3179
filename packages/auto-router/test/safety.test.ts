import { GatewayError } from '@tianjillm/core'
import { expect, it, vi } from 'vitest'
import { createSafety } from '../src/safety.ts'
import { stubHouse } from './house.ts'

const failing = () => Promise.reject(new GatewayError('upstream_error', 'Out of order.'))
const working = () => Promise.resolve('done')

function safetyIn(house = stubHouse({})) {
  return { house, safety: createSafety({ task: 'Nothing works', deadline: 1_000, house }) }
}

it('gives what the work gives', async () => {
  const { safety, house } = safetyIn()
  expect(await safety.attempt(working)).toEqual({ isDone: true, result: 'done' })
  expect(house.log.lines).toEqual([])
})

it('warns of failures once a minute', async () => {
  const { safety, house } = safetyIn()
  await safety.attempt(failing)
  await safety.attempt(failing)
  expect(house.log.lines).toEqual(['warn: Nothing works: Out of order.'])
  house.time = 60_000
  await safety.attempt(failing)
  expect(house.log.lines).toHaveLength(2)
})

it('after three failures in a row tries nothing for 30 seconds, then once', async () => {
  const { safety, house } = safetyIn()
  const work = vi.fn(failing)
  for (let time = 0; time < 5; time++) await safety.attempt(work)
  expect(work).toHaveBeenCalledTimes(3)
  house.time = 29_999
  await safety.attempt(work)
  expect(work).toHaveBeenCalledTimes(3)
  house.time = 30_000
  await Promise.all([safety.attempt(work), safety.attempt(work)])
  expect(work).toHaveBeenCalledTimes(4)
})

it('goes on as before once the work succeeds again', async () => {
  const { safety, house } = safetyIn()
  for (let time = 0; time < 3; time++) await safety.attempt(failing)
  house.time = 30_000
  await safety.attempt(working)
  await safety.attempt(failing)
  expect(await safety.attempt(working)).toEqual({ isDone: true, result: 'done' })
})

it('tells the work when its time is over', async () => {
  const house = stubHouse({})
  const safety = createSafety({ task: 'Nothing works', deadline: 1, house })
  let reason: unknown
  const outcome = await safety.attempt(
    (signal) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))),
  )
  expect(outcome).toEqual({ isDone: false, reason: 'no answer within 0.001 s.' })
  expect(reason).toMatchObject({ kind: 'upstream_timeout' })
})

it('does not count a prompt that is refused as a failure', async () => {
  const { safety, house } = safetyIn()
  const work = vi.fn(() => Promise.reject(new GatewayError('guardrail_blocked', 'Blocked.')))
  for (let time = 0; time < 4; time++) expect(await safety.attempt(work)).toEqual({ isDone: false, reason: 'Blocked.' })
  expect(work).toHaveBeenCalledTimes(4)
  expect(house.log.lines).toEqual([])
})

it('says nothing of who was asked when the client has gone', async () => {
  const { safety, house } = safetyIn()
  const gone = () => Promise.reject(new GatewayError('client_closed', 'The client closed the connection.'))
  await expect(safety.attempt(gone)).rejects.toMatchObject({ kind: 'client_closed' })
  expect(house.log.lines).toEqual([])
})

it('keeps the words of our own mistakes to itself', async () => {
  const { safety, house } = safetyIn()
  await safety.attempt(() => Promise.reject(new TypeError('secret is not a function')))
  expect(house.log.lines).toEqual(['warn: Nothing works: the auto-router made a mistake.'])
})
