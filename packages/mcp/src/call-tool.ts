import { GatewayError, isGatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { failedResult } from './failure.ts'
import { forwardedHeaders } from './forwarded-headers.ts'
import { cappedResult } from './result-cap.ts'
import { McpServerError } from './server-error.ts'
import type { Client, ServingSettings } from './serving-settings.ts'
import type { Offered } from './stock.ts'
import { toldError } from './told-error.ts'

/** A tool by any name that the client's view knows it by, and what it is given. */
export interface ToolRequest {
  readonly name: string
  readonly arguments?: JsonObject | undefined
}

/** What one call of a tool may have with it. */
export interface ToolCallOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: JsonObject) => void) | undefined
  /** Of the client's request: the server gets those that are meant for it. */
  readonly headers?: Headers | undefined
  /** Hands the call on in another way than over the connection of all clients who cannot be asked anything. */
  readonly relay?:
    | ((tool: Offered, input: JsonObject, signal: AbortSignal | undefined) => Promise<JsonObject>)
    | undefined
}

const INVALID_PARAMS = -32602
const DEFAULT_LIMIT = 16 * 1024 * 1024

/**
 * Calls a tool for a client. Gives a result of `tools/call`; with `isError` for what the tool, its server or the gateway
 * refuses, and what takes too long. Rejects with McpServerError: -32602 for a tool that is not there for this client,
 * -32603 when its server is away, whose cause is then a GatewayError, and errors of the server itself.
 */
export async function callTool(
  settings: ServingSettings,
  client: Client,
  { name, arguments: input = {} }: ToolRequest,
  options: ToolCallOptions = {},
): Promise<JsonObject> {
  const { catalog, around, resultLimit = DEFAULT_LIMIT } = settings
  const { signal, relay = sender(settings, client, options) } = options
  // Who calls what is known waits for nobody.
  const tool = catalog.peek(client.filter).tool(name) ?? (await catalog.view(client.filter)).tool(name)
  if (tool === undefined) throw unknownTool(name)
  const run = async (given: JsonObject, until = signal): Promise<JsonObject> => {
    demandAllowed(tool, given)
    const result = await relay(tool, given, until)
    return asksFirst(result) ? result : cappedResult(result, resultLimit)
  }
  try {
    return await (around === undefined ? run(input) : around({ client, tool, input, signal }, run))
  } catch (error) {
    if (isOfUnknownTool(error)) {
      catalog.forget(tool.source, tool.name)
      throw unknownTool(name)
    }
    if (!isGatewayError(error) || signal?.aborted) throw error
    return failedResult(error)
  }
}

/** Whether this is no result yet: the server wants to know something first. */
export function asksFirst({ resultType }: JsonObject): boolean {
  return resultType === 'input_required'
}

function sender(
  settings: ServingSettings,
  { caller }: Client,
  { onProgress, headers }: ToolCallOptions,
): NonNullable<ToolCallOptions['relay']> {
  return async ({ source, name }, input, signal) => {
    const told = forwardedHeaders(source, headers)
    // Headers of its own may make somebody else of a client, who then needs a connection of its own.
    const notify = Object.keys(told).length > 0 ? () => {} : undefined
    try {
      const conversation = await source.upstream.open({ capabilities: {}, request: undefined, notify })
      try {
        const asked = { ...(signal && { signal }), ...(onProgress && { onProgress }), headers: told, caller }
        const result = await conversation.request('tools/call', { name, arguments: input }, asked)
        if (asksFirst(result))
          throw new GatewayError('unsupported_operation', `${name} asks for what its user has to say, who is not here.`)
        const { resultType: _type, ttlMs: _ttlMs, cacheScope: _scope, ...rest } = result
        return readable(rest)
      } finally {
        await conversation.close()
      }
    } catch (error) {
      throw toldError(error, source, settings, { signal })
    }
  }
}

/** With content, as every result has it: what is there for programs alone, and is no object, is told as a text too. */
function readable(result: JsonObject): JsonObject {
  const { content = [], structuredContent: value } = result
  const blocks = Array.isArray(content) ? content : []
  const isPlain = value === undefined || isJsonObject(value)
  if (isPlain || blocks.some((block) => isJsonObject(block) && block.type === 'text')) return { ...result, content }
  return { ...result, content: [...blocks, { type: 'text', text: JSON.stringify(value) }] }
}

function demandAllowed({ source, name }: Offered, given: JsonObject): void {
  const all = source.allowedArguments ?? {}
  if (!Object.hasOwn(all, name)) return
  const refused = Object.keys(given).filter((argument) => !all[name]!.includes(argument))
  if (refused.length === 0) return
  throw new GatewayError(
    'permission_denied',
    `These arguments are not allowed here: ${refused.join(', ').slice(0, 500)}.`,
  )
}

function isOfUnknownTool(error: unknown): boolean {
  if (!(error instanceof McpServerError) || error.code !== INVALID_PARAMS) return false
  return /unknown tool|tool\b.*\bnot found/i.test(error.message)
}

function unknownTool(name: string): Error {
  return new McpServerError(INVALID_PARAMS, `Unknown tool: ${name.slice(0, 200)}`)
}
