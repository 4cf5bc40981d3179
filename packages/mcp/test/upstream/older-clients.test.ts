import { createMcpHandler, type McpHttpHandler, Server } from '@modelcontextprotocol/server'
import type { JsonObject } from '@tianjillm/core'
import { answerBy, listen, shut } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import type { Conversation } from '../../src/upstream.ts'
import { house, http } from './house.ts'

type Told = readonly [method: string, params: JsonObject]

/** A client of an older revision in front of a newer server with one tool that logs, and resources. */
async function older(): Promise<{ conversation: Conversation; told: Told[]; handler: McpHttpHandler }> {
  const handler = createMcpHandler(
    () => {
      const server = new Server(
        { name: 'newer', version: '1.0.0' },
        { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
      )
      server.setRequestHandler('tools/list', () => ({ tools: [{ name: 'log', inputSchema: { type: 'object' } }] }))
      server.setRequestHandler('tools/call', async (_request, { mcpReq }) => {
        await mcpReq.log('debug', 'quietly')
        await mcpReq.log('error', 'loudly')
        return { content: [] }
      })
      return server
    },
    { legacy: 'reject' },
  )
  const { server, port } = await listen(answerBy((request) => handler.fetch(request)))
  onTestFinished(() => shut(server))
  const told: Told[] = []
  const { upstream } = house(http(`http://127.0.0.1:${port}/mcp`))
  const notify = (method: string, params: JsonObject) => void told.push([method, params])
  const conversation = await upstream.open({ capabilities: {}, request: undefined, notify })
  return { conversation, told, handler }
}

test('an older client hears from a newer server what it wants to hear, from the level it has set', async () => {
  const { conversation, told } = await older()
  await conversation.request('tools/call', { name: 'log' })
  expect(told).toEqual([])
  expect(await conversation.request('logging/setLevel', { level: 'warning' })).toEqual({})
  await conversation.request('tools/call', { name: 'log' })
  await expect.poll(() => told).toMatchObject([['notifications/message', { level: 'error', data: 'loudly' }]])
})

test('an older client hears of the resources of a newer server that it has subscribed to, and of no others', async () => {
  const { conversation, told, handler } = await older()
  for (const uri of ['test://a', 'test://b', 'test://c'])
    expect(await conversation.request('resources/subscribe', { uri })).toEqual({})
  await conversation.request('resources/unsubscribe', { uri: 'test://b' })
  for (const uri of ['test://b', 'test://d', 'test://a', 'test://c']) handler.notify.resourceUpdated(uri)
  await expect.poll(() => told.map(([, { uri }]) => uri)).toEqual(['test://a', 'test://c'])
  for (const uri of ['test://a', 'test://c']) await conversation.request('resources/unsubscribe', { uri })
  handler.notify.resourceUpdated('test://a')
  await conversation.request('tools/call', { name: 'log' })
  expect(told).toHaveLength(2)
})
