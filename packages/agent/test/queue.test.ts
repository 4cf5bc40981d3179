import { expect, test } from 'vitest'
import { createQueue } from '../src/queue.ts'

const { signal } = new AbortController()

test('works of one key follow each other; those of others do not wait, and failures are nobody else’s', async () => {
  const queue = createQueue()
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const work = (name: string, until?: Promise<void>) => async () => {
    await until
    done.push(name)
  }
  const all = [
    queue.enter('a', signal, work('first', first.promise)),
    queue.enter('a', signal, () => Promise.reject(new Error('second'))).catch(() => void done.push('second')),
    queue.enter('a', signal, work('third')),
  ]
  await queue.enter('b', signal, work('other'))
  first.resolve()
  await Promise.all(all)
  expect(done).toEqual(['other', 'first', 'second', 'third'])
})

test('who leaves before their turn does not let the next one in', async () => {
  const queue = createQueue()
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const controller = new AbortController()
  const one = queue.enter('a', signal, () => first.promise.then(() => void done.push('first')))
  const two = queue.enter('a', controller.signal, async () => void done.push('second'))
  const three = queue.enter('a', signal, async () => void done.push('third'))
  controller.abort()
  await expect(two).rejects.toMatchObject({ kind: 'client_closed' })
  first.resolve()
  await Promise.all([one, three])
  expect(done).toEqual(['first', 'third'])
})
