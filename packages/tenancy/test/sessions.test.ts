import { openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createSessions, type SessionRecord } from '../src/index.ts'
import { NOW } from './support.ts'

const HOUR = 3_600_000

async function sessionsIn(url: string) {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const clock = { now: NOW }
  return { clock, sessions: createSessions({ store, now: () => clock.now, idle: HOUR }) }
}

const session = (more: Partial<SessionRecord> = {}): SessionRecord => ({
  ...{ id: crypto.randomUUID(), owner: 'user:ada', createdAt: NOW, updatedAt: NOW, version: 1 },
  ...{ messages: [], context: {}, providerPreference: undefined, maxMessages: 20 },
  ...more,
})

describeOnBoth('sessions in a database', (newUrl) => {
  it('are found as they were saved', async () => {
    const { sessions } = await sessionsIn(newUrl())
    const messages = [
      { role: 'user', content: 'What is \u0000 in "C"? 👋' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'x' } }] },
    ] as SessionRecord['messages']
    const one = session({ messages, context: { town: 'Rome' }, providerPreference: 'openai' })
    await sessions.create(one)
    expect(await sessions.find('user:ada', one.id)).toEqual(one)
  })

  it('are unknown to others, who can neither save nor delete them', async () => {
    const { sessions } = await sessionsIn(newUrl())
    const one = session()
    await sessions.create(one)
    expect(await sessions.find('user:bob', one.id)).toBeUndefined()
    expect(await sessions.save({ ...one, owner: 'user:bob' })).toBe(false)
    expect(await sessions.delete('user:bob', one.id)).toBe(false)
    expect(await sessions.delete('user:ada', one.id)).toBe(true)
    expect(await sessions.find('user:ada', one.id)).toBeUndefined()
  })

  it('are saved by one of several who have read the same version', async () => {
    const { sessions } = await sessionsIn(newUrl())
    const one = session()
    await sessions.create(one)
    const attempts = Array.from({ length: 5 }, (_none, index) => sessions.save({ ...one, context: { index } }))
    const saved = await Promise.all(attempts)
    expect(saved.filter(Boolean)).toHaveLength(1)
    expect(await sessions.find('user:ada', one.id)).toMatchObject({
      version: 2,
      context: { index: saved.indexOf(true) },
    })
  })

  it('are forgotten when nobody has used them for long enough', async () => {
    const { sessions, clock } = await sessionsIn(newUrl())
    const [old, young] = [session(), session({ updatedAt: NOW + 1 })]
    await sessions.create(old)
    await sessions.create(young)
    clock.now = NOW + HOUR + 1
    expect(await sessions.find('user:ada', old.id)).toBeUndefined()
    expect(await sessions.save(old)).toBe(false)
    expect(await sessions.delete('user:ada', old.id)).toBe(false)
    expect(await sessions.prune()).toBe(1)
    expect(await sessions.prune()).toBe(0)
    expect(await sessions.find('user:ada', young.id)).toEqual(young)
  })
})
