import { readConfig } from '@tianjillm/config'
import type { JsonObject } from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import type OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { interceptionOf } from '../src/tool-loop/interception.ts'
import { openaiClient } from './clients/openai-client.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { asked, model } from './tool-scripts.ts'

let models: FakeUpstream
let pages: FakeUpstream
let gateway: Started
let client: OpenAI

const deployments = () => `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${models.url}, api_key: sk-secret}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_base: ${models.url}, api_key: sk-secret}}
router_settings: {num_retries: 0, disable_cooldowns: true}
search_tools:
  - {search_tool_name: web, litellm_params: {search_provider: brave, api_key: sk-secret, api_base: ${pages.url}, input_cost_per_query: 0.005}}`

beforeAll(async () => {
  models = await fakeUpstream()
  pages = await fakeUpstream()
  gateway = await startGateway(`${deployments()}
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
guardrails:
  - guardrail_name: no-names
    litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: ada, action: BLOCK}]}
litellm_settings:
  callbacks: [websearch_interception]
  websearch_interception_params: {enabled_providers: [openai], search_tool_name: web}`)
  client = openaiClient(gateway)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([models.close(), pages.close()])
})
beforeEach(() => {
  pages.script({ body: { web: { results: [{ title: 'Kites', url: 'https://kites.test/', description: 'Red.' }] } } })
})

const question = { model: 'gpt', messages: [{ role: 'user' as const, content: 'Which birds are red?' }] }
const asking = (more: object) => ({ ...question, ...more }) as OpenAI.ChatCompletionCreateParamsNonStreaming
const turn = (index: number) => asked(models.arrived[index]!.text)
const searching = model({ calls: [['web_search', { query: 'red birds' }]] })
const done = model({ says: 'Kites are.' })
const queries = () => pages.arrived.map(({ path }) => new URL(path, pages.url).searchParams.get('q'))

describe('a model that cannot search is offered to', () => {
  test.each([
    ['a tool of OpenAI’s', { tools: [{ type: 'web_search' }] }],
    ['an older one', { tools: [{ type: 'web_search_preview_2025_03_11' }] }],
    ['one of Anthropic’s', { tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }] }],
    ['options alone', { web_search_options: {} }],
  ])('for %s', async (_what, more) => {
    models.script(searching, done)
    const { choices } = await client.chat.completions.create(asking(more))
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Kites are.' } })
    expect(choices[0]!.message.tool_calls).toBeUndefined()
    expect(turn(0)).toMatchObject({ tools: [{ type: 'function', function: { name: 'web_search' } }] })
    expect(turn(0)).not.toHaveProperty('web_search_options')
    expect(queries()).toEqual(['red birds'])
    expect(turn(1).messages.at(-1)!.content).toContain('1. Kites\nhttps://kites.test/\nRed.')
  })

  test('under the name and with the words of a function that the client has for it', async () => {
    const own = { type: 'function', function: { name: 'litellm_web_search', description: 'Finds.' } }
    models.script(model({ calls: [['litellm_web_search', { query: 'red birds', depth: 3 }]] }), done)
    await client.chat.completions.create(asking({ tools: [own] }))
    expect(turn(0).tools).toEqual([own])
    expect(queries()).toEqual(['red birds'])
  })

  test('within what the client confines all searches to', async () => {
    models.script(searching, done)
    const tool = { type: 'web_search_20250305', allowed_domains: ['rspb.org.uk'], user_location: { country: 'GB' } }
    await client.chat.completions.create(asking({ tools: [tool] }))
    expect(pages.arrived[0]!.path).toContain('country=GB')
    expect(queries()[0]).toContain('site:rspb.org.uk')
  })

  test('beside other tools, whose calls are the client’s', async () => {
    models.script(model({ calls: [['web_search', { query: 'red birds' }], ['draw']] }))
    const draw = { type: 'function', function: { name: 'draw' } }
    const { choices } = await client.chat.completions.create(asking({ tools: [draw, { type: 'web_search' }] }))
    expect(choices[0]!.message).toMatchObject({
      tool_calls: [{ function: { name: 'draw' } }],
      provider_specific_fields: { mcp_call_results: [{ result: expect.stringContaining('Kites') }] },
    })
  })
})

test('what is searched for is judged by guardrails that the chat names', async () => {
  models.script(model({ calls: [['web_search', { query: 'birds of ada' }]] }), done)
  const chat = client.chat.completions.create(asking({ web_search_options: {}, guardrails: ['no-names'] }))
  await expect(chat).rejects.toMatchObject({ code: 'guardrail_blocked' })
  expect(queries()).toEqual([])
})

test('what is said before and after a search is streamed', async () => {
  models.script(model({ says: 'Let me see.', calls: [['web_search', { query: 'red birds' }]] }), done)
  const stream = client.chat.completions.stream(asking({ web_search_options: {} }) as never)
  const { choices } = await stream.finalChatCompletion()
  expect(choices[0]!.message.content).toBe('Let me see.\n\nKites are.')
})

test('searches of one turn are made side by side', async () => {
  const second = Promise.withResolvers<void>()
  const both = async () => {
    if (pages.arrived.length === 2) second.resolve()
    await second.promise
    return { body: { web: { results: [] } } }
  }
  pages.script(both)
  const calls = [['web_search', { query: 'a' }] as const, ['web_search', { query: 'b' }] as const]
  models.script(model({ calls }), done)
  await client.chat.completions.create(asking({ web_search_options: {} }))
  expect(
    turn(1)
      .messages.slice(2)
      .map(({ content }) => String(content).includes('Nothing was found')),
  ).toEqual([true, true])
})

test('a search that fails is told to the model', async () => {
  pages.script({ status: 500, body: {} })
  models.script(searching, done)
  const { choices } = await client.chat.completions.create(asking({ web_search_options: {} }))
  expect(choices[0]!.message.content).toBe('Kites are.')
  expect(turn(1).messages.at(-1)!.content).toContain('The tool failed')
})

test('a model that goes on searching may do so three times', async () => {
  models.script(searching)
  const { choices } = await client.chat.completions.create(asking({ web_search_options: {} }))
  expect(choices[0]!.finish_reason).toBe('length')
  expect(pages.arrived).toHaveLength(3)
  expect(turn(3).tool_choice).toBe('none')
})

test('a search is put down to who asked', async () => {
  models.script(searching, done)
  await client.chat.completions.create(asking({ web_search_options: {}, user: 'spender' }))
  const spent = async () => {
    const headers = { authorization: `Bearer ${MASTER_KEY}` }
    const logs = await (await fetch(`${gateway.url}/spend/logs?end_user=spender`, { headers })).json()
    return logs.data.map(({ call_type: kind, spend }: JsonObject) => `${kind} ${spend}`).sort()
  }
  await expect.poll(spent).toEqual(['chat 0.000045', 'chat 0.000045', 'search 0.005'])
})

test('models of other providers get what they were sent', async () => {
  models.script({ status: 400, body: {} })
  const tool = { type: 'web_search_20250305', name: 'web_search' }
  await client.chat.completions.create(asking({ model: 'claude', tools: [tool] })).catch(() => {})
  expect(turn(0).tools).toEqual([tool])
})

test('without a list of providers it is for those that are known to have no searches', async () => {
  const other = await startGateway(`${deployments()}\nlitellm_settings: {callbacks: [websearch_interception]}`)
  const block = (content: object) => ({
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [content], stop_reason: 'end_turn' },
    usage: { input_tokens: 1, output_tokens: 1 },
  })
  models.script(
    { body: block({ type: 'tool_use', id: 't', name: 'web_search', input: { query: 'red birds' } }) },
    { body: block({ type: 'text', text: 'Kites are.' }) },
    done,
  )
  const { choices } = await openaiClient(other).chat.completions.create(
    asking({ model: 'claude', web_search_options: {} }),
  )
  expect(choices[0]!.message.content).toBe('Kites are.')
  await openaiClient(other).chat.completions.create(asking({ web_search_options: {} }))
  expect(turn(2)).toMatchObject({ web_search_options: {} })
  await other.stop(1_000)
})

test.each([
  ['callbacks: [websearch_interception]', 'needs search_tools'],
  [
    `search_tools: [{search_tool_name: web, litellm_params: {search_provider: brave}}]
callbacks: [{websearch_interception: {search_tool_name: wep}}]`,
    'no search tool "wep". Did you mean web?',
  ],
])('what cannot work is left out with a warning: %s', (yaml, words) => {
  const { config } = readConfig(yaml, { env: () => undefined })
  const { interception, problems } = interceptionOf(config!)
  expect(interception).toBeUndefined()
  expect(problems).toMatchObject([{ severity: 'warning', message: expect.stringContaining(words) }])
})
