import {
  type ApiOptions,
  apiOptions,
  defineSearch,
  type ErrorKind,
  type FailedReply,
  type Fault,
  GatewayError,
  isJsonObject,
  type JsonObject,
  requiredKey,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  type SearchResults,
  setting,
  trimSlash,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Brave Search: an index of its own, with news, videos and discussions. https://api-dashboard.search.brave.com/api-reference/web/search/get */
export const brave: SearchPlugin<ApiOptions> = defineSearch({
  name: 'brave',
  title: 'Brave Search',
  docs: 'https://api-dashboard.search.brave.com/api-reference/web/search/get',
  env: ['BRAVE_API_KEY'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, 'BRAVE_API_BASE') ?? 'https://api.search.brave.com/res/v1')
    const url = base.endsWith('/web/search') ? base : `${base}/web/search`
    const headers = {
      accept: 'application/json',
      'x-subscription-token': requiredKey('brave', options.apiKey, host, 'BRAVE_API_KEY'),
    }
    return {
      search: {
        request: (query, call) => ({ method: 'GET', url: `${url}?${parametersOf(query, call.now())}`, headers }),
        response: async (reply, _call, query) => resultsOf(await reply.json(), query),
      },
      fault,
    }
  },
})

/** The most Brave gives at once. */
const LONGEST_PAGE = 20

/** Fields of a query that are said in Brave's own words; all others go to Brave as they are. */
const handled = [
  'query',
  'max_results',
  'search_domain_filter',
  'country',
  'language',
  'start_date',
  'end_date',
  'max_tokens_per_page',
  'result_filter',
]

function parametersOf(query: SearchQuery, now: number): URLSearchParams {
  const wanted: JsonObject = {
    q: phraseOf(query),
    count: Math.min(query.max_results, LONGEST_PAGE),
    country: query.country?.toUpperCase(),
    search_lang: query.language && searchLanguage(query.language),
    freshness: freshnessOf(query, now),
    result_filter: filterOf(query)?.join(','),
    include_fetch_metadata: true,
    ...vendorExtras('search', query, handled),
  }
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(wanted))
    for (const item of [value].flat()) if (item !== undefined && item !== null) parameters.append(name, String(item))
  return parameters
}

/** `(words) AND (site:a OR site:b) NOT site:c`. https://search.brave.com/help/operators */
function phraseOf({ query, search_domain_filter: domains = [] }: SearchQuery): string {
  const words = typeof query === 'string' ? query : query.join(' ')
  if (domains.length === 0) return words
  const within = domains.filter((domain) => !domain.startsWith('-')).map((domain) => `site:${domain}`)
  const without = domains.filter((domain) => domain.startsWith('-')).map((domain) => ` NOT site:${domain.slice(1)}`)
  return `(${words})${within.length > 0 ? ` AND (${within.join(' OR ')})` : ''}${without.join('')}`
}

/** Languages that Brave tells apart by region or script, or names in its own way; all others go by their first part. */
const languages: Readonly<Record<string, string>> = {
  'en-gb': 'en-gb',
  ja: 'jp',
  no: 'nb',
  pt: 'pt-br',
  'pt-pt': 'pt-pt',
  zh: 'zh-hans',
  'zh-hant': 'zh-hant',
  'zh-hk': 'zh-hant',
  'zh-mo': 'zh-hant',
  'zh-tw': 'zh-hant',
}

function searchLanguage(language: string): string {
  const [first = '', second] = language.toLowerCase().split(/[-_]/)
  return languages[`${first}-${second}`] ?? languages[first] ?? first
}

/** Brave wants both ends of a range. */
function freshnessOf({ start_date, end_date }: SearchQuery, now: number): string | undefined {
  if (start_date === undefined && end_date === undefined) return undefined
  return `${dayOf(start_date) ?? '1970-01-01'}to${dayOf(end_date) ?? dayOf(now / 1000)}`
}

function filterOf({ result_filter: filter }: SearchQuery): readonly string[] | undefined {
  if (typeof filter === 'string') return filter.split(',').map((section) => section.trim())
  return Array.isArray(filter) ? filter.map(String) : undefined
}

const sections = ['web', 'discussions', 'faq', 'faqs', 'news', 'videos']

function resultsOf(answer: unknown, query: SearchQuery): SearchResults {
  if (!isJsonObject(answer))
    throw new GatewayError('upstream_invalid_response', 'brave: the answer is not an object.', { provider: 'brave' })
  const found = (filterOf(query) ?? sections).flatMap((name) => entriesOf(answer[name]))
  return { object: 'search', results: found.map(resultOf) }
}

/** What can be linked to; infoboxes and the like may have no URL of their own. */
function entriesOf(section: unknown): readonly JsonObject[] {
  if (!isJsonObject(section) || !Array.isArray(section.results)) return []
  return section.results.filter((entry) => isJsonObject(entry) && typeof entry.url === 'string')
}

function resultOf(entry: JsonObject): SearchResult {
  return {
    title: textOf(entry.title ?? entry.question),
    url: textOf(entry.url),
    snippet: textOf(entry.description ?? entry.answer),
    date: dayOf(entry.page_age) ?? dayOf(entry.age) ?? null,
    last_updated: dayOf(entry.fetched_content_timestamp) ?? null,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** YYYY-MM-DD of an ISO date, of a date like `March 5, 2024` or of Unix seconds. Undefined for the likes of `2 days ago`. */
function dayOf(value: unknown): string | undefined {
  if (typeof value === 'number') return new Date(value * 1000).toISOString().slice(0, 10)
  if (typeof value !== 'string') return undefined
  if (/^\d{4}-\d\d-\d\d/.test(value)) return value.slice(0, 10)
  if (!/^[A-Z][a-z]+ \d{1,2}, \d{4}$/.test(value)) return undefined
  const time = Date.parse(`${value} UTC`)
  return Number.isNaN(time) ? undefined : dayOf(time / 1000)
}

/** Brave's error codes whose status says something else. */
const kinds: Readonly<Record<string, ErrorKind>> = { SUBSCRIPTION_TOKEN_INVALID: 'upstream_auth_failed' }

function fault({ body }: FailedReply): Fault | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {}
  return { kind: kinds[String(error.code)] }
}
