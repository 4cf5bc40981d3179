import {
  type ApiOptions,
  apiOptions,
  compact,
  defineSearch,
  type FailedReply,
  type Fault,
  isJsonObject,
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

/** Exa: search by meaning, with the text of the pages. https://exa.ai/docs/reference/search */
export const exaAi: SearchPlugin<ApiOptions> = defineSearch({
  name: 'exa_ai',
  title: 'Exa',
  docs: 'https://exa.ai/docs/reference/search',
  env: ['EXA_API_KEY'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, 'EXA_API_BASE') ?? 'https://api.exa.ai')
    const url = base.endsWith('/search') ? base : `${base}/search`
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': requiredKey('exa_ai', options.apiKey, host, 'EXA_API_KEY'),
    }
    return {
      search: {
        request: (query) => ({ method: 'POST', url, headers, body: JSON.stringify(bodyOf(query)) }),
        response: async (reply) => searchResults('exa_ai', await reply.json(), resultOf),
      },
      fault,
    }
  },
})

/** Characters of a token, about. */
const TOKEN_LENGTH = 4

/** Languages are told by the query's own. */
function bodyOf(query: SearchQuery): JsonObject {
  const { within, without } = searchDomains(query)
  const { start, end } = searchPeriod(query)
  const { max_tokens_per_page: tokens } = query
  return compact({
    query: searchWords(query),
    numResults: query.max_results,
    includeDomains: within.length > 0 ? within : undefined,
    excludeDomains: without.length > 0 ? without : undefined,
    userLocation: searchCountry(query),
    startPublishedDate: start && `${start}T00:00:00.000Z`,
    endPublishedDate: end && `${end}T23:59:59.999Z`,
    contents: { text: tokens ? { maxCharacters: tokens * TOKEN_LENGTH } : true },
    ...searchExtras(query),
  })
}

/** The text, or what was asked for in its place. */
function resultOf({ title, url, text, summary, highlights, publishedDate }: JsonObject): SearchResult {
  const snippet = text ?? summary ?? (Array.isArray(highlights) ? highlights.join('\n') : undefined)
  return searchResult({ title, url, snippet, date: publishedDate })
}

/** A 403 for what was searched is not one for the key. https://exa.ai/docs/reference/error-codes */
function fault({ body }: FailedReply): Fault | undefined {
  const isProhibited = isJsonObject(body) && body.tag === 'PROHIBITED_CONTENT'
  return isProhibited ? { kind: 'content_policy_violation' } : undefined
}
