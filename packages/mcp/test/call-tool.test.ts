import { GatewayError, type JsonObject } from '@tianjillm/core'
import { fakeServer, logOf, toolOf } from '@tianjillm/testing-mcp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { callTool, createCatalog, McpServerError, type ServingSettings, type Source } from '../src/index.ts'

const client = { id: 'a', filter: {} }
const text = (value: string) => ({ content: [{ type: 'text', text: value }] })

function serving(
  answer: (params: JsonObject, signal: AbortSignal | undefined) => Promise<JsonObject>,
  more: Partial<ServingSettings> & { readonly source?: Partial<Source> } = {},
) {
  const upstream = fakeServer('s', { tools: [toolOf('find')] }, (_method, params, _peer, signal) =>
    answer(params, signal),
  )
  const log = logOf()
  const { source, ...settings } = more
  const catalog = createCatalog([{ upstream, ...source }], { log, now: Date.now })
  onTestFinished(() => catalog.close())
  return {
    upstream,
    settings: { catalog, log, info: { name: 't', version: '1' }, stateKey: new Uint8Array(32), ...settings },
  }
}

describe('a call within the process', () => {
  test('gives the result, and nothing that was for the protocol', async () => {
    const { settings } = serving(async () => ({
      ...text('found'),
      resultType: 'complete',
      ttlMs: 1,
      cacheScope: 'private',
    }))
    expect(await callTool(settings, client, { name: 's-find', arguments: { a: 1 } })).toEqual(text('found'))
  })

  test.each([
    [{}, { content: [] }],
    [{ structuredContent: { a: 1 } }, { content: [], structuredContent: { a: 1 } }],
    [{ structuredContent: [1, 2] }, { ...text('[1,2]'), structuredContent: [1, 2] }],
    [
      { ...text('two'), structuredContent: 2 },
      { ...text('two'), structuredContent: 2 },
    ],
  ])('%j is given as what can be read', async (result, expected) => {
    const { settings } = serving(async () => result)
    expect(await callTool(settings, client, { name: 'find' })).toEqual(expected)
  })

  test('rejects for a tool that is not there, and does not know one any more that its server does not know', async () => {
    const { settings } = serving(async () => {
      throw new McpServerError(-32602, 'Tool find not found')
    })
    const unknown = (name: string) => ({ code: -32602, message: `Unknown tool: ${name}` })
    await expect(callTool(settings, client, { name: 'nothing' })).rejects.toMatchObject(unknown('nothing'))
    await expect(callTool(settings, client, { name: 's-find' })).rejects.toMatchObject(unknown('s-find'))
    expect((await settings.catalog.view({})).tools).toEqual([])
  })

  test('rejects when the server is away, and says why', async () => {
    const { settings, upstream } = serving(async () => text('found'))
    await settings.catalog.view({})
    upstream.set({ status: 'unhealthy' })
    await expect(callTool(settings, client, { name: 's-find' })).rejects.toMatchObject({
      ...{ code: -32603, message: 'MCP server unavailable: s' },
      cause: { kind: 'upstream_unreachable', message: 's is down' },
    })
  })

  test('is a failed result when it is refused, fails, or wants to ask somebody', async () => {
    const { settings } = serving(
      async ({ arguments: given }) => {
        if ((given as JsonObject).ask === true) return { resultType: 'input_required' }
        throw new GatewayError('upstream_timeout', 'too late: key')
      },
      { redact: (said) => said.replace('key', '***'), source: { allowedArguments: { find: ['ask'] } } },
    )
    const failed = (code: string, said: string) => ({
      ...{ isError: true, content: [{ text: said }], _meta: { code } },
    })
    expect(await callTool(settings, client, { name: 's-find' })).toMatchObject(
      failed('upstream_timeout', 'too late: ***'),
    )
    expect(await callTool(settings, client, { name: 's-find', arguments: { ask: true } })).toMatchObject({
      ...{ isError: true, _meta: { code: 'unsupported_operation' } },
    })
    expect(await callTool(settings, client, { name: 's-find', arguments: { b: 1 } })).toMatchObject(
      failed('permission_denied', 'These arguments are not allowed here: b.'),
    )
  })
})

describe('what is around a call', () => {
  test('hears of it, may change both ends of it, and can end it', async () => {
    const { settings } = serving(async ({ arguments: given }) => text(JSON.stringify(given)), {
      async around({ client: who, tool, input }, run) {
        const result = await run({ ...input, by: who.id, tool: tool.publicName })
        return { ...result, isError: true }
      },
    })
    expect(await callTool(settings, client, { name: 'find', arguments: { a: 1 } })).toEqual({
      ...text('{"a":1,"by":"a","tool":"s-find"}'),
      isError: true,
    })
  })

  test('has what it throws told like any failure', async () => {
    const { settings } = serving(async () => text('found'), {
      around: () => Promise.reject(new GatewayError('rate_limited', 'too many')),
    })
    expect(await callTool(settings, client, { name: 'find' })).toMatchObject({ isError: true, _meta: { status: 429 } })
  })

  test('may give the tool a signal of its own', async () => {
    const ending = new AbortController()
    const { settings } = serving(
      (_params, signal) =>
        new Promise((_resolve, reject) => {
          signal!.addEventListener('abort', () => reject(signal!.reason))
          ending.abort(new GatewayError('guardrail_blocked', 'no'))
        }),
      { around: ({ input }, run) => run(input, ending.signal) },
    )
    expect(await callTool(settings, client, { name: 'find' })).toMatchObject({
      isError: true,
      content: [{ text: 'no' }],
    })
  })
})
