import { GatewayError } from '@tianjillm/core'
import * as v from 'valibot'
import { hashOf } from '../key-row.ts'
import { count, name } from '../read-body.ts'

/** Days in UTC, both of them included. */
export interface Range {
  readonly start_date?: string | undefined
  readonly end_date?: string | undefined
}

/** One page of a list. */
export interface Page {
  readonly current: number
  readonly most: number
  readonly offset: number
}

const EARLIEST = '2000-01-01'
const LATEST = '2100-12-31'

const day: v.GenericSchema<string> = v.pipe(
  v.string('expected a day such as 2026-11-21'),
  v.check(isDay, 'expected a day such as 2026-11-21'),
  v.check((text) => text >= EARLIEST && text <= LATEST, `expected a day between ${EARLIEST} and ${LATEST}`),
)

type Optional<Value> = v.OptionalSchema<v.GenericSchema<Value>, undefined>

export const rangeEntries: { readonly start_date: Optional<string>; readonly end_date: Optional<string> } = {
  start_date: v.optional(day),
  end_date: v.optional(day),
}

export const pageEntries: {
  readonly page: Optional<number>
  readonly size: Optional<number>
  readonly page_size: Optional<number>
} = { page: v.optional(count), size: v.optional(count), page_size: v.optional(count) }

/** A key, or its hash; what comes out is the hash, for no key is kept. */
export const keyHash: v.GenericSchema<string, string> = v.pipe(
  name,
  v.transform((key) => (key.startsWith('sk-') ? hashOf(key) : key)),
)

/** Names with commas between, as LiteLLM's routes take them. */
export const nameList: v.GenericSchema<string, string[]> = v.pipe(
  v.string('expected names with commas between'),
  v.transform((text) => text.split(',').map((one) => one.trim())),
  v.array(name),
  v.maxLength(100, 'must have at most 100 names'),
)

/** Throws GatewayError `invalid_request` when the range ends before it begins. */
export function demandOrder({ start_date: from, end_date: to }: Range): void {
  if (from !== undefined && to !== undefined && from > to)
    throw new GatewayError('invalid_request', '`start_date` is after `end_date`.', { param: 'start_date' })
}

/** Rows that may lie before a page, for a database has to count them all. */
const FARTHEST = 100_000

/**
 * The page that is asked for: at least one row, and at most `largest`. Throws GatewayError `invalid_request` for one
 * too far down.
 */
export function pageOf(
  { page = 1, size, page_size }: { readonly [Name in keyof typeof pageEntries]?: number | undefined },
  { usual, largest }: { readonly usual: number; readonly largest: number },
): Page {
  const most = Math.min(Math.max(page_size ?? size ?? usual, 1), largest)
  const current = Math.max(page, 1)
  const offset = (current - 1) * most
  if (offset <= FARTHEST) return { current, most, offset }
  const message = `\`page\`: at most ${FARTHEST} rows may lie before it. Ask for fewer days, or for all as CSV.`
  throw new GatewayError('invalid_request', message, { param: 'page' })
}

/** A day of the calendar, which 2026-02-30 is not. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}
