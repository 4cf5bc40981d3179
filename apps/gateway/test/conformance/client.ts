import { readConfig } from '@tianjillm/config'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { type AnyClient, clientBy } from '@tianjillm/testing-mcp'
import { start } from '../../src/index.ts'
import { agreeToAll } from './browser.ts'

/** A scenario of the suite in which it is the server. */
export interface Scenario {
  readonly name: string
  readonly url: string
  readonly revision: string | undefined
  /** What the suite wants to be called; undefined: anything. */
  readonly toolCalls?: readonly ToolCall[] | undefined
  /** As which the gateway is known already where users sign in. */
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
}

interface ToolCall {
  readonly name: string
  readonly arguments: JsonObject
}

/** Where the gateway is to the world in the one scenario that looks at that. */
const PUBLIC = 'https://conformance-test.local'

/** Uses all that a server of the suite offers, as somebody does who has a gateway in front of it. */
export async function playThrough(scenario: Scenario): Promise<void> {
  const { name, url, revision, toolCalls } = scenario
  const { client_id, client_secret } = scenario
  const hasSignIn = name.startsWith('auth/')
  const auth = { auth_type: 'oauth2', oauth2_flow: 'authorization_code', client_id, client_secret }
  const known = name === 'auth/basic-cimd' ? PUBLIC : undefined
  const text = JSON.stringify({
    ...(known && { environment_variables: { PROXY_BASE_URL: known } }),
    mcp_servers: { suite: { url, transport: 'http', ...(hasSignIn && auth) } },
  })
  const { config, problems } = readConfig(text, { env: () => undefined })
  const source = { config, problems, title: 'conformance', folder: import.meta.dirname }
  const gateway = await start({ source, port: 0, host: '127.0.0.1', logLevel: 'silent' })
  const way = revision === '2026-07-28' ? 'sdk 2 without sessions' : 'sdk 2 with sessions'
  try {
    const client = await clientBy(way, gateway.url)
    client.answer('elicitation/create', ({ requestedSchema }) => ({
      action: 'accept',
      content: usual(requestedSchema),
    }))
    if (hasSignIn) await useSignedIn(client, { own: gateway.url, known: known ?? gateway.url })
    else await useAll(client, toolCalls)
    await client.close()
  } finally {
    await gateway.stop(1_000)
  }
}

/** How often somebody signs in before they lose patience. */
const PATIENCE = 3

/** Calls tools, and signs in where the gateway says so. */
async function useSignedIn(client: AnyClient, places: { readonly own: string; readonly known: string }): Promise<void> {
  for (let attempt = 0; attempt < PATIENCE; attempt++) {
    const tools = await list(client, 'tools')
    const calls = callsOf(tools).map(({ name, arguments: given }) => client.callTool(`suite-${name}`, given))
    const results = await Promise.all(calls)
    const link = tools.length === 0 ? `${places.own}/v1/mcp/server/suite/authorize` : linkIn(results)
    if (link === undefined) return
    await agreeToAll(link, places)
  }
}

function linkIn(results: readonly JsonObject[]): string | undefined {
  const text = JSON.stringify(results.filter(({ isError }) => isError))
  return /https?:[^\s"]+authorize[^\s"]*/.exec(text)?.[0]
}

async function useAll(client: AnyClient, toolCalls: readonly ToolCall[] | undefined): Promise<void> {
  const { tools } = await client.listTools()
  const calls = toolCalls ?? callsOf(tools)
  await Promise.all(calls.map(({ name, arguments: given }) => client.callTool(`suite-${name}`, given)))
  for (const { uri } of await list(client, 'resources')) await client.request('resources/read', { uri })
  for (const { name } of await list(client, 'prompts')) await client.request('prompts/get', { name })
}

/** Asks anew, where the SDK's own methods may remember. */
async function list(client: AnyClient, what: 'tools' | 'resources' | 'prompts'): Promise<readonly JsonObject[]> {
  const result = await client.request(`${what}/list`)
  return result[what] as readonly JsonObject[]
}

/** Each tool with anything. */
function callsOf(tools: readonly JsonObject[]): readonly ToolCall[] {
  // One looks at what has become of the other's schema on its way.
  const schema = tools[0]?.inputSchema
  return tools.map(({ name, inputSchema }) => {
    const given = usual(inputSchema)
    return {
      name: String(name).slice('suite-'.length),
      arguments: 'schema' in given ? { ...given, schema } : given,
    }
  })
}

const examples: Readonly<Record<string, unknown>> = {
  string: 'text',
  number: 1.5,
  integer: 1,
  boolean: true,
  object: {},
}

/** Values of a form that is sent as it came. */
function usual(schema: unknown): JsonObject {
  const properties = isJsonObject(schema) && isJsonObject(schema.properties) ? schema.properties : {}
  return Object.fromEntries(
    Object.entries(properties)
      .filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
      .map(([name, property]) => [name, property.default ?? examples[String(property.type)] ?? null]),
  )
}
