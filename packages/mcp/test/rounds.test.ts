import type { JsonObject } from '@tianjillm/core'
import { clientBy, fakeServer, type House, houseOf, toolOf, type Way, ways } from '@tianjillm/testing-mcp'
import { afterEach, expect, test } from 'vitest'
import { McpServerError } from '../src/index.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const question = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'Which?',
    requestedSchema: { type: 'object', properties: { which: { type: 'string' } } },
  },
}

/** A server of the newer protocol, which asks by way of its answer and keeps its state with the client. */
const asking = () =>
  fakeServer('s', { tools: [toolOf('ask')] }, async (_method, { inputResponses, requestState }) => {
    if (inputResponses === undefined)
      return { resultType: 'input_required', inputRequests: { first: question }, requestState: 'state of the server' }
    return { content: [{ type: 'text', text: JSON.stringify({ inputResponses, requestState }) }] }
  })

async function house(): Promise<House> {
  const keys = { a: { id: 'a', filter: {} }, b: { id: 'b', filter: {} } }
  const built = await houseOf([asking()], { keys })
  open.push(built)
  return built
}

test.each(ways)('%s: what a server needs is asked for, and the server gets its own state back', async (way) => {
  const client = await clientBy(way, (await house()).url)
  open.push(client)
  client.answer('elicitation/create', () => ({ action: 'accept', content: { which: 'this' } }))
  const { content } = await client.callTool('s-ask')
  expect(JSON.parse((content as { text: string }[])[0]!.text)).toEqual({
    inputResponses: { first: { action: 'accept', content: { which: 'this' } } },
    requestState: 'state of the server',
  })
})

test('the state of one client is of no use to another, nor changed', async () => {
  const { url } = await house()
  const call = async (key: string, more: JsonObject = {}) => {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'x-key': key },
        ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 's-ask' },
      },
      body: JSON.stringify({
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: {
          name: 's-ask',
          arguments: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
          },
          ...more,
        },
      }),
    })
    return (await response.json()) as { readonly result?: JsonObject; readonly error?: JsonObject }
  }
  const { result } = await call('a')
  const requestState = String(result?.requestState)
  expect(requestState).not.toContain('state of the server')
  const inputResponses = { first: { action: 'decline' } }
  expect((await call('a', { inputResponses, requestState })).result).toMatchObject({
    content: [{ text: expect.stringContaining('"requestState":"state of the server"') }],
  })
  for (const [key, state] of [
    ['b', requestState],
    ['a', `${requestState}x`],
  ] as const)
    expect((await call(key, { inputResponses, requestState: state })).error).toMatchObject({ code: -32602 })
})

test.each<[string, Way, JsonObject | undefined, number]>([
  ['what the client could give', 'sdk 2 without sessions', { sampling: { tools: {} } }, -32021],
  ['what is of another hop', 'sdk 2 without sessions', { tasks: {} }, -32603],
  ['what it does not name', 'sdk 2 without sessions', undefined, -32603],
  ['what an older client has no words for', 'sdk 2 with sessions', { sampling: {} }, -32603],
])('a server that misses %s is told of as such', async (_what, way, requiredCapabilities, code) => {
  const server = fakeServer('s', { tools: [toolOf('ask')] }, async () => {
    throw new McpServerError(-32021, 'Missing required client capability', { requiredCapabilities })
  })
  const built = await houseOf([server])
  open.push(built)
  const client = await clientBy(way, built.url)
  open.push(client)
  await expect(client.callTool('s-ask')).rejects.toMatchObject({ code })
})
