import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { type Migration, migrate, openStore, type Store, toDollars, toNano } from '../src/index.ts'

async function opened(url: string): Promise<Store> {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  return store
}

/** What a process of its own says after it has opened the store. */
async function openedElsewhere(url: string): Promise<string> {
  const source = pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href
  const program = `const { openStore } = await import(${JSON.stringify(source)})
    const store = await openStore({ url: ${JSON.stringify(url)} })
    await store.close()
    process.stdout.write('open')`
  const options = ['--conditions=@tianjillm/source', '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  return stdout
}

const key = {
  key_id: 'id',
  key_name: 'sk-…1234',
  key_alias: null,
  user_id: null,
  team_id: null,
  organization_id: null,
  budget_id: null,
  allowed_routes: '[]',
  tags: '[]',
  expires_at: null,
  last_used_at: null,
  object_permission: null,
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_started_at: null,
  rpm_limit: null,
  tpm_limit: null,
  max_parallel_requests: null,
  model_limits: '{}',
  models: '[]',
  metadata: '{}',
  created_at: 1,
  updated_at: 1,
  created_by: null,
}

describeOnBoth('a store', (newUrl) => {
  it('keeps what is written, whatever the text', async () => {
    const { database } = await opened(newUrl())
    const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0'))
    await fc.assert(
      fc.asyncProperty(text, fc.nat(Number.MAX_SAFE_INTEGER), async (alias, number) => {
        const hash = crypto.randomUUID()
        await database
          .insertInto('tianji_keys')
          .values({ ...key, key_hash: hash, metadata: alias, created_at: number })
          .execute()
        const row = await database.selectFrom('tianji_keys').selectAll().where('key_hash', '=', hash).executeTakeFirst()
        expect(row).toEqual({ ...key, key_hash: hash, metadata: alias, created_at: number, blocked: 0 })
      }),
      { numRuns: 50 },
    )
  })

  it('adds up exactly, by many at once', async () => {
    const { database } = await opened(newUrl())
    const counter = { kind: 'key', id: 'h', period: 0, spend: 0, ends_at: null }
    await database.insertInto('tianji_budget_counters').values(counter).execute()
    const amounts = Array.from({ length: 200 }, (_, index) => toNano(index * 0.000_000_123)!)
    await Promise.all(
      amounts.map((amount) =>
        database
          .updateTable('tianji_budget_counters')
          .set(({ eb }) => ({ spend: eb('spend', '+', amount) }))
          .where('id', '=', 'h')
          .execute(),
      ),
    )
    const sum = amounts.reduce((total, amount) => total + amount, 0)
    const counters = database.selectFrom('tianji_budget_counters')
    expect(await counters.select('spend').executeTakeFirst()).toEqual({ spend: sum })
    const { total } = await counters.select(({ fn }) => fn.sum<number>('spend').as('total')).executeTakeFirstOrThrow()
    expect(total).toBe(sum)
  })

  it('undoes a transaction that fails', async () => {
    const { database } = await opened(newUrl())
    const failing = database.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('tianji_keys')
        .values({ ...key, key_hash: 'h' })
        .execute()
      await transaction
        .insertInto('tianji_keys')
        .values({ ...key, key_hash: 'h' })
        .execute()
    })
    await expect(failing).rejects.toThrow(/unique/i)
    expect(await database.selectFrom('tianji_keys').selectAll().execute()).toEqual([])
  })

  it('is brought to its newest shape once, by however many processes begin together', async () => {
    const url = newUrl()
    const outputs = await Promise.all(Array.from({ length: 4 }, () => openedElsewhere(url)))
    expect(outputs).toEqual(['open', 'open', 'open', 'open'])
    const { database } = await opened(url)
    const { rows } = await sql<{ name: string }>`select name from tianji_migrations`.execute(database)
    expect(rows).toEqual([{ name: '2026-11-keys-and-spend' }])
    expect(await database.selectFrom('tianji_keys').selectAll().execute()).toEqual([])
  })

  it('keeps its shape when a step fails, and what the steps before had done', async () => {
    const { database, dialect } = await opened(newUrl())
    const first: Migration = { name: '2026-11-keys-and-spend', up: async () => {} }
    const good: Migration = {
      name: 'good',
      up: ({ schema }) => schema.createTable('extra').addColumn('id', 'integer').execute(),
    }
    const bad: Migration = {
      name: 'bad',
      up: async ({ schema }) => {
        await schema.createTable('more').addColumn('id', 'integer').execute()
        throw new Error('oops')
      },
    }
    await expect(migrate(database as never, dialect, [first, good, bad])).rejects.toThrow('oops')
    expect(await migrate(database as never, dialect, [first, good])).toEqual(['good'])
    await sql`select * from extra`.execute(database)
    await expect(sql`select * from more`.execute(database)).rejects.toThrow()
  })

  it('refuses a database that a newer version has made', async () => {
    const { database, dialect } = await opened(newUrl())
    await expect(migrate(database as never, dialect, [])).rejects.toThrow('made by a newer version')
  })

  it('says what it is, without a password', async () => {
    const { title } = await opened(newUrl())
    expect(title).toMatch(/\.db$|^127\.0\.0\.1:\d+\/test_\d+$/)
  })
})

it('keeps the file of SQLite to its owner', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tianji-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  await opened(join(folder, 'data', 'tianji.db'))
  for (const file of ['tianji.db', 'tianji.db-wal'])
    expect(statSync(join(folder, 'data', file)).mode & 0o777).toBe(0o600)
})

it('refuses what SQLite would take for something else', async () => {
  const { database } = await opened(':memory:')
  const strange = { ...key, key_hash: 'h', metadata: { a: 1 } as unknown as string }
  await expect(database.insertInto('tianji_keys').values(strange).execute()).rejects.toThrow('SQLite has no object')
})

it('cannot be opened where nobody listens', async () => {
  await expect(openStore({ url: 'postgres://test:secret@127.0.0.1:9/none' })).rejects.toThrow(/ECONNREFUSED/)
})

it('counts money in whole billionths of a dollar, and does not make up what is unknown', () => {
  expect([toNano(1.5), toNano(0.000_000_002_6), toNano(null), toNano(undefined)]).toEqual([1.5e9, 3, null, null])
  expect([toDollars(1_500_000_000), toDollars(null)]).toEqual([1.5, null])
})
