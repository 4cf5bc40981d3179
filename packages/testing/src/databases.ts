import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { postgresFolder, startPostgres, type TestPostgres } from './postgres.ts'

const programs = postgresFolder()
let started: Promise<TestPostgres> | undefined

/** One for all tests of a process; it ends with the process. */
function forThisProcess(): Promise<TestPostgres> {
  started ??= startPostgres(programs!)
  return started
}

/** Runs the same tests on SQLite and, where it is installed, on PostgreSQL. `newUrl` gives an empty database. */
export function describeOnBoth(title: string, tests: (newUrl: () => string) => void): void {
  describe(`${title}, on SQLite`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'tianji-store-'))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))
    let count = 0
    tests(() => `sqlite:${join(folder, `${++count}.db`)}`)
  })
  describe.skipIf(programs === undefined)(`${title}, on PostgreSQL (skipped where it is not installed)`, () => {
    let server: TestPostgres
    beforeAll(async () => {
      server = await forThisProcess()
    }, 30_000)
    tests(() => server.newDatabase())
  })
}
