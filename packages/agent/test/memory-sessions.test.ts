import { expect, test } from 'vitest'
import { createMemorySessions, type Session } from '../src/index.ts'

function session(id: string, at = 0): Session {
  return {
    ...{ id, owner: 'me', createdAt: at, updatedAt: at, messages: [], context: {} },
    ...{ providerPreference: undefined, maxMessages: 20, version: 1 },
  }
}

test('a session can be saved by who knows its latest version', async () => {
  const sessions = createMemorySessions({ now: () => 0, idle: 10 })
  await sessions.create(session('a'))
  expect(await sessions.save({ ...session('a'), maxMessages: 5 })).toBe(true)
  expect(await sessions.save(session('a'))).toBe(false)
  expect(await sessions.find('me', 'a')).toMatchObject({ maxMessages: 5, version: 2 })
  expect(await sessions.save({ ...session('a'), version: 2, owner: 'you' })).toBe(false)
  expect(await sessions.save(session('b'))).toBe(false)
})

test('a session that was left alone is gone for all purposes', async () => {
  let now = 0
  const sessions = createMemorySessions({ now: () => now, idle: 10 })
  await sessions.create(session('a'))
  now = 10
  expect(await sessions.find('me', 'a')).toBeDefined()
  now = 11
  expect(await sessions.find('me', 'a')).toBeUndefined()
  expect(await sessions.save(session('a'))).toBe(false)
  expect(await sessions.delete('me', 'a')).toBe(false)
})

test.each([
  ['for one too many', { most: 2 }],
  ['when all are too long', { mostLength: 2.5 * JSON.stringify(session('a')).length }],
])('the session that was left alone for longest makes way %s', async (_, limits) => {
  const sessions = createMemorySessions({ now: () => 0, idle: 10, ...limits })
  await sessions.create(session('a'))
  await sessions.create(session('b'))
  await sessions.save(session('a'))
  await sessions.create(session('c'))
  const known = await Promise.all(['a', 'b', 'c'].map(async (id) => (await sessions.find('me', id)) !== undefined))
  expect(known).toEqual([true, false, true])
})
