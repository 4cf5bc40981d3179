import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '@tianjillm/config'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { type AnyClient, clientBy, type Way, ways } from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Started, start } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let models: FakeUpstream
let pages: FakeUpstream
let gateway: Started

const modelList = (model: string) => `
model_list:
  - model_name: small
    litellm_params: {model: openai/${model}, api_base: ${models.url}, api_key: sk-secret, max_retries: 0}`
const tools = () => `
router_settings: {num_retries: 0, disable_cooldowns: true}
search_tools:
  - search_tool_name: the web
    litellm_params: {search_provider: brave, api_key: sk-secret, api_base: ${pages.url}}
mcp_tools:
  - name: translate
    description: Translates.
    input_schema:
      type: object
      properties: {text: {type: string}, language: {type: string, default: French}, notes: {type: array}}
      required: [text]
    tags: [words]
    model: small
    prompt: "Into {{ language }}: {{text}}, and {{text}}. {{notes}}"
  - {name: shout, model: small, prompt: "{{text}}!"}
  - {name: look_up, description: Looks things up., search_tool: the web, tags: [facts]}`

beforeAll(async () => {
  models = await fakeUpstream()
  pages = await fakeUpstream()
  gateway = await startGateway(`${modelList('gpt-4o')}
  - {model_name: spare, litellm_params: {model: mock/m}}
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
guardrails:
  - guardrail_name: words
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      blocked_words: [{keyword: forbidden, action: BLOCK}]
keys:
  - {key: sk-words, key_alias: words, metadata: {mcp: {include_tags: [words]}}}
  - {key: sk-spare, key_alias: spare, models: [spare]}
  - {key: sk-once, key_alias: once, model_rpm_limit: {small: 1}}
${tools()}`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([models.close(), pages.close()])
})
beforeEach(() => {
  models.script({ body: completion('Bonjour') })
  pages.script({ body: found })
})

const completion = (content: string | null, more: object = {}) => ({
  ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4o' },
  choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
})
const found = { web: { results: [{ title: 'Kites', url: 'https://kites.test/', description: 'They are red.' }] } }

async function connected(way: Way, key = MASTER_KEY, { url } = gateway): Promise<AnyClient> {
  const client = await clientBy(way, url, { authorization: `Bearer ${key}` })
  onTestFinished(() => client.close())
  return client
}

const sent = () => JSON.parse(models.arrived[0]!.text)
const failed = (code: string | null, status: number, retryable: boolean) => ({
  isError: true,
  _meta: { code, status, retryable },
})

describe.each(ways)('%s', (way) => {
  test('finds the tools of the gateway, and its searches', async () => {
    const { tools: listed } = await (await connected(way)).listTools()
    expect(listed.map(({ name }) => name)).toEqual([
      ...['tianji-translate', 'tianji-shout', 'tianji-look_up', 'tianji-the_web'],
    ])
    expect(listed[1]).toMatchObject({
      inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    })
    expect(listed[2]).toMatchObject({ description: 'Looks things up.', inputSchema: { required: ['query'] } })
  })

  test('has a model answer a prompt, in which arguments are put in as they are', async () => {
    const client = await connected(way)
    const result = await client.callTool('tianji-translate', { text: 'Say {{language}}', notes: ['a', 1] })
    expect(result.content).toEqual([{ type: 'text', text: 'Bonjour' }])
    expect(sent()).toEqual({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Into French: Say {{language}}, and Say {{language}}. ["a",1]' }],
    })
  })

  test('searches', async () => {
    const result = await (await connected(way)).callTool('tianji-the_web', { query: 'kites', max_results: 3 })
    expect(result).toMatchObject({
      content: [{ type: 'text', text: '1. Kites\nhttps://kites.test/\nThey are red.' }],
      structuredContent: { results: [{ title: 'Kites', url: 'https://kites.test/', snippet: 'They are red.' }] },
    })
    expect(pages.arrived[0]!.path).toContain('q=kites')
  })

  test('hears which argument is wrong', async () => {
    const client = await connected(way)
    expect(await client.callTool('tianji-shout', { txt: 'a' })).toMatchObject({
      ...failed(null, 400, false),
      content: [{ text: 'There is no argument "txt". Did you mean text?' }],
    })
    expect(await client.callTool('tianji-look_up', { query: 'a', start_date: '2026-02-31' })).toMatchObject({
      ...failed(null, 400, false),
      content: [{ text: expect.stringContaining('start_date') }],
    })
    expect([...models.arrived, ...pages.arrived]).toEqual([])
  })

  test('hears that the vendor has failed, and nothing that is secret', async () => {
    models.script({ status: 503, body: { error: { message: 'Busy with sk-secret' } } })
    const result = await (await connected(way)).callTool('tianji-shout', { text: 'a' })
    expect(result).toMatchObject(failed('overloaded', 503, true))
    expect(JSON.stringify(result)).not.toContain('sk-secret')
  })

  test('ends the vendor’s work with its own', async () => {
    models.script({ hangs: true, pieces: [' '] })
    const client = await connected(way)
    const leaving = new AbortController()
    const calling = client.callTool('tianji-shout', { text: 'a' }, { signal: leaving.signal })
    const over = expect(calling).rejects.toThrow()
    await expect.poll(() => models.arrived.length).toBe(1)
    leaving.abort()
    await over
    await models.arrived[0]!.abandoned
  })
})

test('guardrails judge what a tool asks', async () => {
  const result = await (await connected('sdk 2 without sessions')).callTool('tianji-shout', { text: 'forbidden' })
  expect(result).toMatchObject(failed('guardrail_blocked', 400, false))
  expect(models.arrived).toEqual([])
})

test('a key has no tool ask a model that it may not use', async () => {
  const client = await connected('sdk 2 without sessions', 'sk-spare')
  expect(await client.callTool('tianji-shout', { text: 'a' })).toMatchObject(
    failed('key_model_access_denied', 403, false),
  )
  expect(await client.callTool('tianji-the_web', { query: 'a' })).not.toHaveProperty('isError', true)
})

test('a key’s limits of a model count', async () => {
  const client = await connected('sdk 2 without sessions', 'sk-once')
  expect(await client.callTool('tianji-shout', { text: 'a' })).not.toHaveProperty('isError', true)
  expect(await client.callTool('tianji-shout', { text: 'b' })).toMatchObject(failed('rate_limit_exceeded', 429, true))
})

test('tags of tools are those that keys are confined to', async () => {
  const client = await connected('sdk 2 without sessions', 'sk-words')
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['tianji-translate'])
  await expect(client.callTool('tianji-look_up', { query: 'a' })).rejects.toThrow('Unknown tool: tianji-look_up')
})

test('what a tool uses is put down to who called it', async () => {
  const client = await connected('sdk 1 over sse', 'sk-words')
  const logs = async () => {
    const headers = { authorization: `Bearer ${MASTER_KEY}` }
    return (await fetch(`${gateway.url}/spend/logs?api_key=sk-words`, { headers })).json()
  }
  await client.callTool('tianji-translate', { text: 'a' })
  await expect.poll(logs).toMatchObject({
    data: expect.arrayContaining([
      expect.objectContaining({ model_group: 'small', call_type: 'chat', total_tokens: 7, spend: 0.0000325 }),
      expect.objectContaining({ model_group: 'MCP: tianji-translate', call_type: 'tool', spend: 0 }),
    ]),
  })
})

test('an answer without text is a failed result', async () => {
  models.script({ body: completion(null) }, { body: completion(null, { refusal: 'No.' }) })
  const client = await connected('sdk 2 without sessions')
  expect(await client.callTool('tianji-shout', { text: 'a' })).toMatchObject(
    failed('upstream_invalid_response', 502, true),
  )
  expect(await client.callTool('tianji-shout', { text: 'a' })).toMatchObject({ content: [{ text: 'No.' }] })
})

test('a session that goes on over a reload asks the models of the new configuration', async () => {
  const source = (model: string) => {
    const yaml = `${modelList(model)}\ngeneral_settings: {master_key: ${MASTER_KEY}}\n${tools()}`
    const { config, problems } = readConfig(yaml, { env: () => undefined })
    return { config, problems, title: 'test', folder: import.meta.dirname }
  }
  const settings = { port: 0, host: '127.0.0.1', logLevel: 'silent' } as const
  const other = await start({ source: source('old'), reread: () => source('new'), ...settings })
  onTestFinished(() => other.stop(1_000))
  const client = await connected('sdk 2 with sessions', MASTER_KEY, other)
  await client.callTool('tianji-shout', { text: 'a' })
  const headers = { authorization: `Bearer ${MASTER_KEY}` }
  expect((await fetch(`${other.url}/config/reload`, { method: 'POST', headers })).status).toBe(200)
  await client.callTool('tianji-shout', { text: 'a' })
  expect(models.arrived.map(({ text }) => JSON.parse(text).model)).toEqual(['old', 'new'])
})

test('a gateway that stops lets a tool end whose request was answered long ago', async () => {
  const yaml = `${modelList('gpt-4o')}\ngeneral_settings: {master_key: ${MASTER_KEY}}\n${tools()}`
  const other = await startGateway(yaml)
  const client = await connected('sdk 1 over sse', MASTER_KEY, other)
  const answer = Promise.withResolvers<void>()
  models.script(async () => {
    await answer.promise
    return { body: completion('At last') }
  })
  const calling = client.callTool('tianji-shout', { text: 'a' })
  await expect.poll(() => models.arrived.length).toBe(1)
  const stopping = other.stop(5_000)
  // Connections are cut half a second after there is nothing to wait for.
  await sleep(700)
  answer.resolve()
  expect(await calling).toMatchObject({ content: [{ text: 'At last' }] })
  await stopping
})
