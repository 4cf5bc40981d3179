import {
  type ApiOptions,
  apiOptions,
  compact,
  defineSearch,
  type FailedReply,
  type Fault,
  type JsonObject,
  requiredKey,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  searchCountry,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchResults,
  searchWords,
  setting,
  trimSlash,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Tavily: web search for agents, whose snippets are made for models. https://docs.tavily.com/documentation/api-reference/endpoint/search */
export const tavily: SearchPlugin<ApiOptions> = defineSearch({
  name: 'tavily',
  title: 'Tavily',
  docs: 'https://docs.tavily.com/documentation/api-reference/endpoint/search',
  env: ['TAVILY_API_KEY'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, 'TAVILY_API_BASE') ?? 'https://api.tavily.com')
    const url = base.endsWith('/search') ? base : `${base}/search`
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${requiredKey('tavily', options.apiKey, host, 'TAVILY_API_KEY')}`,
      'content-type': 'application/json',
    }
    return {
      search: {
        request: (query) => ({ method: 'POST', url, headers, body: JSON.stringify(bodyOf(query)) }),
        response: async (reply) => searchResults('tavily', await reply.json(), resultOf),
      },
      fault,
    }
  },
})

function bodyOf(query: SearchQuery): JsonObject {
  const { within, without } = searchDomains(query)
  const { start, end } = searchPeriod(query)
  return compact({
    query: searchWords(query),
    max_results: query.max_results,
    include_domains: within.length > 0 ? within : undefined,
    exclude_domains: without.length > 0 ? without : undefined,
    country: countryOf(query),
    start_date: start,
    end_date: end,
    ...searchExtras(query),
  })
}

/** A country puts its pages first, and only general searches know it. Languages are told by the query's own. */
function countryOf(query: SearchQuery): string | undefined {
  const country = searchCountry(query)
  const isGeneral = (query.topic ?? 'general') === 'general'
  return country !== undefined && isGeneral ? countryName(country) : undefined
}

const countries = new Intl.DisplayNames('en', { type: 'region' })

/** Where Tavily's names are not those of Unicode. */
const ownNames: Readonly<Record<string, string>> = {
  CD: 'congo',
  CG: 'congo',
  CZ: 'czech republic',
  MM: 'myanmar',
  TR: 'turkey',
}

/** `germany` for `DE`; what is no code is a name already. */
function countryName(country: string): string {
  const name = /^[A-Z]{2}$/.test(country) ? (ownNames[country] ?? countries.of(country)) : country
  return (name ?? country).toLowerCase().replace('&', 'and')
}

function resultOf({ title, url, content, published_date }: JsonObject): SearchResult {
  return searchResult({ title, url, snippet: content, date: published_date })
}

/** Tavily has statuses of its own for a plan (432) and a budget (433) that are used up. https://help.tavily.com/articles/8645538886-understanding-http-errors */
function fault({ status }: FailedReply): Fault | undefined {
  return status === 432 || status === 433 ? { kind: 'quota_exceeded' } : undefined
}
