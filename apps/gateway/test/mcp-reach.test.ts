import type { JsonObject } from '@tianjillm/core'
import { fakeServer, houseOf, toolOf } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import { outsideOf } from '../src/mcp/reach.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const socket = (remoteAddress: string) => ({ remoteAddress }) as never
const general = (more: object = {}) =>
  ({ general: { mcpInternalIpRanges: undefined, mcpTrustedProxyRanges: [], ...more } }) as never

test.each([
  ['127.0.0.1', false],
  ['::ffff:10.1.2.3', false],
  ['192.168.7.7', false],
  ['fd00::1', false],
  ['8.8.8.8', true],
  ['2001:4860::1', true],
  ['', true],
])('%s comes from outside: %s', (address, expected) => {
  expect(outsideOf(general())({ headers: {}, socket: socket(address) })).toBe(expected)
})

test('ranges of the configuration take the place of private networks', () => {
  const isOutside = outsideOf(general({ mcpInternalIpRanges: ['203.0.113.0/24', '2001:db8::1'] }))
  const ask = (address: string) => isOutside({ headers: {}, socket: socket(address) })
  expect(['203.0.113.9', '2001:db8::1', '10.0.0.1', '2001:db8::2'].map(ask)).toEqual([false, false, true, true])
})

test('only trusted proxies are believed', () => {
  const headers = { 'x-forwarded-for': '8.8.8.8' }
  const isOutside = outsideOf(general({ mcpTrustedProxyRanges: ['10.0.0.0/8'] }))
  expect(isOutside({ headers, socket: socket('10.0.0.1') })).toBe(true)
  expect(isOutside({ headers, socket: socket('192.168.0.1') })).toBe(false)
  // Nor does it help to claim to be inside.
  expect(isOutside({ headers: { 'x-forwarded-for': '10.0.0.9' }, socket: socket('8.8.8.8') })).toBe(true)
})

test('a server that is not for the public internet is there from inside alone, also for a key that may see all', async () => {
  const house = await houseOf([fakeServer('s', { tools: [toolOf('go')] })])
  onTestFinished(() => house.close())
  const gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, use_x_forwarded_for: true, mcp_trusted_proxy_ranges: [127.0.0.0/8]}
mcp_servers:
  inner: {url: "${house.url}/mcp", transport: http, available_on_public_internet: false}
  outer: {url: "${house.url}/mcp", transport: http}
mcp_tools: [{name: shout, model: m, prompt: "{{text}}"}]
model_list: [{model_name: m, litellm_params: {model: mock/m}}]`)
  onTestFinished(() => gateway.stop(1_000))
  const from = (address: string) => {
    const headers = {
      ...{ authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      'x-forwarded-for': address,
    }
    const read = async (path: string, init: RequestInit = {}) =>
      (await fetch(`${gateway.url}${path}`, { ...init, headers })).json() as Promise<JsonObject>
    return {
      async servers() {
        const { tools } = await read('/mcp-rest/tools/list')
        return (tools as readonly JsonObject[]).map(({ mcp_info: info }) => (info as JsonObject).server_name)
      },
      call: (name: string) =>
        read('/mcp-rest/tools/call', { method: 'POST', body: JSON.stringify({ name, arguments: {} }) }),
      async agentTools() {
        const { tools } = await read('/api/tools')
        return (tools as readonly JsonObject[]).map(({ server }) => server)
      },
    }
  }
  const [inside, outside] = [from('10.1.1.1'), from('8.8.8.8')]
  expect(await inside.servers()).toEqual(['inner', 'outer', 'tianji'])
  expect(await outside.servers()).toEqual(['outer', 'tianji'])
  expect(await inside.agentTools()).toEqual(['inner', 'outer', 'tianji'])
  expect(await outside.agentTools()).toEqual(['outer', 'tianji'])
  expect((await inside.call('inner-s-go')).isError).not.toBe(true)
  expect(await outside.call('inner-s-go')).toMatchObject({ error: { message: 'Unknown tool: inner-s-go' } })
})
