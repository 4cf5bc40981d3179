import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewHttp,
  type Transport,
} from '@modelcontextprotocol/client'
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as OldSse } from '@modelcontextprotocol/sdk/client/sse.js'
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { JsonObject } from '@tianjillm/core'

/** The ways in which clients come: both lines of the SDK, all transports, both eras of the protocol. */
export const ways = ['sdk 1 over http', 'sdk 1 over sse', 'sdk 2 with sessions', 'sdk 2 without sessions'] as const
export type Way = (typeof ways)[number]

/** The ways in which clients talk to a program that they start. */
export const programWays = ['sdk 1 over stdio', 'sdk 2 over stdio with sessions', 'sdk 2 over stdio without'] as const
export type ProgramWay = (typeof programWays)[number]

/** A program, and all of the environment that it sees. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What tests do with any client. */
export interface AnyClient {
  listTools(): Promise<JsonObject & { readonly tools: readonly { readonly name: string }[] }>
  callTool(name: string, input?: JsonObject, options?: CallOptions): Promise<JsonObject>
  request(method: string, params?: JsonObject): Promise<JsonObject>
  /** Answers what the server asks. */
  answer(method: 'sampling/createMessage' | 'elicitation/create', answer: (params: JsonObject) => JsonObject): void
  readonly notifications: { readonly method: string; readonly params?: JsonObject }[]
  /** Resolves with the next notification of this method. */
  next(method: string): Promise<JsonObject>
  /** Asks for a stream of changes, as clients without sessions do. */
  listen(): Promise<unknown>
  close(): Promise<void>
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: JsonObject) => void
}

/** A connected client, which sends these headers with all it sends. */
export async function clientBy(
  way: Way,
  house: string,
  headers: Readonly<Record<string, string>> = {},
  path: string = way === 'sdk 1 over sse' ? '/sse' : '/mcp',
): Promise<AnyClient> {
  const requestInit = { headers }
  const url = new URL(path, house)
  const transport =
    way === 'sdk 1 over sse'
      ? new OldSse(url, { requestInit, eventSourceInit: { fetch: sending(headers) } })
      : way === 'sdk 1 over http'
        ? new OldHttp(url, { requestInit })
        : new NewHttp(url, { requestInit })
  return connected(way, transport as Transport, way === 'sdk 2 without sessions')
}

/** A client that has started this program. What it says on standard error is thrown away. */
export function clientOf(way: ProgramWay, { command, args, env }: Program): Promise<AnyClient> {
  const Stdio = way === 'sdk 1 over stdio' ? OldStdio : NewStdio
  const transport = new Stdio({ command, args: [...args], env: { ...env }, stderr: 'ignore' })
  return connected(way, transport as Transport, way === 'sdk 2 over stdio without')
}

async function connected(way: Way | ProgramWay, transport: Transport, isModern: boolean): Promise<AnyClient> {
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } }
  const about = { name: 'test', version: '1' }
  // The two lines of the SDK have the same methods here, by types of their own.
  const client = (
    way.startsWith('sdk 1')
      ? new OldClient(about, { capabilities })
      : new NewClient(about, { capabilities, versionNegotiation: { mode: isModern ? 'auto' : 'legacy' } })
  ) as NewClient
  const waiting = new Map<string, (params: JsonObject) => void>()
  const notifications: { method: string; params?: JsonObject }[] = []
  client.fallbackNotificationHandler = async ({ method, params }) => {
    notifications.push({ method, ...(params && { params }) })
    waiting.get(method)?.(params ?? {})
  }
  await client.connect(transport)
  return {
    notifications,
    listTools: () => client.listTools() as never,
    callTool: (name, input = {}, options = {}) =>
      way.startsWith('sdk 1')
        ? (client as unknown as OldClient).callTool({ name, arguments: input }, undefined, options as never)
        : (client.callTool({ name, arguments: input }, options as never) as never),
    request: (method, params = {}) =>
      way.startsWith('sdk 1')
        ? (client as unknown as OldClient).request({ method, params }, anything as never)
        : (client.request({ method: method as 'prompts/list', params }) as never),
    answer(method, answer) {
      const handle = (request: { readonly params?: JsonObject }) => answer(request.params ?? {}) as never
      if (way.startsWith('sdk 1')) requestHandlers(client).set(method, async (request) => handle(request))
      else client.setRequestHandler(method, handle as never)
    },
    next: (method) =>
      new Promise((resolve) => {
        waiting.set(method, resolve)
      }),
    listen: () => client.listen({ toolsListChanged: true }),
    close: () => client.close(),
  }
}

/** Takes whatever comes. */
const anything = { parse: (value: unknown) => value, safeParse: (data: unknown) => ({ success: true, data }) }

type Handlers = Map<string, (request: { readonly params?: JsonObject }) => Promise<JsonObject>>

/** The older line wants a schema of zod for each handler, which is not what is tested here. */
function requestHandlers(client: unknown): Handlers {
  return (client as { readonly _requestHandlers: Handlers })._requestHandlers
}

function sending(headers: Readonly<Record<string, string>>): typeof fetch {
  return (url, init) => fetch(url, { ...init, headers: { ...(init?.headers as object), ...headers } })
}
