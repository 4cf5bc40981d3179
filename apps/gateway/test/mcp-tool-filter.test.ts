import { readConfig } from '@tianjillm/config'
import { clientBy, fakeServer, type House, houseOf, toolOf, type Way, ways } from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Started, start } from '../src/index.ts'
import { MASTER_KEY } from './support.ts'

let house: House
let gateway: Started
let filter = '{include_tags: [office, open], exclude_tags: [risky]}'

const source = () => {
  const yaml = `
general_settings: {master_key: ${MASTER_KEY}}
mcp_settings: {tool_filter: ${filter}}
keys:
  - {key: sk-narrow, key_alias: narrow, metadata: {mcp: {include_tags: [open]}}}
  - {key: sk-wide, key_alias: wide, metadata: {mcp: {include_tags: [risky, unsorted]}}}
mcp_servers:
  desk: {url: "${house.url}/mcp", tags: [office], tool_tags: {s_erase: [risky], s_look: [open]}}
  yard: {url: "${house.url}/mcp", tags: [unsorted], tool_tags: {s_look: [open]}}
mcp_tools:
  - {name: shout, model: m, prompt: "{{text}}"}
  - {name: talk, model: m, prompt: "{{text}}", tags: [open]}
model_list: [{model_name: m, litellm_params: {model: mock/m}}]
`
  const { config, problems } = readConfig(yaml, { env: () => undefined })
  return { config, problems, title: 'test', folder: import.meta.dirname }
}

beforeAll(async () => {
  const server = fakeServer('s', { tools: ['look', 'write', 'erase'].map((name) => toolOf(name)) })
  house = await houseOf([server], { catalogued: { separator: '_' } })
  const place = { port: 0, host: '127.0.0.1', logLevel: 'silent' } as const
  gateway = await start({ source: source(), reread: source, ...place })
})
afterAll(async () => {
  await gateway.stop(1_000)
  await house.close()
})

async function connected(way: Way, key = MASTER_KEY) {
  const client = await clientBy(way, gateway.url, { authorization: `Bearer ${key}` })
  onTestFinished(() => client.close())
  const names = async () => (await client.listTools()).tools.map(({ name }) => name)
  return { call: (name: string) => client.callTool(name), names }
}

const forAll = ['desk-s_look', 'desk-s_write', 'yard-s_look', 'tianji-talk']

describe.each(ways)('%s', (way) => {
  test('tools that the operator filters out are there for nobody, neither to list nor to call', async () => {
    const { call, names } = await connected(way)
    expect(await names()).toEqual(forAll)
    for (const name of ['desk-s_erase', 'yard-s_write', 's_erase', 'tianji-shout'])
      await expect(call(name)).rejects.toMatchObject({ code: -32602 })
  })

  test('keys narrow it further, and never widen it', async () => {
    expect(await (await connected(way, 'sk-narrow')).names()).toEqual(['desk-s_look', 'yard-s_look', 'tianji-talk'])
    expect(await (await connected(way, 'sk-wide')).names()).toEqual(['yard-s_look'])
  })
})

test('a filter that changes is in force for sessions that are open', async () => {
  const { call, names } = await connected('sdk 2 with sessions')
  expect(await names()).toEqual(forAll)
  filter = '{exclude_tags: [office, open]}'
  await fetch(`${gateway.url}/config/reload`, { method: 'POST', headers: { authorization: `Bearer ${MASTER_KEY}` } })
  await expect.poll(names).toEqual(['yard-s_write', 'yard-s_erase', 'tianji-shout'])
  await expect(call('desk-s_look')).rejects.toMatchObject({ code: -32602 })
})
