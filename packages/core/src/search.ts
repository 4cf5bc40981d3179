import { GatewayError } from './errors.ts'
import { vendorExtras } from './extras.ts'
import { upstreamError } from './fault.ts'
import { replyHeaders } from './http.ts'
import { isJsonObject, type JsonObject } from './json.ts'
import type { SearchQuery, SearchResult, SearchResults } from './wire/search.ts'

/** The words to search for; several queries are asked as one. */
export function searchWords({ query }: SearchQuery): string {
  return typeof query === 'string' ? query : query.join(' ')
}

/** What a query's `search_domain_filter` means. */
export interface SearchDomains {
  /** Domains to keep to; none means all. */
  readonly within: readonly string[]
  /** Domains to keep out of, without their `-`. */
  readonly without: readonly string[]
}

/** The domains to keep to and those to keep out of. */
export function searchDomains({ search_domain_filter: domains }: SearchQuery): SearchDomains {
  const given = domains ?? []
  return {
    within: given.filter((domain) => !domain.startsWith('-')),
    without: given.filter((domain) => domain.startsWith('-')).map((domain) => domain.slice(1)),
  }
}

/** The first and the last day of a search as YYYY-MM-DD. Throws GatewayError `invalid_request` for what is no date. */
export function searchPeriod(query: SearchQuery): {
  readonly start: string | undefined
  readonly end: string | undefined
} {
  return { start: dayOf(query, 'start_date'), end: dayOf(query, 'end_date') }
}

function dayOf(query: SearchQuery, param: 'start_date' | 'end_date'): string | undefined {
  const given: unknown = query[param] ?? undefined
  const day = isoDay(given)
  if (given === undefined || day !== undefined) return day
  throw new GatewayError('invalid_request', `\`${param}\` must be an ISO 8601 date, such as 2026-01-31.`, { param })
}

/** ISO 3166-1 alpha-2 in capitals: the country asked for, else that of the language (`de-AT`). */
export function searchCountry({ country, language }: SearchQuery): string | undefined {
  return (country || /[-_]([a-z]{2})$/i.exec(language ?? '')?.[1])?.toUpperCase()
}

const standard = [
  'query',
  'max_results',
  'search_domain_filter',
  'country',
  'language',
  'start_date',
  'end_date',
  'max_tokens_per_page',
]

/** Fields of a query that are not every search's: a vendor's own, which go to it as they are. `handled` names those it has used itself. */
export function searchExtras(query: SearchQuery, handled: readonly string[] = []): JsonObject {
  return vendorExtras('search', query, [...standard, ...handled])
}

/** A URL's query. A list repeats its name; what is undefined or null is left out. */
export function urlQuery(fields: JsonObject): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(fields))
    for (const item of [value].flat()) if (item !== undefined && item !== null) parameters.append(name, String(item))
  return parameters
}

/** What a vendor says of one result, as it says it. */
export interface SaidResult {
  readonly title: unknown
  readonly url: unknown
  readonly snippet: unknown
  readonly date?: unknown
  readonly updated?: unknown
}

/** A result in the house's shape: what is not text becomes empty, what is no date null. */
export function searchResult({ title, url, snippet, date, updated }: SaidResult): SearchResult {
  return {
    title: textOf(title),
    url: textOf(url),
    snippet: textOf(snippet),
    date: isoDay(date) ?? null,
    last_updated: isoDay(updated) ?? null,
  }
}

/**
 * The answer of a vendor that lists its results in `results`; those without a URL are left out. Without a list it
 * throws GatewayError: `upstream_error` with the vendor's words where there are some, else `upstream_invalid_response`.
 */
export function searchResults(
  provider: string,
  answer: unknown,
  resultOf: (entry: JsonObject) => SearchResult,
): SearchResults {
  if (!isJsonObject(answer) || !Array.isArray(answer.results)) throw withoutResults(provider, answer)
  const linked = answer.results.filter((entry) => isJsonObject(entry) && typeof entry.url === 'string')
  return { object: 'search', results: linked.map(resultOf) }
}

function withoutResults(provider: string, answer: unknown): GatewayError {
  if (isJsonObject(answer) && (answer.error ?? answer.detail ?? answer.message))
    return upstreamError(provider, { status: 500, headers: replyHeaders({}), body: answer }, undefined, 0)
  return new GatewayError('upstream_invalid_response', `${provider}: the answer has no results.`, { provider })
}

/** `Fri, 03 Jan 2025 12:00:00 GMT` or `March 5, 2024`. */
const worded = /^(?:[A-Z][a-z]{2}, )?(\d{1,2} [A-Z][a-z]{2} \d{4}|[A-Z][a-z]{2,} \d{1,2}, \d{4})/

/**
 * YYYY-MM-DD of an ISO or RFC 1123 date, of a date like `March 5, 2024` or of Unix seconds; the day is the one written
 * there, whatever the time zone. Undefined for the likes of `2 days ago`.
 */
export function isoDay(value: unknown): string | undefined {
  if (typeof value === 'number') return dayAt(value * 1000)
  if (typeof value !== 'string') return undefined
  if (/^\d{4}-\d\d-\d\d/.test(value)) return dayAt(Date.parse(value.slice(0, 10)))
  return dayAt(Date.parse(`${worded.exec(value)?.[1]} UTC`))
}

function dayAt(time: number): string | undefined {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().slice(0, 10)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
