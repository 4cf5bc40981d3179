import { hash, randomUUID } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import type { Log } from '@tianjillm/core'
import type { Store } from './store.ts'

/** How much a folder may hold. */
export interface DiskStoreSettings {
  /** Default 10,000. */
  readonly maxEntries?: number | undefined
  /** Default 1 GiB. */
  readonly maxBytes?: number | undefined
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Gets and sets under way at once; what comes then is left out. */
const MOST_AT_ONCE = 32
/** Milliseconds between two warnings, and after which a file that was never finished is in nobody's way. */
const MINUTE = 60_000
/** A sweep leaves a bit of room, so that not every entry after it needs another. */
const ROOM = 0.9

/** An entry, or one that is being written. */
const fileName = /^[0-9a-f]{64}(\.[0-9a-f-]{36})?$/

/**
 * A store in a folder of its own, which nobody else may enter; several processes may share it. An entry is a file under
 * the hash of its key, and is there whole or not at all. When the folder is full, what expires first goes first.
 */
export function diskStore(folder: string, settings: DiskStoreSettings): Store {
  const { maxEntries = 10_000, maxBytes = 1024 ** 3, log, now } = settings
  let underWay = 0
  let lastWarning = Number.NEGATIVE_INFINITY
  let opening: Promise<void> | undefined
  let sweeping: Promise<void> | undefined
  // As the last sweep found it, and what this process has written since.
  let entries = 0
  let bytes = 0

  const complain = (error: unknown) => {
    if (now() - lastWarning < MINUTE) return
    lastWarning = now()
    log.warn(`cache: ${folder} cannot be used: ${error instanceof Error ? error.message : 'unknown error'}`)
  }

  const sweep = async () => {
    const files = await filesIn(folder, now())
    const isOver = files.length > maxEntries || sum(files) > maxBytes
    const most = isOver
      ? { entries: maxEntries * ROOM, bytes: maxBytes * ROOM }
      : { entries: maxEntries, bytes: maxBytes }
    entries = files.length
    bytes = sum(files)
    for (const { path, size } of files.sort((one, other) => one.expires - other.expires)) {
      if (entries <= most.entries && bytes <= most.bytes) break
      await remove(path)
      entries--
      bytes -= size
    }
  }

  const sweepOnce = () => {
    sweeping ??= sweep().finally(() => {
      sweeping = undefined
    })
    return sweeping
  }

  const open = async () => {
    await makePrivate(folder)
    await sweepOnce()
  }

  const opened = async () => {
    opening ??= open()
    try {
      await opening
    } catch (error) {
      // Whatever it was, it may be mended by the next time.
      opening = undefined
      throw error
    }
  }

  const safely = async <Value>(work: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      await opened()
      return await work()
    } catch (error) {
      if (!isMissing(error)) complain(error)
      return undefined
    }
  }

  const ifNotBusy = async <Value>(work: () => Promise<Value>): Promise<Value | undefined> => {
    if (underWay >= MOST_AT_ONCE) return undefined
    underWay++
    try {
      return await safely(work)
    } finally {
      underWay--
    }
  }

  return {
    get: (key) =>
      ifNotBusy(async () => {
        const path = pathOf(folder, key)
        const value = valueIn(await readFile(path, 'utf8'), now())
        if (value === undefined) await remove(path)
        return value
      }),
    async set(key, value, life) {
      if (life <= 0) return
      const expires = Math.ceil(now() + life)
      const text = `${expires} ${hash('sha256', value)}\n${value}`
      const size = Buffer.byteLength(text)
      if (size > maxBytes) return
      await ifNotBusy(async () => {
        await makeFor(folder, () => replace(pathOf(folder, key), text, expires))
        entries++
        bytes += size
        if (entries > maxEntries || bytes > maxBytes) await sweepOnce()
      })
    },
    async delete(key) {
      await safely(() => remove(pathOf(folder, key)))
    },
    async clear() {
      await safely(async () => {
        for (const name of await readdir(folder)) if (fileName.test(name)) await remove(join(folder, name))
        entries = 0
        bytes = 0
      })
    },
  }
}

function pathOf(folder: string, key: string): string {
  return join(folder, hash('sha256', key))
}

/** The value, when it is all there and has not expired. */
function valueIn(text: string, now: number): string | undefined {
  const end = text.indexOf('\n')
  const [expires, checksum] = text.slice(0, end).split(' ')
  const value = text.slice(end + 1)
  return Number(expires) > now && checksum === hash('sha256', value) ? value : undefined
}

/** The file's time is when it expires, so that a sweep need not read it. */
async function replace(path: string, text: string, expires: number): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`
  try {
    await writeFile(unfinished, text, { mode: 0o600, flag: 'wx' })
    await utimes(unfinished, expires / 1000, expires / 1000)
    await rename(unfinished, path)
  } catch (error) {
    await remove(unfinished).catch(() => {})
    throw error
  }
}

/** Makes the folder again, should somebody have tidied it away. */
async function makeFor(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isMissing(error)) throw error
    await makePrivate(folder)
    await work()
  }
}

interface Entry {
  readonly path: string
  readonly size: number
  readonly expires: number
}

/** The entries of a folder. What has expired, or was never finished, is removed. */
async function filesIn(folder: string, now: number): Promise<Entry[]> {
  const found: Entry[] = []
  for (const name of await readdir(folder)) {
    if (!fileName.test(name)) continue
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined) continue
    const expires = facts.mtimeMs + (name.includes('.') ? MINUTE : 0)
    if (expires <= now) await remove(path)
    else found.push({ path, size: facts.size, expires })
  }
  return found
}

function sum(files: readonly Entry[]): number {
  return files.reduce((total, { size }) => total + size, 0)
}

/** Answers are nobody else's business, and a folder of somebody else could hold anything. */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const facts = await lstat(folder)
  // Windows has no such ids.
  const user = process.getuid?.() ?? facts.uid
  if (!facts.isDirectory() || facts.uid !== user) throw new Error('it is not a folder of the user of this process')
  await chmod(folder, 0o700)
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
