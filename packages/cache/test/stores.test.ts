import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diskStore, memoryStore, type Store, tieredStore } from '../src/index.ts'
import { clock, stubLog } from './house.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tianji-cache-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'answers')
}

const log = stubLog()

const stores: Readonly<Record<string, (now: () => number) => Store>> = {
  memory: (now) => memoryStore({ now }),
  disk: (now) => diskStore(folder(), { now, log }),
  'memory before disk': (now) => tieredStore(memoryStore({ now }), diskStore(folder(), { now, log }), { now }),
}

describe.each(Object.entries(stores))('a store in %s', (_, create) => {
  test('gives what was set, and nothing else', async () => {
    const store = create(clock().now)
    await store.set('a', 'one\ntwo 🎈', 1_000)
    expect(await store.get('a')).toBe('one\ntwo 🎈')
    expect(await store.get('b')).toBeUndefined()
  })

  test('gives the last of several values', async () => {
    const store = create(clock().now)
    await store.set('a', 'one', 1_000)
    await store.set('a', 'two', 1_000)
    expect(await store.get('a')).toBe('two')
  })

  test('forgets when the life of an entry is over', async () => {
    const { now, pass } = clock()
    const store = create(now)
    await store.set('a', 'one', 1_000)
    pass(999)
    expect(await store.get('a')).toBe('one')
    pass(2)
    expect(await store.get('a')).toBeUndefined()
  })

  test('keeps nothing without a life', async () => {
    const store = create(clock().now)
    await store.set('a', 'one', 0)
    expect(await store.get('a')).toBeUndefined()
  })

  test('forgets one entry, or all', async () => {
    const store = create(clock().now)
    for (const key of ['a', 'b', 'c']) await store.set(key, key, 1_000)
    await store.delete('a')
    expect([await store.get('a'), await store.get('b')]).toEqual([undefined, 'b'])
    await store.clear()
    expect([await store.get('b'), await store.get('c')]).toEqual([undefined, undefined])
  })
})

describe('a store in memory', () => {
  test('lets go of what was not asked for the longest when there are too many', async () => {
    const store = memoryStore({ maxEntries: 2, now: clock().now })
    await store.set('a', '1', 1_000)
    await store.set('b', '2', 1_000)
    await store.get('a')
    await store.set('c', '3', 1_000)
    expect([await store.get('a'), await store.get('b'), await store.get('c')]).toEqual(['1', undefined, '3'])
  })

  test('holds no more bytes than it may', async () => {
    const store = memoryStore({ maxBytes: 10_000, now: clock().now })
    for (const key of ['a', 'b', 'c']) await store.set(key, 'x'.repeat(2_000), 1_000)
    expect([await store.get('a'), await store.get('c')]).toEqual([undefined, 'x'.repeat(2_000)])
  })

  test('forgets the old value when the new one is too large to be kept', async () => {
    const store = memoryStore({ maxBytes: 1_000, now: clock().now })
    await store.set('a', 'small', 1_000)
    await store.set('a', 'x'.repeat(1_000), 1_000)
    expect(await store.get('a')).toBeUndefined()
  })
})

describe('a store before another', () => {
  test('has near the next time what it got from afar', async () => {
    const { now } = clock()
    const [near, far] = [memoryStore({ now }), memoryStore({ now })]
    await tieredStore(memoryStore({ now }), far, { now }).set('a', 'one', 1_000)
    const store = tieredStore(near, far, { now })
    expect(await store.get('a')).toBe('one')
    await far.clear()
    expect(await store.get('a')).toBe('one')
  })

  test('asks afar again when the near copy has grown old', async () => {
    const { now, pass } = clock()
    const far = memoryStore({ now })
    const store = tieredStore(memoryStore({ now }), far, { nearLife: 100, now })
    await store.set('a', 'one', 1_000)
    await far.clear()
    pass(101)
    expect(await store.get('a')).toBeUndefined()
  })

  test('keeps no near copy beyond the life of the entry', async () => {
    const { now, pass } = clock()
    const far = memoryStore({ now })
    await tieredStore(memoryStore({ now }), far, { now }).set('a', 'one', 1_000)
    pass(900)
    const store = tieredStore(memoryStore({ now }), far, { nearLife: 500, now })
    expect(await store.get('a')).toBe('one')
    pass(101)
    expect(await store.get('a')).toBeUndefined()
  })
})

describe('a store on disk', () => {
  test('is there again after a restart', async () => {
    const [place, { now }] = [folder(), clock()]
    await diskStore(place, { now, log }).set('a', 'one', 1_000)
    expect(await diskStore(place, { now, log }).get('a')).toBe('one')
  })

  test('lets nobody else look into it, and tells nothing by its names', async () => {
    const place = folder()
    await diskStore(place, { now: clock().now, log }).set('../secret', 'one', 1_000)
    const [name, ...others] = readdirSync(place)
    expect(others).toEqual([])
    expect(name).toMatch(/^[0-9a-f]{64}$/)
    expect(statSync(place).mode & 0o777).toBe(0o700)
    expect(statSync(join(place, name!)).mode & 0o777).toBe(0o600)
  })

  test('closes a folder that was open to others', async () => {
    const [place, { now }] = [folder(), clock()]
    await diskStore(place, { now, log }).set('a', 'one', 1_000)
    chmodSync(place, 0o755)
    await diskStore(place, { now, log }).get('a')
    expect(statSync(place).mode & 0o777).toBe(0o700)
  })

  test.each([
    ['cut short', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['changed', (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('one', 'two'))],
    ['not of this store', (path: string) => writeFileSync(path, new Uint8Array([0, 255, 10, 13]))],
  ])('misses an entry whose file is %s, and forgets it', async (_, spoil) => {
    const place = folder()
    const store = diskStore(place, { now: clock().now, log })
    await store.set('a', 'one', 1_000)
    spoil(join(place, readdirSync(place)[0]!))
    expect(await store.get('a')).toBeUndefined()
    expect(readdirSync(place)).toEqual([])
  })

  test('removes what was never finished and what has expired when it is opened', async () => {
    const [place, { now, pass }] = [folder(), clock()]
    await diskStore(place, { now, log }).set('a', 'one', 1_000)
    writeFileSync(join(place, `${'0'.repeat(64)}.00000000-0000-4000-8000-000000000000`), 'half')
    pass(120_000)
    await diskStore(place, { now, log }).get('b')
    expect(readdirSync(place)).toEqual([])
  })

  test('goes on when its folder was tidied away', async () => {
    const place = folder()
    const store = diskStore(place, { now: clock().now, log })
    await store.set('a', 'one', 1_000)
    rmSync(place, { recursive: true })
    expect(await store.get('a')).toBeUndefined()
    await store.set('b', 'two', 1_000)
    expect(await store.get('b')).toBe('two')
  })

  test('leaves files alone that are not its own', async () => {
    const [place, { now }] = [folder(), clock()]
    const store = diskStore(place, { now, log })
    await store.set('a', 'one', 1_000)
    writeFileSync(join(place, 'notes.txt'), 'mine')
    await store.clear()
    expect(readdirSync(place)).toEqual(['notes.txt'])
  })

  test('has no more files than it may, and lets go first of what expires first', async () => {
    const place = folder()
    const store = diskStore(place, { maxEntries: 10, now: clock().now, log })
    for (let index = 0; index < 30; index++) {
      await store.set(`${index}`, 'x', 100_000 + index * 1_000)
      expect(readdirSync(place).length).toBeLessThanOrEqual(10)
    }
    expect([await store.get('0'), await store.get('29')]).toEqual([undefined, 'x'])
  })

  test('has no more bytes than it may', async () => {
    const place = folder()
    const store = diskStore(place, { maxBytes: 5_000, now: clock().now, log })
    for (let index = 0; index < 20; index++) await store.set(`${index}`, 'x'.repeat(1_000), 100_000 + index)
    const sizes = readdirSync(place).map((name) => statSync(join(place, name)).size)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(5_000)
    expect(sizes.length).toBeGreaterThan(2)
    expect(await store.get('19')).toBe('x'.repeat(1_000))
  })

  test('gives and keeps nothing where it cannot, and warns once', async () => {
    const [place, warned] = [folder(), stubLog()]
    writeFileSync(place, 'a file, and no folder')
    const store = diskStore(place, { now: clock().now, log: warned })
    await store.set('a', 'one', 1_000)
    expect(await store.get('a')).toBeUndefined()
    await store.clear()
    expect(warned.warnings).toHaveLength(1)
    expect(readFileSync(place, 'utf8')).toBe('a file, and no folder')
  })

  test('stays whole when much is set and got at once', async () => {
    const store = diskStore(folder(), { now: clock().now, log })
    const keys = Array.from({ length: 200 }, (_, index) => `${index % 10}`)
    const values = new Set([undefined, ...keys.map((key) => key.repeat(10_000))])
    const got = await Promise.all(
      keys.flatMap((key) => [store.set(key, key.repeat(10_000), 10_000), store.get(key)] as const),
    )
    for (const value of got) expect(values.has(value ?? undefined)).toBe(true)
  })
})
