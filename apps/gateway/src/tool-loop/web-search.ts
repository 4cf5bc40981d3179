import { type FunctionTool, isJsonObject, type JsonObject } from '@tianjillm/core'
import { callFor, type Visitor } from '../inner-call.ts'
import { searchResult, searchWire } from '../mcp/search-tool.ts'
import { isSearchTool } from './interception.ts'
import type { OwnTool } from './own-tool.ts'

const { description, inputSchema } = searchWire

const usual: FunctionTool = {
  type: 'function',
  function: { name: 'web_search', description: String(description), parameters: inputSchema },
}

/** A search of the web, under the name and with the words of a function that the client has for it. */
export function webSearch(visitor: Visitor, searchTool: string, input: JsonObject): OwnTool {
  const { route = ROUTE, guardrails } = visitor
  const asked = (Array.isArray(input.tools) ? input.tools : []).filter(isSearchTool)
  // It has been found to be one.
  const own = asked.find(({ type }) => type === 'function') as FunctionTool | undefined
  const preset = presetOf([input.web_search_options, ...asked].filter(isJsonObject))
  return {
    definition: own ?? usual,
    async run(given, signal) {
      const known = Object.entries(given).filter(([name]) => Object.hasOwn(fields, name))
      const query = { ...preset, ...Object.fromEntries(known), ...(guardrails !== undefined && { guardrails }) }
      const call = { operation: 'search', input: query, model: searchTool, route, signal } as const
      return searchResult(await callFor(visitor, call))
    },
  }
}

/** The route that reports of searches have when nothing is known of the request. */
const ROUTE = '/search'

const fields: JsonObject = isJsonObject(inputSchema.properties) ? inputSchema.properties : {}

/**
 * What clients say of all searches.
 * https://platform.openai.com/docs/guides/tools-web-search https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool
 */
function presetOf(asked: readonly JsonObject[]): JsonObject {
  const filters = asked.map(({ filters: inner }) => inner).filter(isJsonObject)
  const all = [...asked, ...filters]
  const domains = [
    ...all.flatMap(({ allowed_domains: allowed }) => texts(allowed)),
    ...all.flatMap(({ blocked_domains: blocked }) => texts(blocked).map((domain) => `-${domain}`)),
  ].slice(0, 20)
  const country = asked.map(countryOf).find((code) => code !== undefined)
  return { ...(domains.length > 0 && { search_domain_filter: domains }), ...(country !== undefined && { country }) }
}

function countryOf({ user_location: location }: JsonObject): string | undefined {
  if (!isJsonObject(location)) return undefined
  const { country } = isJsonObject(location.approximate) ? location.approximate : location
  return typeof country === 'string' ? country : undefined
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
