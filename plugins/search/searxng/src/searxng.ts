import {
  type ApiOptions,
  apiOptions,
  defineSearch,
  type FailedReply,
  type Fault,
  GatewayError,
  isJsonObject,
  isoDay,
  type JsonObject,
  requiredSetting,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  type SearchResults,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchResults,
  searchWords,
  setting,
  trimSlash,
  urlQuery,
} from '@tianjillm/core'
import * as v from 'valibot'

/** SearXNG: a metasearch engine on one's own machine. https://docs.searxng.org/dev/search_api */
export const searxng: SearchPlugin<ApiOptions> = defineSearch({
  name: 'searxng',
  title: 'SearXNG',
  docs: 'https://docs.searxng.org/dev/search_api',
  env: ['SEARXNG_API_BASE'],
  options: v.object(apiOptions),
  create(options, host) {
    const what = { title: 'base URL', option: 'api_base' }
    const base = trimSlash(requiredSetting('searxng', what, options.apiBase, host, 'SEARXNG_API_BASE'))
    const url = base.endsWith('/search') ? base : `${base}/search`
    const key = setting(options.apiKey, host, 'SEARXNG_API_KEY')
    const headers = { accept: 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
    return {
      search: {
        request: (query, call) => ({ method: 'GET', url: `${url}?${parametersOf(query, call.now())}`, headers }),
        response: async (reply, _call, query) => resultsOf(await reply.json(), query),
      },
      fault,
    }
  },
})

function parametersOf(query: SearchQuery, now: number): URLSearchParams {
  return urlQuery({
    q: phraseOf(query),
    format: 'json',
    language: languageOf(query),
    time_range: timeRangeOf(query, now),
    ...searchExtras(query),
  })
}

/** `words (site:a OR site:b) -site:c`, as most engines behind an instance understand it. */
function phraseOf(query: SearchQuery): string {
  const { within, without } = searchDomains(query)
  const sites = within.map((domain) => `site:${domain}`).join(' OR ')
  const wanted = within.length > 1 ? `(${sites})` : sites
  return [searchWords(query), wanted, ...without.map((domain) => `-site:${domain}`)].filter(Boolean).join(' ')
}

/** A language, with a region where one is known: `ja-JP`. The instance takes nothing longer. */
function languageOf({ language, country }: SearchQuery): string | undefined {
  if (!(language || country) || language === 'auto' || language === 'all') return language
  const locale = localeOf(language || 'und', country || undefined)
  const likely = locale.maximize()
  const region = locale.region ?? (locale.script && likely.region)
  return region ? `${likely.language}-${region}` : likely.language
}

function localeOf(language: string, region: string | undefined): Intl.Locale {
  try {
    return new Intl.Locale(language.replaceAll('_', '-'), region === undefined ? {} : { region })
  } catch (cause) {
    const message = 'searxng: `language` must be as in BCP 47 (`de-AT`), and `country` have two letters.'
    throw new GatewayError('invalid_request', message, { provider: 'searxng', param: 'language', cause })
  }
}

const DAY = 86_400_000

/** Days back, and what they are called. */
const timeRanges: readonly (readonly [number, string])[] = [
  [1, 'day'],
  [7, 'week'],
  [30, 'month'],
  [365, 'year'],
]

/** The shortest range that holds all of what is wanted. */
function timeRangeOf(query: SearchQuery, now: number): string | undefined {
  const { start } = searchPeriod(query)
  if (start === undefined) return undefined
  const age = (now - Date.parse(start)) / DAY
  return timeRanges.find(([days]) => age <= days)?.[1]
}

function resultsOf(answer: unknown, query: SearchQuery): SearchResults {
  const { object, results } = searchResults('searxng', answer, resultOf)
  if (results.length === 0 && isJsonObject(answer)) refuseSilence(answer)
  return { object, results: results.filter((result) => isWanted(result, query)) }
}

function resultOf({ title, url, content, publishedDate, pubdate }: JsonObject): SearchResult {
  return searchResult({ title, url, snippet: content, date: isoDay(publishedDate) ?? pubdate })
}

/** Engines behind an instance that ignore domains or dates must not bring in what is not wanted. */
function isWanted({ url, date }: SearchResult, query: SearchQuery): boolean {
  const { within, without } = searchDomains(query)
  const { start, end } = searchPeriod(query)
  const isAt = (domain: string) => isBelow(url, domain)
  if ((within.length > 0 && !within.some(isAt)) || without.some(isAt)) return false
  return date === null || ((start === undefined || date >= start) && (end === undefined || date <= end))
}

/** Whether a page is of a domain (`gov`, `bbc.co.uk`), or of a part of its pages (`bbc.co.uk/news`). */
function isBelow(url: string, domain: string): boolean {
  const page = URL.parse(url)
  const [, host = '', path = ''] = /^(?:https?:\/\/)?\.?([^/]*)(.*)$/.exec(domain) ?? []
  return page !== null && `.${page.hostname}`.endsWith(`.${host.toLowerCase()}`) && page.pathname.startsWith(path)
}

/** Nothing found is an answer, but not when it only means that the engines behind the instance did not answer. */
function refuseSilence({ unresponsive_engines: silent, suggestions, answers, infoboxes }: JsonObject): void {
  const hasAnswer = [suggestions, answers, infoboxes].some((list) => Array.isArray(list) && list.length > 0)
  if (hasAnswer || !Array.isArray(silent) || silent.length === 0) return
  const engines = silent.map((engine) => [engine].flat().join(': ')).join(', ')
  throw new GatewayError('overloaded', `searxng: no engine answered (${engines}).`, { provider: 'searxng' })
}

/** An instance refuses formats it is not set up for with an HTML page. https://docs.searxng.org/admin/settings/settings_search.html */
function fault({ status }: FailedReply): Fault | undefined {
  if (status !== 403) return undefined
  return {
    kind: 'misconfigured',
    message:
      'the instance refused. Add `json` to `search.formats` of its settings.yml, and see whether it wants a key.',
  }
}
