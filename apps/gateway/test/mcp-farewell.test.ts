import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

const results: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'a', version: '1' } },
  'tools/list': { tools: [{ name: 'say', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: 'said' }] },
}

test('a gateway that stops ends its sessions with MCP servers', async () => {
  const ended: unknown[] = []
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.method === 'DELETE') ended.push(incoming.headers['mcp-session-id'])
    if (incoming.method !== 'POST') return outgoing.writeHead(incoming.method === 'DELETE' ? 200 : 405).end()
    const { id, method } = JSON.parse(await text(incoming))
    if (id === undefined) return outgoing.writeHead(202).end()
    const result = results[method]
    const answer = result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result }
    outgoing.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'the-session' })
    return outgoing.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}}
mcp_servers: {a: {url: "http://127.0.0.1:${port}/mcp", transport: http}}
`)
  const response = await fetch(`${gateway.url}/mcp-rest/tools/call`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a-say' }),
  })
  expect(await response.json()).toMatchObject(results['tools/call']!)
  await gateway.stop(1_000)
  expect(ended).toEqual(['the-session'])
})
