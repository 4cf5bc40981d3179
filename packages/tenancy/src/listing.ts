import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import type { Page } from './queries.ts'
import { count } from './read-body.ts'

/** Rows of a page at most. */
const LARGEST_PAGE = 1_000

/** Which page of a list of people, and how long one is; as LiteLLM names it. */
export const listEntries: {
  readonly page: v.OptionalSchema<v.GenericSchema<number>, 1>
  readonly page_size: v.OptionalSchema<v.GenericSchema<number>, 25>
} = { page: v.optional(count, 1), page_size: v.optional(count, 25) }

interface Asked {
  readonly page: number
  readonly page_size: number
}

/** The same in the words of queries. */
export function pageOf({ page, page_size }: Asked): {
  readonly page: number
  readonly size: number
  readonly most: number
} {
  return { page, size: Math.min(Math.max(page_size, 1), LARGEST_PAGE), most: LARGEST_PAGE }
}

/** A page as it is told: what is told of its rows under a name, and its place. */
export function listFacts(name: string, facts: readonly JsonObject[], page: Page<unknown>, asked: Asked): JsonObject {
  const { total_count: total, current_page, total_pages } = page
  return { [name]: facts, total, page: current_page, page_size: pageOf(asked).size, total_pages }
}
