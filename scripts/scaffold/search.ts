import type { PluginNames } from './names.ts'
import { readme, type Template } from './template.ts'

/** A search engine that is asked by GET and answers with a list. */
export function search(names: PluginNames): Template {
  const { name, identifier, title, docs, baseURL, variable, packageName } = names
  return {
    dependencies: ['valibot'],
    env: [`${variable}_API_KEY`],
    readme: readme(names, {
      does: 'searches the web, for `/v1/search`.',
      yaml: `search_tools:
  - search_tool_name: web
    litellm_params: { search_provider: ${name}, api_key: os.environ/${variable}_API_KEY }`,
      typescript: `import { connectSearch } from '@tianjillm/engine'
import { ${identifier} } from '${packageName}'
const { results } = await connectSearch(${identifier}, { apiKey: '…' }).search({ query: 'red kites', max_results: 5 })
for (const { title, url } of results) console.log(title, url)`,
    }),
    source: `import {
  type ApiOptions,
  apiOptions,
  defineSearch,
  GatewayError,
  type JsonObject,
  requiredKey,
  type SearchPlugin,
  type SearchQuery,
  type SearchResults,
  setting,
  trimSlash,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** ${title} searches the web. ${docs} */
export const ${identifier}: SearchPlugin<ApiOptions> = defineSearch({
  name: '${name}',
  title: '${title}',
  docs: '${docs}',
  env: ['${variable}_API_KEY'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, '${variable}_API_BASE') ?? '${baseURL}')
    const headers = {
      accept: 'application/json',
      authorization: \`Bearer \${requiredKey('${name}', options.apiKey, host, '${variable}_API_KEY')}\`,
    }
    return {
      search: {
        request: (query) => ({ method: 'GET', url: \`\${base}/search?\${parametersOf(query)}\`, headers }),
        response: async (reply) => resultsOf(await reply.json()),
      },
    }
  },
})

/** Fields of a query that are said in ${title}'s own words; all others go along as they are. */
const handled = ['query', 'max_results', 'country']

function parametersOf(query: SearchQuery): URLSearchParams {
  const wanted: JsonObject = {
    q: [query.query].flat().join(' '),
    count: query.max_results,
    country: query.country,
    ...vendorExtras('search', query, handled),
  }
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
  return new URLSearchParams(given.map(([field, value]) => [field, String(value)]))
}

const answer = v.object({
  results: v.array(
    v.object({
      title: v.string(),
      url: v.string(),
      text: v.optional(v.string(), ''),
      published: v.optional(v.nullable(v.string()), null),
    }),
  ),
})

function resultsOf(value: unknown): SearchResults {
  const result = v.safeParse(answer, value)
  if (!result.success)
    throw new GatewayError('upstream_invalid_response', '${name}: the answer has no results.', { provider: '${name}' })
  const results = result.output.results.map(({ title, url, text, published }) => ({
    title,
    url,
    snippet: text,
    date: published,
    last_updated: null,
  }))
  return { object: 'search', results }
}
`,
    test: `import { searchContract } from '@tianjillm/testing'
import { ${identifier} } from '../src/${names.folder}.ts'

const url = '${baseURL}/search'
const headers = { authorization: 'Bearer test-key' }

searchContract(${identifier}, {
  options: { apiKey: 'test-key' },
  operations: {
    search: [
      {
        title: 'asks in its own words, and hands on its own parameters',
        input: { model: 'web', query: ['red', 'kites'], max_results: 5, country: 'GB', mood: 'kind' },
        sent: { method: 'GET', url: \`\${url}?q=red+kites&count=5&country=GB&mood=kind\`, headers },
        reply: {
          body: {
            results: [
              { title: 'Kites', url: 'https://kites.test/', text: 'They are red.', published: '2026-01-02' },
              { title: 'More', url: 'https://more.test/' },
            ],
          },
        },
        answer: {
          object: 'search',
          results: [
            {
              title: 'Kites',
              url: 'https://kites.test/',
              snippet: 'They are red.',
              date: '2026-01-02',
              last_updated: null,
            },
            { title: 'More', url: 'https://more.test/', snippet: '', date: null, last_updated: null },
          ],
        },
      },
      {
        title: 'refuses an answer without results',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: \`\${url}?q=q&count=1\`, headers },
        reply: { body: {} },
        error: { kind: 'upstream_invalid_response', message: '${name}: the answer has no results.' },
      },
    ],
  },
})
`,
  }
}
