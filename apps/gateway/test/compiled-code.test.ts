import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderWith, tianji } from './tianji.ts'

/** Runs the demo to a good end, which is when node writes what it compiled. */
async function serveOnce(env: Readonly<Record<string, string>>): Promise<string> {
  const { url, signal, exit, errors } = tianji(['demo', '--port', '0'], { env: { NODE_COMPILE_CACHE: '', ...env } })
  expect((await fetch(`${await url}/health/liveliness`)).status).toBe(200)
  signal('SIGTERM')
  expect(await exit).toBe(0)
  return errors()
}

/** Every file below a folder. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()
}

it('a start leaves compiled code to the next one, where nobody else may look', async () => {
  const home = folderWith({})
  // Makes node say on standard error what it does with its cache.
  const env = { HOME: home, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
  const taken = /code cache for ESM \S+\/gateway\/src\/\S+ was accepted/
  expect(await serveOnce(env)).not.toMatch(taken)
  expect(statSync(join(home, '.cache/tianji')).mode & 0o777).toBe(0o700)
  expect(await serveOnce(env)).toMatch(taken)
})

it('compiled code lies in the folder for caches when there is one', async () => {
  const caches = folderWith({})
  await serveOnce({ HOME: folderWith({}), XDG_CACHE_HOME: caches })
  expect(filesIn(join(caches, 'tianji'))).not.toEqual([])
})

it.each([
  ['a folder that others may write to', (caches: string) => chmodSync(join(caches, 'tianji'), 0o777)],
  ['a folder in one that others may write to', (caches: string) => chmodSync(caches, 0o1777)],
])('%s gets no compiled code', async (_title, open) => {
  const caches = folderWith({})
  mkdirSync(join(caches, 'tianji'), { mode: 0o700 })
  open(caches)
  await serveOnce({ XDG_CACHE_HOME: caches })
  expect(filesIn(caches)).toEqual([])
})

it('a link gets no compiled code', async () => {
  const [caches, elsewhere] = [folderWith({}), folderWith({})]
  symlinkSync(elsewhere, join(caches, 'tianji'))
  await serveOnce({ XDG_CACHE_HOME: caches })
  expect(filesIn(elsewhere)).toEqual([])
})

it.runIf(process.getuid?.() === 0)("somebody else's folder gets no compiled code", async () => {
  const caches = folderWith({})
  mkdirSync(join(caches, 'tianji'), { mode: 0o700 })
  chownSync(join(caches, 'tianji'), 12_345, 12_345)
  await serveOnce({ XDG_CACHE_HOME: caches })
  expect(filesIn(caches)).toEqual([])
})

it('starts where there is no home, and where nothing can be written', async () => {
  expect(await serveOnce({})).toBe('')
  expect(await serveOnce({ HOME: '/dev/null' })).toBe('')
})

it('leaves it to node where node has been told', async () => {
  const [home, folder] = [folderWith({}), folderWith({})]
  await serveOnce({ HOME: home, NODE_COMPILE_CACHE: folder })
  expect(filesIn(folder)).not.toEqual([])
  await serveOnce({ HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' })
  expect(existsSync(join(home, '.cache'))).toBe(false)
})
