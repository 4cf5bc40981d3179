import { readConfig } from '@tianjillm/config'
import { createHost } from '@tianjillm/engine'
import { expect, test } from 'vitest'
import { type McpHub, mcpHubOf } from '../src/mcp/hub.ts'

async function hubOf(yaml: string, previous?: McpHub): Promise<McpHub | undefined> {
  const { config } = readConfig(yaml, { env: () => undefined })
  const rooms = { host: createHost(), redact: (text: string) => text, masterKey: undefined }
  return (await mcpHubOf(config!, rooms, previous)).hub
}

test('a hub goes on for as long as its servers are configured alike', async () => {
  const first = await hubOf('mcp_servers: {a: {url: "http://127.0.0.1:1/mcp"}}')
  const same = await hubOf('model_list: []\nmcp_servers: {a: {url: "http://127.0.0.1:1/mcp"}}', first)
  const other = await hubOf('mcp_servers: {a: {url: "http://127.0.0.1:2/mcp"}}', same)
  expect(same).toBe(first)
  expect(other).not.toBe(first)
  await Promise.all([first!.close(), other!.close()])
})

test('without servers there is none', async () => {
  expect(await hubOf('mcp_servers: {}')).toBeUndefined()
})

test('tools of the gateway make one too, which goes on until they change', async () => {
  const yaml = (prompt: string) =>
    `model_list: [{model_name: m, litellm_params: {model: mock/m}}]\nmcp_tools: [{name: a, model: m, prompt: ${prompt}}]`
  const first = await hubOf(yaml('one'))
  expect(await hubOf(yaml('one'), first)).toBe(first)
  expect(await hubOf(yaml('two'), first)).not.toBe(first)
  const { tools } = await (await first!.open()).catalog.view({})
  expect(tools.map(({ name }) => name)).toEqual(['tianji-a'])
  await first!.close()
})
