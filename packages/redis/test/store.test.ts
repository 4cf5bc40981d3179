import { freePort, needsRedis, redisProgram } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { createRedisStore } from '../src/index.ts'
import { open, openUp, redisServer } from './surroundings.ts'

describe.skipIf(!redisProgram())(needsRedis('a store in Redis'), () => {
  it('gives what another gateway has kept, as it was', async () => {
    const { port } = await redisServer()
    const [one, other] = [createRedisStore(await openUp({ port })), createRedisStore(await openUp({ port }))]
    const value = '{"a":"ü \u0000 \ud83d\ude00"}\n'
    await one.set('key', value, 60_000)
    expect(await other.get('key')).toBe(value)
    expect(await other.get('another')).toBeUndefined()
    await other.delete('key')
    expect(await one.get('key')).toBeUndefined()
  })

  it('keeps an empty text', async () => {
    const { port } = await redisServer()
    const store = createRedisStore(await openUp({ port }))
    await store.set('key', '', 60_000)
    expect(await store.get('key')).toBe('')
  })

  it('lets go of what has had its time', async () => {
    const { port } = await redisServer()
    const store = createRedisStore(await openUp({ port }))
    await store.set('short', 'value', 1)
    await store.set('over', 'value', 0)
    await expect.poll(() => store.get('short')).toBeUndefined()
    expect(await store.get('over')).toBeUndefined()
  })

  it('keeps nothing that is too long', async () => {
    const { port } = await redisServer()
    const store = createRedisStore(await openUp({ port }), 10)
    await store.set('key', '12345678901', 60_000)
    expect(await store.get('key')).toBeUndefined()
  })

  it('is cleared without touching what belongs to others', async () => {
    const { port, client } = await redisServer()
    const of = async (namespace: string) => createRedisStore(await openUp({ port, namespace }))
    const [own, other, odd] = [await of('own'), await of('other'), await of('o*')]
    for (let index = 0; index < 2_500; index++) await own.set(`key-${index}`, 'value', 60_000)
    await other.set('key', 'value', 60_000)
    await odd.set('key', 'value', 60_000)
    await client.set('own:limit:key', 'bucket')
    await odd.clear()
    expect([await own.get('key-0'), await odd.get('key')]).toEqual(['value', undefined])
    await own.clear()
    expect((await client.keys('*')).sort()).toEqual(['other:cache:key', 'own:limit:key'])
  })

  it('is empty while Redis is not there, and never throws', async () => {
    const store = createRedisStore(open({ port: await freePort() }))
    await store.set('key', 'value', 60_000)
    await store.delete('key')
    await store.clear()
    expect(await store.get('key')).toBeUndefined()
  })
})
