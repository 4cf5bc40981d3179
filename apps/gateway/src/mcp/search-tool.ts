import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Tool } from '@tianjillm/mcp'

const day = { type: 'string', description: 'A day as YYYY-MM-DD.' }

/** A search as MCP clients see it, but for its name. Its results are those of `POST /v1/search`. */
export const searchWire: JsonObject & Pick<Tool, 'inputSchema'> = {
  description: 'Searches the web. Gives titles, URLs and snippets of pages.',
  inputSchema: {
    type: 'object',
    properties: {
      query: { type: 'string', minLength: 1, description: 'What to search for.' },
      max_results: { type: 'integer', minimum: 1, maximum: 20, default: 10 },
      search_domain_filter: {
        type: 'array',
        items: { type: 'string' },
        maxItems: 20,
        description: 'Domains to keep to; those that begin with "-" are kept out.',
      },
      country: { type: 'string', description: 'ISO 3166-1 code of two letters, such as US.' },
      language: { type: 'string', description: 'BCP 47 tag, such as en or pt-BR.' },
      start_date: day,
      end_date: day,
    },
    required: ['query'],
    additionalProperties: false,
  },
  outputSchema: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            title: { type: 'string' },
            url: { type: 'string' },
            snippet: { type: 'string' },
            date: { type: ['string', 'null'] },
            last_updated: { type: ['string', 'null'] },
          },
          required: ['title', 'url', 'snippet'],
        },
      },
    },
    required: ['results'],
  },
  annotations: { readOnlyHint: true, openWorldHint: true },
}

/** The result of a tool that searched: for programs, and for whoever reads. */
export function searchResult({ results }: JsonObject): JsonObject {
  const found = Array.isArray(results) ? results.filter(isJsonObject) : []
  const text = found.map(paragraphOf).join('\n\n')
  return { content: [{ type: 'text', text: text || 'Nothing was found.' }], structuredContent: { results: found } }
}

function paragraphOf({ title, url, snippet, date }: JsonObject, index: number): string {
  const dated = date ? ` (${date})` : ''
  return [`${index + 1}. ${title}${dated}`, url, snippet].filter(Boolean).join('\n')
}
