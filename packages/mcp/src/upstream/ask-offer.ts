import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Offer, Tool } from '../upstream.ts'
import type { Connection } from './connection.ts'
import { isUnknownMethod } from './faults.ts'

/** Entries of a list that are read. */
const ENTRIES = 10_000

/** Asks for all pages of all that a server says it has. Rejects with what the SDK throws. */
export async function askOffer(connection: Connection, timeout: number): Promise<Offer> {
  const { capabilities, instructions } = connection
  const list = async (capability: string, method: string, field: string) => {
    if (capabilities[capability] === undefined) return []
    try {
      return await pages(connection, method, field, timeout)
    } catch (cause) {
      // Many that have resources know nothing of templates.
      if (isUnknownMethod(cause)) return []
      throw cause
    }
  }
  const [tools, prompts, resources, resourceTemplates] = await Promise.all([
    list('tools', 'tools/list', 'tools'),
    list('prompts', 'prompts/list', 'prompts'),
    list('resources', 'resources/list', 'resources'),
    list('resources', 'resources/templates/list', 'resourceTemplates'),
  ])
  return Object.freeze({
    tools: Object.freeze(unique(tools.filter(isTool))),
    prompts: Object.freeze(prompts),
    resources: Object.freeze(resources),
    resourceTemplates: Object.freeze(resourceTemplates),
    capabilities,
    instructions,
  })
}

async function pages(connection: Connection, method: string, field: string, timeout: number): Promise<JsonObject[]> {
  const entries: JsonObject[] = []
  const seen = new Set<unknown>()
  let cursor: unknown
  do {
    seen.add(cursor)
    const page = await connection.request(method, typeof cursor === 'string' ? { cursor } : {}, {
      timeout,
      capabilities: {},
    })
    const found = page[field]
    if (Array.isArray(found)) entries.push(...found.slice(0, ENTRIES - entries.length).filter(isJsonObject))
    cursor = page.nextCursor
    // A server that gives the same place again would go on for ever.
  } while (typeof cursor === 'string' && !seen.has(cursor) && seen.size < ENTRIES && entries.length < ENTRIES)
  return entries
}

function isTool(entry: JsonObject): entry is Tool {
  return typeof entry.name === 'string' && isJsonObject(entry.inputSchema)
}

/** The first of each name: a server cannot mean the second. */
function unique(tools: readonly Tool[]): Tool[] {
  const names = new Set<string>()
  return tools.filter(({ name }) => {
    const isNew = !names.has(name)
    names.add(name)
    return isNew
  })
}
