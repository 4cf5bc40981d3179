import { logOf } from '@tianjillm/testing-mcp'
import { expect, test, vi } from 'vitest'
import { createPinBook, type PinStore } from '../src/index.ts'

/** A store that a test can look into, and take away. */
function fakeStore() {
  const rows = new Map<string, Map<string, string>>()
  const revisions = new Map<string, number>()
  const state = { isAway: false, reads: 0 }
  const reached = () => {
    if (state.isAway) throw new Error('no database')
  }
  const put = (server: string, marks: ReadonlyMap<string, string>, isForced: boolean) => {
    reached()
    const known = rows.get(server) ?? new Map<string, string>()
    rows.set(server, known)
    for (const [tool, mark] of marks)
      if (isForced || !known.has(tool)) {
        known.set(tool, mark)
        revisions.set(server, (revisions.get(server) ?? 0) + 1)
      }
  }
  const store: PinStore = {
    async revisions() {
      reached()
      return new Map(revisions)
    },
    async all(server) {
      reached()
      state.reads += 1
      return new Map(rows.get(server))
    },
    add: async (server, marks) => put(server, marks, false),
    replace: async (server, marks) => put(server, marks, true),
  }
  return { store, state, kept: (server: string) => Object.fromEntries(rows.get(server) ?? []) }
}

function bookOf(store: PinStore | undefined) {
  const log = logOf()
  return { log, book: createPinBook(log, () => store) }
}

test('what one process has seen first holds in the next', async () => {
  const { store, kept } = fakeStore()
  const before = bookOf(store).book
  before.add('s', 'a', 'first')
  before.add('s', 'a', 'second')
  expect(before.find('s', 'a')).toBe('first')
  await before.close()
  expect(kept('s')).toEqual({ a: 'first' })
  const { book } = bookOf(store)
  await book.load(['s', 'unknown'])
  expect([book.find('s', 'a'), book.find('unknown', 'a')]).toEqual(['first', undefined])
})

test('of two who are first at once both hold on to what the store had first, and are told', async () => {
  const { store } = fakeStore()
  const [here, there] = [bookOf(store).book, bookOf(store).book]
  const heard = vi.fn()
  there.onChange(heard)
  here.add('s', 'a', 'one')
  there.add('s', 'a', 'other')
  await expect.poll(() => there.find('s', 'a')).toBe('one')
  expect(heard).toHaveBeenCalledTimes(1)
})

test('what is accepted holds at once, and elsewhere with the next look', async () => {
  const { store, kept } = fakeStore()
  const [here, there] = [bookOf(store).book, bookOf(store).book]
  here.add('s', 'a', 'old')
  await here.load(['s'])
  await there.load(['s'])
  const heard = vi.fn()
  there.onChange(heard)
  await here.accept('s', new Map([['a', 'new']]))
  expect([here.find('s', 'a'), kept('s')]).toEqual(['new', { a: 'new' }])
  await there.load(['s'])
  expect([there.find('s', 'a'), heard.mock.calls.length]).toEqual(['new', 1])
})

test('servers of which nothing has changed are not read again', async () => {
  const { store, state } = fakeStore()
  const { book } = bookOf(store)
  book.add('s', 'a', 'one')
  await book.load(['s', 'other'])
  await book.load(['s', 'other'])
  const { reads } = state
  await book.load(['s', 'other'])
  expect(state.reads).toBe(reads)
})

test('a store that is away fails nobody who looks, is told of once, and gets what it missed', async () => {
  vi.useFakeTimers()
  try {
    const { store, state, kept } = fakeStore()
    const { book, log } = bookOf(store)
    state.isAway = true
    book.add('s', 'a', 'one')
    await vi.advanceTimersByTimeAsync(5_000)
    book.add('s', 'b', 'two')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(book.find('s', 'b')).toBe('two')
    expect(log.lines).toEqual([expect.stringContaining('could not be stored')])
    await expect(book.accept('s', new Map([['a', 'new']]))).rejects.toThrow('no database')
    expect(book.find('s', 'a')).toBe('one')
    state.isAway = false
    await vi.advanceTimersByTimeAsync(5_000)
    expect(kept('s')).toEqual({ a: 'one', b: 'two' })
  } finally {
    vi.useRealTimers()
  }
})

test('what was noted without a store is kept when there is one', async () => {
  const { store, kept } = fakeStore()
  let current: PinStore | undefined
  const book = createPinBook(logOf(), () => current)
  book.add('s', 'a', 'one')
  await book.load(['s'])
  current = store
  await book.load(['s'])
  await book.close()
  expect(kept('s')).toEqual({ a: 'one' })
})

test('a server that names new tools for ever is remembered up to a limit, and the first ones stay', () => {
  const { book, log } = bookOf(undefined)
  for (let index = 0; index < 6_000; index++) book.add('s', `tool ${index}`, 'mark')
  expect([book.find('s', 'tool 0'), book.find('s', 'tool 5999')]).toEqual(['mark', undefined])
  expect(log.lines).toEqual([expect.stringContaining('over 5000 tools')])
})
