import type { JsonObject } from '../json.ts'

/** A web search, after Perplexity's Search API. https://docs.perplexity.ai/api-reference/search-post */
export interface SearchQuery extends JsonObject {
  /** Name of the configured search tool. */
  readonly model: string
  readonly query: string | readonly string[]
  /** 1 to 20; the engine fills in 10 and trims what a vendor gives beyond. */
  readonly max_results: number
  /** At most 20; a leading `-` excludes. */
  readonly search_domain_filter?: readonly string[]
  /** ISO 3166-1 alpha-2. */
  readonly country?: string
  /** BCP 47. */
  readonly language?: string
  /** ISO 8601 dates. */
  readonly start_date?: string
  readonly end_date?: string
  readonly max_tokens_per_page?: number
}

export interface SearchResult extends JsonObject {
  readonly title: string
  readonly url: string
  readonly snippet: string
  /** ISO 8601, or null when the engine does not say. */
  readonly date: string | null
  readonly last_updated: string | null
}

export interface SearchResults extends JsonObject {
  readonly object: 'search'
  readonly results: readonly SearchResult[]
}
