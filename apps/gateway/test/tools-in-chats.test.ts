import type { JsonObject } from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { fakeServer, type House, houseOf, toolOf } from '@tianjillm/testing-mcp'
import type OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { openaiClient, refusal } from './clients/openai-client.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { asked, model } from './tool-scripts.ts'

let models: FakeUpstream
let houses: readonly House[]
let gateway: Started
let client: OpenAI

/** What the weather server does, by the arguments of its calls. */
const weather = fakeServer(
  'weather',
  { tools: [toolOf('now'), toolOf('later'), toolOf('hang')] },
  async (_method, params, _peer, signal) => {
    const { name, arguments: given } = params as { name: string; arguments: JsonObject }
    calls.push(name)
    if (name === 'hang') {
      hanging++
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
      hanging--
    }
    if (given.city === 'Atlantis') return { isError: true, content: [{ type: 'text', text: 'No such city' }] }
    await arrived.get(String(given.city))?.()
    return { content: [{ type: 'text', text: `${name}: sunny in ${given.city}` }] }
  },
)
const mail = fakeServer('mail', { tools: [toolOf('send')] })
const calls: string[] = []
/** Calls that end when the gateway says so. */
let hanging = 0
/** What calls for a city wait for. */
const arrived = new Map<string, () => Promise<void>>()

beforeAll(async () => {
  models = await fakeUpstream()
  houses = await Promise.all([weather, mail].map((server) => houseOf([server], { catalogued: { separator: '_' } })))
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
router_settings: {num_retries: 0, disable_cooldowns: true}
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_base: ${models.url}, api_key: sk-secret, input_cost_per_token: 0.01, output_cost_per_token: 0.02}
  - {model_name: speech, litellm_params: {model: deepgram/nova-3, api_key: sk-secret}}
guardrails:
  - guardrail_name: words
    litellm_params:
      {guardrail: litellm_content_filter, mode: pre_call, default_on: true, blocked_words: [{keyword: forbidden, action: BLOCK}]}
  - guardrail_name: no-capitals
    litellm_params:
      {guardrail: litellm_content_filter, mode: [pre_mcp_call, post_mcp_call], blocked_words: [{keyword: Paris, action: BLOCK}]}
keys:
  - {key: sk-mail, key_alias: mail, metadata: {mcp: {servers: [mail]}}}
  - {key: sk-poor, key_alias: poor, max_budget: 0.1}
  - {key: sk-chat, key_alias: chat, allowed_routes: [openai_routes]}
  - {key: sk-one, key_alias: one, max_parallel_requests: 1}
mcp_servers:
  weather: {url: "${houses[0]!.url}/mcp", transport: http}
  mail: {url: "${houses[1]!.url}/mcp", transport: http}
  dead: {url: "http://127.0.0.1:1/mcp", transport: http}
`)
  client = openaiClient(gateway)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([models.close(), ...houses.map((house) => house.close())])
})
beforeEach(() => {
  calls.length = 0
  arrived.clear()
})

const now = 'weather-weather_now'
const question = { model: 'gpt', messages: [{ role: 'user' as const, content: 'How is the weather?' }] }
const mcp = (more: JsonObject = {}) => ({
  ...{ type: 'mcp', server_label: 'all', server_url: 'litellm_proxy', require_approval: 'never' },
  ...more,
})

/** OpenAI's types know tools of this type in the Responses API alone. */
const withTools = (tools: readonly object[], more: object = {}): OpenAI.ChatCompletionCreateParamsNonStreaming =>
  ({ ...question, tools, ...more }) as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming
const streamedWith = (tools: readonly object[], more: object = {}) =>
  ({ ...withTools(tools, more), stream: true }) as unknown as OpenAI.ChatCompletionCreateParamsStreaming

const turn = (index: number) => asked(models.arrived[index]!.text)
const toolNames = ({ tools = [] }: ReturnType<typeof asked>) => tools.map((tool) => tool.function.name)
const fieldsOf = (message: object) => (message as { provider_specific_fields?: JsonObject }).provider_specific_fields
const done = model({ says: 'It is sunny.' })

describe('a chat with tools of MCP servers', () => {
  test('is answered by a model that has called them', async () => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
    const { data, response } = await client.chat.completions.create(withTools([mcp()])).withResponse()
    expect(data.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'It is sunny.' } })
    expect(data.choices[0]!.message.tool_calls).toBeUndefined()
    expect(toolNames(turn(0))).toEqual([now, 'weather-weather_later', 'weather-weather_hang', 'mail-mail_send'])
    expect(turn(1).messages.slice(1)).toMatchObject([
      { role: 'assistant', tool_calls: [{ function: { name: now } }] },
      { role: 'tool', content: `<tool_output tool="${now}">\nnow: sunny in Rome\n</tool_output>` },
    ])
    expect(data.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 4, total_tokens: 24 })
    expect(Number(response.headers.get('x-litellm-response-cost'))).toBeCloseTo(0.28)
    expect(response.headers.get('x-litellm-model-group')).toBe('gpt')
  })

  test('streams what is said in all turns under one id, and none of its own calls', async () => {
    models.script(model({ says: 'Let me see.', calls: [[now, { city: 'Rome' }]] }), done)
    const stream = await client.chat.completions.create(
      streamedWith([mcp()], { stream_options: { include_usage: true } }),
    )
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    const choices = chunks.flatMap((chunk) => chunk.choices)
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Let me see.\n\nIt is sunny.')
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(choices.filter(({ delta }) => delta.tool_calls || delta.role)).toHaveLength(1)
    expect(choices.flatMap(({ finish_reason }) => finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 24 } })
    expect(fieldsOf(choices[0]!.delta)?.mcp_list_tools).toHaveLength(4)
    expect(fieldsOf(choices.at(-1)!.delta)).toMatchObject({
      mcp_call_results: [{ name: now, result: 'now: sunny in Rome' }],
    })
  })

  test('streams no usage to whom it is nothing', async () => {
    models.script(done)
    const stream = await client.chat.completions.create(streamedWith([mcp()]))
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.some(({ usage, choices }) => usage || choices.length === 0)).toBe(false)
  })

  test('tells what was offered and done', async () => {
    models.script(model({ calls: [[now, { city: 'Atlantis' }]] }), done)
    const { choices } = await client.chat.completions.create(withTools([mcp()]))
    expect(fieldsOf(choices[0]!.message)).toMatchObject({
      mcp_unavailable: ['dead'],
      mcp_list_tools: [{ type: 'function', function: { name: now, description: 'Does now.' } }, {}, {}, {}],
      mcp_tool_calls: [{ type: 'function', function: { name: now, arguments: '{"city":"Atlantis"}' } }],
      mcp_call_results: [{ name: now, result: 'No such city', is_error: true }],
    })
    expect(turn(1).messages.at(-1)!.content).toContain('failed="true">\nNo such city')
  })

  test('has calls of one turn run side by side', async () => {
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const meet = (own: 0 | 1) => async () => {
      both[own].resolve()
      await both[own === 0 ? 1 : 0].promise
    }
    arrived.set('Rome', meet(0)).set('Oslo', meet(1))
    models.script(
      model({
        calls: [
          [now, { city: 'Rome' }],
          [now, { city: 'Oslo' }],
        ],
      }),
      done,
    )
    await client.chat.completions.create(withTools([mcp()]))
    expect(
      turn(1)
        .messages.slice(2)
        .map(({ content }) => String(content).split('\n')[1]),
    ).toEqual(['now: sunny in Rome', 'now: sunny in Oslo'])
  })

  test.each([
    ['a server', { server_url: 'tianji_proxy/mcp/mail' }, ['mail-mail_send']],
    ['a tool by its own name', { allowed_tools: ['weather_later'] }, ['weather-weather_later']],
    ['tools by public names', { allowed_tools: { tool_names: [now] } }, [now]],
    ['a header', { headers: { 'X-MCP-Servers': 'mail' } }, ['mail-mail_send']],
  ])('is narrowed to %s', async (_what, narrowing, names) => {
    models.script(done)
    await client.chat.completions.create(withTools([mcp(narrowing)]))
    expect(toolNames(turn(0))).toEqual(names)
  })

  test.each(['/mcp/mail', '/mail/mcp'])('knows the gateway by its own URL: %s', async (path) => {
    models.script(done)
    await client.chat.completions.create(withTools([mcp({ server_url: `${gateway.url}${path}` })]))
    expect(toolNames(turn(0))).toEqual(['mail-mail_send'])
  })

  test('offers a key what it may see, whatever it asks for', async () => {
    models.script(done)
    await openaiClient(gateway, 'sk-mail').chat.completions.create(
      withTools([mcp({ allowed_tools: [now, 'mail_send'] })]),
    )
    expect(toolNames(turn(0))).toEqual(['mail-mail_send'])
  })

  test('without any tools that are left is a chat', async () => {
    models.script(done)
    await client.chat.completions.create(withTools([mcp({ allowed_tools: ['none'] })], { tool_choice: 'auto' }))
    expect(turn(0)).not.toHaveProperty('tools')
    expect(turn(0)).not.toHaveProperty('tool_choice')
  })

  const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [] } })

  test.each([
    ['required', 'required', undefined],
    [{ type: 'function', function: { name: now } }, { type: 'function', function: { name: now } }, undefined],
    [{ type: 'mcp', server_label: 'all' }, 'required', undefined],
    [allowed('required'), allowed('required'), allowed('auto')],
    ['auto', 'auto', 'auto'],
    [undefined, undefined, undefined],
  ])('forces the first turn alone: %j', async (choice, first, second) => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
    await client.chat.completions.create(withTools([mcp()], { tool_choice: choice }))
    expect([turn(0).tool_choice, turn(1).tool_choice]).toEqual([first, second])
  })
})

describe('calls that are not the gateway’s to make', () => {
  const own = { type: 'function', function: { name: 'open_window', parameters: { type: 'object', properties: {} } } }

  test.each([
    ['unless the request says that nobody need be asked', { require_approval: undefined }],
    ['when somebody has to be asked', { require_approval: 'always' }],
    ['when others need no asking', { require_approval: { never: { tool_names: ['mail_send'] } } }],
    ['when this one needs asking', { require_approval: { always: { tool_names: [now] } } }],
  ])('are those of MCP servers %s', async (_when, approval) => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }))
    const { choices } = await client.chat.completions.create(withTools([mcp(approval)]))
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: now, arguments: '{"city":"Rome"}' } }] },
    })
    expect(calls).toEqual([])
  })

  test('are handed to the client with what has been done, and the client need only send that back', async () => {
    models.script(
      model({ calls: [[now, { city: 'Oslo' }]] }),
      model({ calls: [[now, { city: 'Rome' }], ['open_window']] }),
      done,
    )
    const tools = [own, mcp()]
    const { choices } = await client.chat.completions.create(withTools(tools))
    const { message } = choices[0]!
    expect(message.tool_calls).toMatchObject([{ function: { name: 'open_window' } }])
    expect(calls).toEqual(['now', 'now'])
    const answer = { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: 'It is open.' }
    await client.chat.completions.create(withTools(tools, { messages: [...question.messages, message, answer] }))
    expect(turn(2).messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ function: { name: now } }, { function: { name: now } }] },
      { role: 'tool', content: expect.stringContaining('sunny in Oslo') },
      { role: 'tool', content: expect.stringContaining('sunny in Rome') },
      { role: 'assistant', tool_calls: [{ function: { name: 'open_window' } }] },
      answer,
    ])
    expect(models.arrived[2]!.text).not.toContain('provider_specific_fields')
  })

  test('are streamed whole, from zero on', async () => {
    models.script(
      model({
        calls: [
          [now, { city: 'Rome' }],
          ['open_window', { wide: true }],
        ],
      }),
    )
    const stream = client.chat.completions.stream(streamedWith([own, mcp()]))
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: 'open_window', arguments: '{"wide":true}' } }] },
    })
  })

  test('are those of a tool of the client’s that is called like one of a server', async () => {
    models.script(model({ calls: [[`${now}_2`, { city: 'Rome' }]] }), model({ calls: [[now]] }))
    const same = { type: 'function', function: { name: now } }
    const { choices } = await client.chat.completions.create(withTools([same, mcp()]))
    expect(choices[0]!.message.tool_calls).toMatchObject([{ function: { name: now } }])
    expect(calls).toEqual(['now'])
  })
})

describe('an entry is refused', () => {
  test.each([
    ['another server', { server_url: `https://elsewhere.test/mcp` }, 'server_url', 'tianji_proxy/mcp/<name>'],
    ['no server of the gateway', { server_url: 'litellm_proxy/mcp/nobody' }, 'server_url', '"nobody"'],
    ['another path', { server_url: 'litellm_proxy/admin' }, 'server_url', '/admin'],
    ['no server at all', { server_url: undefined }, 'server_url', 'missing'],
    ['a header that is none', { headers: { 'x-mcp-servers': 'a\nb' } }, 'headers.x-mcp-servers', 'header'],
    ['nonsense for an approval', { require_approval: 'maybe' }, 'require_approval', '"never"'],
  ])('that names %s', async (_what, more, field, words) => {
    models.script(done)
    const error = await refusal(
      client.chat.completions.create(withTools([{ type: 'function', function: { name: 'f' } }, mcp(more)])),
    )
    expect(error).toMatchObject({ status: 400, param: `tools[1].${field}` })
    expect(error.message).toContain(words)
    expect(models.arrived).toEqual([])
  })

  test('together with a wish for several answers', async () => {
    expect(await refusal(client.chat.completions.create(withTools([mcp()], { n: 2 })))).toMatchObject({
      status: 400,
      param: 'n',
    })
  })

  test('when there are too many', async () => {
    const many = Array.from({ length: 33 }, () => mcp())
    expect(await refusal(client.chat.completions.create(withTools(many)))).toMatchObject({
      status: 400,
      param: 'tools',
    })
  })

  test('of a key that may not come by /mcp either', async () => {
    const chat = openaiClient(gateway, 'sk-chat').chat.completions
    expect(await refusal(chat.create(withTools([mcp()])))).toMatchObject({ status: 403, code: 'route_access_denied' })
  })

  test('of a server that somebody lets us reach, which is not asked', async () => {
    const elsewhere = await fakeUpstream()
    await refusal(client.chat.completions.create(withTools([mcp({ server_url: `${elsewhere.url}/mcp` })])))
    expect(elsewhere.arrived).toEqual([])
    await elsewhere.close()
  })
})

describe('when things go wrong', () => {
  test.each([
    ['arguments are no JSON', [now, '{"city": '], 'must be a JSON object'],
    ['there is no such tool', ['weather-weather_nwo', {}], `Did you mean ${now}?`],
  ] as const)('as %s, the model hears of it', async (_what, call, words) => {
    models.script(model({ calls: [call] }), done)
    const { choices } = await client.chat.completions.create(withTools([mcp()]))
    expect(choices[0]!.message.content).toBe('It is sunny.')
    const [, assistant, result] = turn(1).messages
    expect(result!.content).toContain(words)
    expect(assistant).toMatchObject({ tool_calls: [{ function: { arguments: '{}' } }] })
    expect(calls).toEqual([])
  })

  test.each([false, true])('a model that never stops calling is asked ten times (streamed: %s)', async (stream) => {
    models.script(model({ says: 'Again.', calls: [[now, { city: 'Rome' }]] }))
    const { choices } = stream
      ? await client.chat.completions.stream(streamedWith([mcp()])).finalChatCompletion()
      : await client.chat.completions.create(withTools([mcp()]))
    expect(models.arrived).toHaveLength(10)
    expect(turn(9).tool_choice).toBe('none')
    expect(choices[0]).toMatchObject({ finish_reason: 'length' })
    expect(choices[0]!.message.tool_calls ?? []).toEqual([])
    expect(fieldsOf(choices[0]!.message)?.tool_loop).toEqual({ end: 'turns', turns: 10 })
  })

  test.each([false, true])('a client that leaves ends the tool it waits for (streamed: %s)', async (stream) => {
    models.script(model({ says: 'Wait.', calls: [['weather-weather_hang']] }), done)
    const leaving = new AbortController()
    const body = stream ? streamedWith([mcp()]) : withTools([mcp()])
    const asking = client.chat.completions.create(body as typeof question, { signal: leaving.signal })
    asking.catch(() => {})
    await expect.poll(() => calls).toEqual(['hang'])
    leaving.abort()
    await expect.poll(() => hanging).toBe(0)
    expect(models.arrived).toHaveLength(1)
  })

  test('a client that leaves ends the work of the model', async () => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }), { hangs: true, pieces: [' '] })
    const leaving = new AbortController()
    client.chat.completions.create(withTools([mcp()]), { signal: leaving.signal }).catch(() => {})
    await expect.poll(() => models.arrived.length).toBe(2)
    leaving.abort()
    await models.arrived[1]!.abandoned
  })

  test.each([
    ['that it names', { guardrails: ['no-capitals'] }, 'Blocked by the guardrail no-capitals', []],
    ['but not those that it does not name', {}, 'now: sunny in Paris', ['now']],
  ])('its tools are judged by guardrails %s', async (_, more, told, made) => {
    for (const ask of [
      () => client.chat.completions.create(withTools([mcp()], more)),
      async () => Array.fromAsync(await client.chat.completions.create(streamedWith([mcp()], more))),
    ]) {
      calls.length = 0
      models.script(model({ calls: [[now, { city: 'Paris' }]] }), done)
      await ask()
      expect(turn(1).messages.at(-1)!.content).toContain(told)
      expect(calls).toEqual(made)
    }
  })

  test('a guardrail blocks what a tool gave', async () => {
    models.script(model({ calls: [[now, { city: 'a forbidden place' }]] }), done)
    const error = await refusal(client.chat.completions.create(withTools([mcp()])))
    expect(error).toMatchObject({ status: 400, code: 'guardrail_blocked' })
    expect(models.arrived).toHaveLength(1)
  })

  test('a budget that runs out in between ends it', async () => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
    const error = await refusal(openaiClient(gateway, 'sk-poor').chat.completions.create(withTools([mcp()])))
    expect(error).toMatchObject({ status: 429, code: 'budget_exceeded' })
    expect(models.arrived).toHaveLength(1)
  })

  test('a key with one call at a time has enough of them', async () => {
    models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
    const { choices } = await openaiClient(gateway, 'sk-one').chat.completions.create(withTools([mcp()]))
    expect(choices[0]!.message.content).toBe('It is sunny.')
  })

  test('a model without tools is the vendor’s error', async () => {
    models.script({ status: 400, body: { error: { message: 'This model has no tools.', param: 'tools' } } })
    expect(await refusal(client.chat.completions.create(withTools([mcp()])))).toMatchObject({
      status: 400,
      param: 'tools',
    })
    const speech = client.chat.completions.create(withTools([mcp()], { model: 'speech' }))
    expect(await refusal(speech)).toMatchObject({ status: 400, code: 'unsupported_operation' })
  })

  test('a vendor that fails in the second turn is an event of the stream', async () => {
    models.script(model({ says: 'Wait.', calls: [[now, { city: 'Rome' }]] }), { status: 503, body: {} })
    const stream = await client.chat.completions.create(streamedWith([mcp()]))
    const read = async () => {
      for await (const _chunk of stream);
    }
    await expect(read()).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('a stream that breaks off in the second turn is an error', async () => {
    const piece = `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'It' } }] })}\n\n`
    models.script(model({ says: 'Wait.', calls: [[now, { city: 'Rome' }]] }), {
      ...{ headers: { 'content-type': 'text/event-stream' }, pieces: [piece], dies: true },
    })
    const stream = await client.chat.completions.create(streamedWith([mcp()]))
    const read = async () => {
      for await (const _chunk of stream);
    }
    await expect(read()).rejects.toMatchObject({ code: 'upstream_unreachable' })
  })
})

test('a gateway that stops lets a chat with tools end', async () => {
  const other = await startGateway(`
model_list: [{model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${models.url}, api_key: sk-secret}}]
mcp_servers: {weather: {url: "${houses[0]!.url}/mcp", transport: http}}`)
  const [called, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  arrived.set('Rome', () => {
    called.resolve()
    return answer.promise
  })
  models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
  const asking = openaiClient(other).chat.completions.create(withTools([mcp()]))
  await called.promise
  const stopping = other.stop(5_000)
  answer.resolve()
  const { choices } = await asking
  expect(choices[0]!.message.content).toBe('It is sunny.')
  await stopping
})

test('a model is offered the tools that fit what its user wants', async () => {
  const other = await startGateway(`
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${models.url}, api_key: sk-secret}}
  - {model_name: meaning, litellm_params: {model: openai/text-embedding-3-small, api_base: ${models.url}, api_key: sk-secret}}
mcp_servers:
  weather: {url: "${houses[0]!.url}/mcp", transport: http}
  mail: {url: "${houses[1]!.url}/mcp", transport: http}
litellm_settings: {mcp_semantic_tool_filter: {enabled: true, embedding_model: meaning, top_k: 1}}`)
  const meaningOf = (text: string) => (/mail|letter/.test(text) ? [1, 0] : [0, 1])
  models.script((request) => {
    if (!request.path.endsWith('/embeddings')) return done(request)
    const { input } = JSON.parse(request.text) as { input: readonly string[] | string }
    const data = [input].flat().map((text, index) => ({ object: 'embedding', index, embedding: meaningOf(text) }))
    return { body: { object: 'list', model: 'm', data, usage: { prompt_tokens: 1, total_tokens: 1 } } }
  })
  const messages = [{ role: 'user', content: 'Send a letter.' }]
  const asking = openaiClient(other)
    .chat.completions.create(withTools([mcp()], { messages }))
    .withResponse()
  const { response } = await asking
  expect(toolNames(asked(models.arrived.at(-1)!.text))).toEqual(['mail-mail_send'])
  expect(response.headers.get('x-litellm-semantic-filter')).toBe('4->1')
  await other.stop(1_000)
})

test.each([false, true])('each turn is a call of its own in what was spent (streamed: %s)', async (stream) => {
  models.script(model({ calls: [[now, { city: 'Rome' }]] }), done)
  const user = `spender-${stream}`
  const request = (stream ? streamedWith : withTools)([mcp()], { user }) as typeof question
  const answer = await client.chat.completions.create(request)
  if (stream) for await (const _chunk of answer as unknown as AsyncIterable<unknown>);
  const logs = async (): Promise<readonly JsonObject[]> => {
    const headers = { authorization: `Bearer ${MASTER_KEY}` }
    return (await (await fetch(`${gateway.url}/spend/logs?end_user=${user}`, { headers })).json()).data
  }
  const spent = async () => (await logs()).map(({ call_type: kind, spend }) => `${kind} ${spend}`).sort()
  await expect.poll(spent).toEqual(['chat 0.14', 'chat 0.14', 'tool 0'])
  expect(new Set((await logs()).map(({ trace_id: trace }) => trace)).size).toBe(1)
})
