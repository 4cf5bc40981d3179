import { openStore } from '@tianjillm/store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring, createKeys } from '../src/index.ts'

async function ring(most?: number) {
  const store = await openStore({ url: ':memory:' })
  onTestFinished(() => store.close().catch(() => {}))
  const clock = { time: 0 }
  const keyring = createKeyring({ store, now: () => clock.time, ...(most && { most }) })
  const keys = createKeys({ store, now: () => 0, changed: (keyHash) => keyring.forget(keyHash) })
  const made = async () => String((await keys.generate({}, null)).token)
  return { store, clock, keyring, keys, made }
}

describe('a keyring', () => {
  it('knows a key at once the second time', async () => {
    const { keyring, made } = await ring()
    const keyHash = await made()
    expect(await keyring.find(keyHash)).toMatchObject({ key_hash: keyHash })
    expect(keyring.find(keyHash)).toMatchObject({ key_hash: keyHash })
    expect(keyring.find(keyHash)).not.toBeInstanceOf(Promise)
  })

  it('sees a change made here at once, and one made elsewhere within its time', async () => {
    const { store, clock, keyring, keys, made } = await ring()
    const keyHash = await made()
    await keyring.find(keyHash)
    await keys.setBlocked({ key: keyHash }, true)
    expect(await keyring.find(keyHash)).toMatchObject({ blocked: 1 })
    await store.database.updateTable('tianji_keys').set({ blocked: 0 }).execute()
    expect(await keyring.find(keyHash)).toMatchObject({ blocked: 1 })
    clock.time = 60_000
    expect(await keyring.find(keyHash)).toMatchObject({ blocked: 0 })
  })

  it('does not hand out what was read before a change', async () => {
    const { keyring, keys, made } = await ring()
    const keyHash = await made()
    const reading = keyring.find(keyHash)
    await keys.setBlocked({ key: keyHash }, true)
    await reading
    expect(await keyring.find(keyHash)).toMatchObject({ blocked: 1 })
  })

  it('remembers who is a stranger for a while, and only so many', async () => {
    const { clock, keyring, keys } = await ring(20)
    const { token } = { token: 'a'.repeat(64) }
    expect(await keyring.find(token)).toBeUndefined()
    expect(keyring.find(token)).toBeUndefined()
    await keyring.find('b'.repeat(64))
    await keyring.find('c'.repeat(64))
    expect(keyring.find(token)).toBeInstanceOf(Promise)
    await keys.generate({ key: 'sk-new' }, null)
    clock.time = 10_000
    expect(keyring.find('c'.repeat(64))).toBeInstanceOf(Promise)
  })

  it('goes on with what it knows while the store cannot be asked', async () => {
    const { store, clock, keyring, made } = await ring()
    const keyHash = await made()
    await keyring.find(keyHash)
    await store.close()
    clock.time = 60_000
    expect(await keyring.find(keyHash)).toMatchObject({ key_hash: keyHash })
    await expect(keyring.find('d'.repeat(64))).rejects.toThrow()
  })

  it('asks once for many who want the same key', async () => {
    const { keyring, made } = await ring()
    const keyHash = await made()
    expect(keyring.find(keyHash)).toBe(keyring.find(keyHash))
  })
})
