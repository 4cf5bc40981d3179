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
  requiredSetting,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  type SearchResults,
  type Split,
  searchCountry,
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

/** Options of Google's Programmable Search Engine. */
export interface GooglePseOptions extends ApiOptions {
  /** The engine's id (`cx`). Default: GOOGLE_PSE_ENGINE_ID. */
  readonly searchEngineId?: string | undefined
}

/** Google's Programmable Search Engine. https://developers.google.com/custom-search/v1/reference/rest/v1/cse/list */
export const googlePse: SearchPlugin<GooglePseOptions> = defineSearch({
  name: 'google_pse',
  title: 'Google Programmable Search Engine',
  docs: 'https://developers.google.com/custom-search/v1/reference/rest/v1/cse/list',
  env: ['GOOGLE_PSE_API_KEY'],
  options: v.object({ ...apiOptions, searchEngineId: v.optional(v.string()) }),
  create(options, host) {
    const base = setting(options.apiBase, host, 'GOOGLE_PSE_API_BASE') ?? 'https://www.googleapis.com/customsearch/v1'
    const key = requiredKey('google_pse', options.apiKey, host, 'GOOGLE_PSE_API_KEY')
    const engine = { title: 'search engine id', option: 'search_engine_id' }
    const cx = requiredSetting('google_pse', engine, options.searchEngineId, host, 'GOOGLE_PSE_ENGINE_ID')
    const url = trimSlash(base)
    return {
      search: {
        split: pages,
        request: (query, call) => ({
          method: 'GET',
          url: `${url}?${parametersOf(query, { key, cx }, call.now())}`,
          headers: { accept: 'application/json' },
        }),
        response: async (reply) => resultsOf(await reply.json()),
      },
      fault: (reply) => faultOf(reply, key),
    }
  },
})

/** The most Google gives at once. */
const LONGEST_PAGE = 10

/** Pages of results, asked for at the same time. */
const pages: Split<SearchQuery, SearchResults> = {
  each: (query) => {
    const rest = query.max_results - LONGEST_PAGE
    if (rest <= 0) return [query]
    const next = { ...query, max_results: rest, start: Number(query.start ?? 1) + LONGEST_PAGE }
    return [{ ...query, max_results: LONGEST_PAGE }, ...pages.each(next)]
  },
  join: (answers) => ({ object: 'search', results: answers.flatMap(({ results }) => results) }),
}

interface Account {
  readonly key: string
  readonly cx: string
}

function parametersOf(query: SearchQuery, { key, cx }: Account, now: number): URLSearchParams {
  return urlQuery({
    key,
    cx: query.search_engine_id ?? cx,
    ...termsOf(query),
    num: Math.min(query.max_results, LONGEST_PAGE),
    gl: searchCountry(query),
    ...(query.language && languageOf(query.language)),
    sort: rangeOf(query, now),
    ...searchExtras(query, ['search_engine_id', 'key']),
  })
}

/** One domain has a parameter of its own; several are operators: `words (site:a OR site:b) -site:c`. */
function termsOf(query: SearchQuery): JsonObject {
  const words = searchWords(query)
  const { within, without } = searchDomains(query)
  const [only, second] = [...within, ...without]
  if (only !== undefined && second === undefined)
    return { q: words, siteSearch: only, siteSearchFilter: within.length > 0 ? 'i' : 'e' }
  const sites = within.map((domain) => `site:${domain}`).join(' OR ')
  return { q: `${words}${sites && ` (${sites})`}${without.map((domain) => ` -site:${domain}`).join('')}` }
}

/** Languages that results can be confined to. Others only say how Google is to understand the query. */
const confining = new Set(
  `ar bg ca cs da de el en es et fi fr hr hu id is it iw ja ko lt lv nl no pl pt ro ru sk sl sr sv tr zh-CN zh-TW`.split(
    ' ',
  ),
)

/** Languages that Google names in its own way; all others go by their first part. */
const languages: Readonly<Record<string, string>> = {
  he: 'iw',
  nb: 'no',
  nn: 'no',
  zh: 'zh-CN',
  'zh-hant': 'zh-TW',
  'zh-hk': 'zh-TW',
  'zh-mo': 'zh-TW',
  'zh-tw': 'zh-TW',
}

function languageOf(language: string): JsonObject {
  const [first = '', second] = language.toLowerCase().split(/[-_]/)
  const name = languages[`${first}-${second}`] ?? languages[first] ?? first
  return { hl: name, lr: confining.has(name) ? `lang_${name}` : undefined }
}

/** Both ends are needed. https://developers.google.com/custom-search/docs/structured_search */
function rangeOf(query: SearchQuery, now: number): string | undefined {
  const { start, end } = searchPeriod(query)
  if (start === undefined && end === undefined) return undefined
  return `date:r:${start ?? '1970-01-01'}:${end ?? isoDay(now / 1000)}`.replaceAll('-', '')
}

function resultsOf(answer: unknown): SearchResults {
  // Without results there are no `items`.
  const { items = [] } = isJsonObject(answer) ? answer : { items: undefined }
  if (!isJsonObject(answer) || !Array.isArray(items))
    throw new GatewayError('upstream_invalid_response', 'google_pse: the answer has no list of items.', {
      provider: 'google_pse',
    })
  const found: readonly JsonObject[] = items.filter((item) => isJsonObject(item) && typeof item.link === 'string')
  return { object: 'search', results: found.map(resultOf) }
}

function resultOf({ title, link, snippet, pagemap }: JsonObject): SearchResult {
  const tags = tagsIn(pagemap)
  const first = (names: readonly string[]) => names.map((name) => isoDay(tags[name])).find((day) => day !== undefined)
  const published = first(['article:published_time', 'datepublished', 'pubdate', 'date'])
  const updated = first(['article:modified_time', 'og:updated_time', 'datemodified'])
  return searchResult({ title, url: link, snippet, date: published ?? dayBefore(snippet), updated })
}

/** What a page says of itself; Google gives its tags in lower case. */
function tagsIn(pagemap: unknown): JsonObject {
  const [tags]: readonly unknown[] = isJsonObject(pagemap) && Array.isArray(pagemap.metatags) ? pagemap.metatags : []
  return isJsonObject(tags) ? tags : {}
}

/** Google puts the day it knows before a snippet: `Mar 5, 2024 ... Red kites are`. */
function dayBefore(snippet: unknown): string | undefined {
  return isoDay(/^[A-Z][a-z]{2} \d{1,2}, \d{4}(?= (?:\.\.\.|—|·))/.exec(String(snippet))?.[0])
}

/** Google's reasons whose status says something else. https://cloud.google.com/apis/design/errors */
const kinds: Readonly<Record<string, ErrorKind>> = {
  API_KEY_INVALID: 'upstream_auth_failed',
  dailyLimitExceeded: 'quota_exceeded',
  keyInvalid: 'upstream_auth_failed',
  notFound: 'upstream_error',
  quotaExceeded: 'quota_exceeded',
  rateLimitExceeded: 'rate_limited',
  userRateLimitExceeded: 'rate_limited',
}

/** The key is part of the URL, which Google may repeat. */
function faultOf({ body }: FailedReply, key: string): Fault | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {}
  const reasons = [error.details, error.errors].flat().map((detail) => isJsonObject(detail) && String(detail.reason))
  const kind = reasons.map((reason) => kinds[String(reason)]).find((known) => known !== undefined)
  const message = typeof error.message === 'string' ? error.message.replaceAll(key, '[redacted]') : undefined
  return { kind, message }
}
