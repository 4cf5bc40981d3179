import { openStore } from '@tianjillm/store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeys, createRing, standingOfKey } from '../src/index.ts'
import { admin } from './support.ts'

async function ringOfKeys(most?: number) {
  const store = await openStore({ url: ':memory:' })
  onTestFinished(() => store.close().catch(() => {}))
  const clock = { time: 0 }
  const known = createRing({
    load: (keyHash) => standingOfKey(store, keyHash),
    clock: () => clock.time,
    ...(most && { most }),
  })
  const keys = createKeys({ store, now: () => 0, changed: (keyHash) => known.forget(keyHash) })
  const made = async () => String((await keys.generate({}, admin)).token)
  return { store, clock, known, keys, made }
}

describe('a ring', () => {
  it('knows a key at once the second time', async () => {
    const { known, made } = await ringOfKeys()
    const keyHash = await made()
    expect(await known.find(keyHash)).toMatchObject({ key: { key_hash: keyHash } })
    expect(known.find(keyHash)).toMatchObject({ key: { key_hash: keyHash } })
    expect(known.find(keyHash)).not.toBeInstanceOf(Promise)
  })

  it('sees a change made here at once, and one made elsewhere within its time', async () => {
    const { store, clock, known, keys, made } = await ringOfKeys()
    const keyHash = await made()
    await known.find(keyHash)
    await keys.setBlocked({ key: keyHash }, true, admin)
    expect(await known.find(keyHash)).toMatchObject({ key: { blocked: 1 } })
    await store.database.updateTable('tianji_keys').set({ blocked: 0 }).execute()
    expect(await known.find(keyHash)).toMatchObject({ key: { blocked: 1 } })
    clock.time = 60_000
    expect(await known.find(keyHash)).toMatchObject({ key: { blocked: 0 } })
  })

  it('does not hand out what was read before a change', async () => {
    const { known, keys, made } = await ringOfKeys()
    const keyHash = await made()
    const reading = known.find(keyHash)
    await keys.setBlocked({ key: keyHash }, true, admin)
    await reading
    expect(await known.find(keyHash)).toMatchObject({ key: { blocked: 1 } })
  })

  it('remembers who is a stranger for a while, and only so many', async () => {
    const { clock, known, keys } = await ringOfKeys(20)
    const { token } = { token: 'a'.repeat(64) }
    expect(await known.find(token)).toBeUndefined()
    expect(known.find(token)).toBeUndefined()
    await known.find('b'.repeat(64))
    await known.find('c'.repeat(64))
    expect(known.find(token)).toBeInstanceOf(Promise)
    await keys.generate({ key: 'sk-new' }, admin)
    clock.time = 10_000
    expect(known.find('c'.repeat(64))).toBeInstanceOf(Promise)
  })

  it('goes on with what it knows while the store cannot be asked', async () => {
    const { store, clock, known, made } = await ringOfKeys()
    const keyHash = await made()
    await known.find(keyHash)
    await store.close()
    clock.time = 60_000
    expect(await known.find(keyHash)).toMatchObject({ key: { key_hash: keyHash } })
    await expect(known.find('d'.repeat(64))).rejects.toThrow()
  })

  it('asks once for many who want the same', async () => {
    const asked: string[] = []
    const load = async (id: string) => {
      asked.push(id)
      return { id }
    }
    const ring = createRing({ load, clock: () => 0 })
    expect(await Promise.all([ring.find('a'), ring.find('a'), ring.find('b')])).toMatchObject([
      { id: 'a' },
      { id: 'a' },
      { id: 'b' },
    ])
    expect(asked).toEqual(['a', 'b'])
  })

  it('asks again about all when it is told to, and holds on to them while nobody answers', async () => {
    const { store, known, made } = await ringOfKeys()
    const keyHash = await made()
    await known.find(keyHash)
    known.forget()
    expect(known.find(keyHash)).toBeInstanceOf(Promise)
    expect(known.known(keyHash)).toMatchObject({ key: { key_hash: keyHash } })
    known.forget()
    await store.close()
    expect(await known.find(keyHash)).toMatchObject({ key: { key_hash: keyHash } })
  })
})
