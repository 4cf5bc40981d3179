import {
  type ApiOptions,
  apiOptions,
  defineSearch,
  type ErrorKind,
  type FailedReply,
  type Fault,
  GatewayError,
  isJsonObject,
  isoDay,
  type JsonObject,
  requiredKey,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  type SearchResults,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchWords,
  setting,
  trimSlash,
  urlQuery,
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

function parametersOf(query: SearchQuery, now: number): URLSearchParams {
  return urlQuery({
    q: phraseOf(query),
    count: Math.min(query.max_results, LONGEST_PAGE),
    country: query.country?.toUpperCase(),
    search_lang: query.language && searchLanguage(query.language),
    freshness: freshnessOf(query, now),
    result_filter: filterOf(query)?.join(','),
    include_fetch_metadata: true,
    ...searchExtras(query, ['result_filter']),
  })
}

/** `(words) AND (site:a OR site:b) NOT site:c`. https://search.brave.com/help/operators */
function phraseOf(query: SearchQuery): string {
  const words = searchWords(query)
  const { within, without } = searchDomains(query)
  if (within.length + without.length === 0) return words
  const sites = within.map((domain) => `site:${domain}`).join(' OR ')
  return `(${words})${sites && ` AND (${sites})`}${without.map((domain) => ` NOT site:${domain}`).join('')}`
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
function freshnessOf(query: SearchQuery, now: number): string | undefined {
  const { start, end } = searchPeriod(query)
  if (start === undefined && end === undefined) return undefined
  return `${start ?? '1970-01-01'}to${end ?? isoDay(now / 1000)}`
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
  return searchResult({
    title: entry.title ?? entry.question,
    url: entry.url,
    snippet: entry.description ?? entry.answer,
    date: isoDay(entry.page_age) ?? entry.age,
    updated: entry.fetched_content_timestamp,
  })
}

/** Brave's error codes whose status says something else. */
const kinds: Readonly<Record<string, ErrorKind>> = { SUBSCRIPTION_TOKEN_INVALID: 'upstream_auth_failed' }

function fault({ body }: FailedReply): Fault | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {}
  return { kind: kinds[String(error.code)] }
}
