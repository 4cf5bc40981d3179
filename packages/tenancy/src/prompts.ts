import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { PromptTable, Store, Tables } from '@tianjillm/store'
import type { Kysely, Selectable, Transaction } from 'kysely'
import * as v from 'valibot'
import { timeText } from './limits.ts'
import { paged, pageEntries } from './queries.ts'
import { name, readBody } from './read-body.ts'

/** The label of the newest version. Its row is the prompt's counter and lock: whoever changes a prompt writes it first. */
const LATEST = 'latest'

/** What a version is made of. */
export interface PromptDraft {
  /** JSON, of whatever shape. */
  readonly content: string
  readonly metadata: JsonObject
  /** Taken from the versions they are on. */
  readonly labels: readonly string[]
}

/** What of a version can be changed after it was made. */
export interface PromptChange {
  /** Default: the newest. */
  readonly version?: number | undefined
  /** In place of what there is. */
  readonly metadata?: JsonObject | undefined
  /** Each with the version it goes on, undefined for that of the change, or null to take it away. */
  readonly labels?: ReadonlyMap<string, number | null | undefined> | undefined
}

/** A version with its content as JSON. */
export interface FoundPrompt {
  readonly content: string
  /** All else, as it is told. */
  readonly facts: JsonObject
}

/** Prompts in a store, each with numbered versions and with labels that are on one of them. */
export interface Prompts {
  /** Version, else label, else the newest. */
  find(id: string, wanted: { readonly version?: number; readonly label?: string }): Promise<FoundPrompt | undefined>
  /** Version 1. Throws GatewayError `invalid_request` when there is one of that name. */
  create(id: string, draft: PromptDraft, by: string | null): Promise<FoundPrompt>
  /** The next version; no two are ever given one number. Throws GatewayError `not_found`, as all below do. */
  revise(id: string, draft: PromptDraft, by: string | null): Promise<FoundPrompt>
  change(id: string, change: PromptChange): Promise<FoundPrompt>
  /** With all its versions. */
  delete(id: string): Promise<JsonObject>
  /** A page of the newest versions, without their contents, by name. Throws GatewayError `invalid_request`. */
  list(query: unknown): Promise<JsonObject>
  /** A page of the versions of one, without their contents, the newest first. */
  versions(id: string, query: unknown): Promise<JsonObject>
}

/** How prompts are kept. */
export interface PromptRooms {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** The prompts of a store. */
export function createPrompts({ store: { database }, now }: PromptRooms): Prompts {
  const within = async <Result>(id: string, work: (transaction: Transaction<Tables>) => Promise<Result>) => {
    demandName(id)
    return database.transaction().execute(work)
  }
  return {
    find: (id, wanted) => findVersion(database, id, wanted),
    create: (id, draft, by) =>
      within(id, async (transaction) => {
        const counter = { prompt_id: id, label: LATEST, version: 1 }
        const made = await transaction
          .insertInto('tianji_prompt_labels')
          .values(counter)
          .onConflict((conflict) => conflict.doNothing())
          .returning('version')
          .executeTakeFirst()
        if (made === undefined) throw taken(id)
        return addVersion(transaction, id, 1, draft, { by, now: now() })
      }),
    revise: (id, draft, by) =>
      within(id, async (transaction) => {
        const version = await lock(transaction, id, 1)
        return addVersion(transaction, id, version, draft, { by, now: now() })
      }),
    change: (id, change) => within(id, (transaction) => changeVersion(transaction, id, change)),
    delete: (id) =>
      within(id, async (transaction) => {
        await lock(transaction, id)
        await transaction.deleteFrom('tianji_prompt_labels').where('prompt_id', '=', id).execute()
        await transaction.deleteFrom('tianji_prompts').where('prompt_id', '=', id).execute()
        return { id, deleted: true }
      }),
    list: (page) => listPrompts(database, page),
    versions: (id, page) => listVersions(database, id, page),
  }
}

/** Has nobody else change the prompt until this is done. Gives its newest version, raised by `step`. */
async function lock(transaction: Transaction<Tables>, id: string, step = 0): Promise<number> {
  const counter = await transaction
    .updateTable('tianji_prompt_labels')
    .set(({ eb }) => ({ version: eb('version', '+', step) }))
    .where('prompt_id', '=', id)
    .where('label', '=', LATEST)
    .returning('version')
    .executeTakeFirst()
  if (counter === undefined) throw missing(id)
  return counter.version
}

async function addVersion(
  transaction: Transaction<Tables>,
  id: string,
  version: number,
  { content, metadata, labels }: PromptDraft,
  made: { readonly by: string | null; readonly now: number },
): Promise<FoundPrompt> {
  await transaction
    .insertInto('tianji_prompts')
    .values({
      prompt_id: id,
      version,
      content,
      metadata: JSON.stringify(metadata),
      created_at: made.now,
      created_by: made.by,
    })
    .execute()
  for (const label of labels) await putLabel(transaction, id, label, version)
  return demandVersion(transaction, id, version)
}

async function changeVersion(
  transaction: Transaction<Tables>,
  id: string,
  { version: wanted, metadata, labels }: PromptChange,
): Promise<FoundPrompt> {
  const newest = await lock(transaction, id)
  const version = wanted ?? newest
  await demandVersion(transaction, id, version)
  if (metadata !== undefined)
    await transaction
      .updateTable('tianji_prompts')
      .set({ metadata: JSON.stringify(metadata) })
      .where('prompt_id', '=', id)
      .where('version', '=', version)
      .execute()
  for (const [label, goal = version] of labels ?? [])
    if (goal === null)
      await transaction
        .deleteFrom('tianji_prompt_labels')
        .where('prompt_id', '=', id)
        .where('label', '=', label)
        .execute()
    else {
      await demandVersion(transaction, id, goal)
      await putLabel(transaction, id, label, goal)
    }
  return demandVersion(transaction, id, version)
}

async function putLabel(transaction: Transaction<Tables>, id: string, label: string, version: number): Promise<void> {
  await transaction
    .insertInto('tianji_prompt_labels')
    .values({ prompt_id: id, label, version })
    .onConflict((conflict) => conflict.columns(['prompt_id', 'label']).doUpdateSet({ version }))
    .execute()
}

async function findVersion(
  database: Kysely<Tables>,
  id: string,
  { version, label = LATEST }: { readonly version?: number; readonly label?: string },
): Promise<FoundPrompt | undefined> {
  const labelled = database
    .selectFrom('tianji_prompt_labels')
    .select('version')
    .where('prompt_id', '=', id)
    .where('label', '=', label)
  const row = await database
    .selectFrom('tianji_prompts')
    .selectAll()
    .where('prompt_id', '=', id)
    .where('version', '=', version ?? labelled)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const labels = await labelsOf(database, [id])
  return { content: row.content, facts: factsOf(row, labels) }
}

async function demandVersion(database: Kysely<Tables>, id: string, version: number): Promise<FoundPrompt> {
  const found = await findVersion(database, id, { version })
  if (found === undefined) throw missing(id, version)
  return found
}

const listing = v.strictObject(pageEntries)

/** All columns but the content, which may be long. */
const summary = ['prompt_id', 'version', 'metadata', 'created_at', 'created_by'] as const
type Summary = Pick<Selectable<PromptTable>, (typeof summary)[number]>

async function listPrompts(database: Kysely<Tables>, query: unknown): Promise<JsonObject> {
  const newest = database
    .selectFrom('tianji_prompts')
    .select(summary)
    .where(({ eb, selectFrom }) =>
      eb(
        'version',
        '=',
        selectFrom('tianji_prompt_labels')
          .select('tianji_prompt_labels.version')
          .whereRef('tianji_prompt_labels.prompt_id', '=', 'tianji_prompts.prompt_id')
          .where('label', '=', LATEST),
      ),
    )
  const { rows, ...facts } = await paged(newest, readBody(listing, query), (found) => found.orderBy('prompt_id'))
  return { prompts: await told(database, rows), ...facts }
}

async function listVersions(database: Kysely<Tables>, id: string, query: unknown): Promise<JsonObject> {
  const all = database.selectFrom('tianji_prompts').select(summary).where('prompt_id', '=', id)
  const page = readBody(listing, query)
  demandName(id)
  const { rows, ...facts } = await paged(all, page, (found) => found.orderBy('version', 'desc'))
  if (facts.total_count === 0) throw missing(id)
  return { versions: await told(database, rows), ...facts }
}

async function told(database: Kysely<Tables>, rows: readonly Summary[]): Promise<readonly JsonObject[]> {
  const labels = await labelsOf(database, [...new Set(rows.map(({ prompt_id }) => prompt_id))])
  return rows.map((row) => factsOf(row, labels))
}

type Label = Selectable<Tables['tianji_prompt_labels']>

async function labelsOf(database: Kysely<Tables>, ids: readonly string[]): Promise<readonly Label[]> {
  if (ids.length === 0) return []
  return database
    .selectFrom('tianji_prompt_labels')
    .selectAll()
    .where('prompt_id', 'in', [...ids])
    .orderBy('label')
    .execute()
}

function factsOf(
  { prompt_id: id, version, metadata, created_at, created_by }: Summary,
  labels: readonly Label[],
): JsonObject {
  return {
    id,
    name: id,
    version,
    labels: labels.flatMap((one) => (one.prompt_id === id && one.version === version ? [one.label] : [])),
    metadata: JSON.parse(metadata),
    created_at: timeText(created_at),
    created_by,
  }
}

const named = v.strictObject({ id: name })

/** Throws GatewayError `invalid_request` for what no prompt can be called, and a database cannot be asked for. */
function demandName(id: string): void {
  readBody(named, { id })
}

function missing(id: string, version?: number): GatewayError {
  const which = version === undefined ? '' : ` with the version ${version}`
  return new GatewayError('not_found', `There is no prompt "${id.slice(0, 100)}"${which}.`, {
    code: 'prompt_not_found',
    param: version === undefined ? 'id' : 'version',
  })
}

function taken(id: string): GatewayError {
  const message = `There is a prompt "${id.slice(0, 100)}" already; PUT /prompts/{id} makes a new version of it.`
  return new GatewayError('invalid_request', message, { param: 'name' })
}
