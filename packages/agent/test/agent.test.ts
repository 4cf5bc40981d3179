import { GatewayError, type JsonObject, type Log } from '@tianjillm/core'
import { describe, expect, test } from 'vitest'
import { type AgentEvent, type AgentSpan, agentErrorCode, createAgent, createMemorySessions } from '../src/index.ts'
import { actor, answering, call, calls, kitOf, type Script, text } from './support.ts'

const sum = kitOf({ 'maths-add': async ({ a, b }) => text(String(Number(a) + Number(b))) })
const adding = [call('maths-add', { a: 1, b: 2 }), 'It is 3.']

/** What a promise is rejected with, in the agent's words. */
async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof GatewayError)) throw error
  return { code: agentErrorCode(error), message: error.message, status: error.status, details: error.facts.details }
}

describe('a query', () => {
  test('is answered by a model that uses tools', async () => {
    const model = actor('openai', adding)
    const agent = await createAgent({ providers: [model], mcp: sum })
    expect(await agent.query('What is 1 plus 2?')).toMatchObject({
      content: 'It is 3.',
      toolCalls: [
        {
          ...{ id: 'call_0_0', toolName: 'maths-add', server: 'maths', arguments: { a: 1, b: 2 } },
          ...{ result: text('3'), error: undefined },
        },
      ],
      ...{ providerUsed: 'openai', model: 'openai-model', end: 'answer' },
      attempts: [{ provider: 'openai', model: 'openai-model' }],
      usage: { total_tokens: expect.any(Number) },
      ...{ id: expect.any(String), sessionId: expect.any(String), durationMs: expect.any(Number) },
    })
    const [first, second] = model.asked
    expect(first!.messages.map(({ role }) => role)).toEqual(['system', 'user'])
    expect(first!.tools).toEqual([
      {
        type: 'function',
        function: { name: 'maths-add', description: 'Does maths-add.', parameters: { type: 'object' } },
      },
    ])
    expect(second!.messages.at(-1)).toEqual({
      ...{ role: 'tool', tool_call_id: 'call_0_0' },
      content: '<tool_output tool="maths-add">\n3\n</tool_output>',
    })
  })

  test.each([
    ['nothing', ''],
    ['blanks', ' \n\t '],
    ['control characters', '\u0000\u001b\u0085'],
    ['too much', 'x'.repeat(4_001)],
    ['no text', 42 as unknown as string],
  ])('of %s is refused before anybody is asked', async (_, query) => {
    const model = actor('openai', 'Hi.')
    const agent = await createAgent({ providers: [model] })
    expect(await failureOf(agent.query(query))).toMatchObject({ code: 'INVALID_QUERY', status: 400 })
    expect(model.asked).toEqual([])
  })

  test('tells what happens as it happens', async () => {
    const agent = await createAgent({ providers: [actor('openai', adding)], mcp: sum })
    const events: AgentEvent[] = []
    await agent.query('1 + 2?', { onEvent: (event) => void events.push(event) })
    const facts = { id: 'call_0_0', toolName: 'maths-add', server: 'maths', arguments: { a: 1, b: 2 } }
    expect(events).toEqual([
      { type: 'step', turn: 1, provider: 'openai', model: 'openai-model' },
      { type: 'tool_call', turn: 1, ...facts },
      { type: 'tool_result', turn: 1, ...facts, result: text('3'), error: undefined, durationMs: expect.any(Number) },
      { type: 'step', turn: 2, provider: 'openai', model: 'openai-model' },
      { type: 'delta', turn: 2, text: 'It' },
      { type: 'delta', turn: 2, text: ' is' },
      { type: 'delta', turn: 2, text: ' 3.' },
    ])
  })

  test('ends when what happens cannot be told, with no further provider asked', async () => {
    const other = actor('other', 'Hi.')
    const agent = await createAgent({ providers: [actor('openai', 'One two'), other] })
    const onEvent = ({ type }: AgentEvent) => {
      if (type === 'delta') throw new Error('The socket is closed.')
    }
    expect(await failureOf(agent.query('Hi', { onEvent }))).toMatchObject({ status: 499 })
    expect(other.asked).toEqual([])
  })

  test('ends at once when nobody waits, whether the model heeds that or not', async () => {
    const controller = new AbortController()
    const deaf = answering('deaf', () => {
      controller.abort()
      return new Promise(() => {})
    })
    const agent = await createAgent({ providers: [deaf, actor('other', 'Hi.')] })
    const failure = await failureOf(agent.query('Hi', { signal: controller.signal }))
    expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', status: 499 })
  })

  test('ends when its time is over', async () => {
    const agent = await createAgent({
      providers: [answering('deaf', () => new Promise(() => {}))],
      limits: { queryTime: 30 },
    })
    expect(await failureOf(agent.query('Hi'))).toMatchObject({ code: 'TIMEOUT', status: 504 })
  })

  test('that takes too many turns is told to be answered with what is known, and says so when it is not', async () => {
    const model = actor('openai', [call('maths-add', { a: 1 })])
    const agent = await createAgent({ providers: [model], mcp: sum, limits: { turns: 3 } })
    const { content, end } = await agent.query('Count')
    expect({ content, end }).toEqual({
      content: '[This answer is not complete: the model was asked as often as it may be.]',
      end: 'turns',
    })
    expect(model.asked.map(({ tool_choice }) => tool_choice)).toEqual([undefined, undefined, 'none'])
  })
})

describe('tools', () => {
  test('of one turn run side by side', async () => {
    const meeting = Promise.withResolvers<void>()
    const tools = kitOf({
      'a-wait': async () => meeting.promise.then(() => text('a')),
      'b-free': async () => {
        meeting.resolve()
        return text('b')
      },
    })
    const agent = await createAgent({ providers: [actor('openai', [calls('a-wait', 'b-free'), 'Done.'])], mcp: tools })
    const { toolCalls } = await agent.query('Go')
    expect(toolCalls.map(({ result }) => result)).toEqual([text('a'), text('b')])
  })

  const outcomeOf = async (script: Script, tools: ReturnType<typeof kitOf>) => {
    const model = actor('openai', script)
    const agent = await createAgent({ providers: [model], mcp: tools, limits: { callTime: 20 } })
    const { toolCalls, content } = await agent.query('Go')
    return { error: toolCalls[0]!.error, content, read: model.asked[1]!.messages.at(-1)!.content, called: tools.called }
  }

  test('whose server is away are told to the model as the result', async () => {
    const away = () => Promise.reject(new GatewayError('upstream_unreachable', 'MCP server unavailable: db'))
    const { error, read, content } = await outcomeOf([call('db-find'), 'I cannot.'], kitOf({ 'db-find': away }))
    expect(error).toEqual({ code: 'CONNECTION_FAILED', message: 'MCP server unavailable: db' })
    expect(read).toContain('MCP server unavailable: db')
    expect(content).toBe('I cannot.')
  })

  test.each([
    ['fail', async () => text('no such table', true), 'EXECUTION_ERROR', 'no such table'],
    ['never answer', () => new Promise<JsonObject>(() => {}), 'TIMEOUT', 'no answer within 0.02 s.'],
    ['make a mistake', () => Promise.reject(new Error('password=1')), 'EXECUTION_ERROR', 'it made a mistake.'],
  ])('that %s are told likewise', async (_, run, code, message) => {
    const { error, read } = await outcomeOf([call('db-find'), 'Sorry.'], kitOf({ 'db-find': run }))
    expect(error).toEqual({ code, message })
    expect(read).toContain(message)
  })

  test('that are not there are told likewise', async () => {
    const { error, read } = await outcomeOf([call('db-fnd'), 'Sorry.'], kitOf({ 'db-find': async () => text('') }))
    expect(error).toMatchObject({ code: 'TOOL_NOT_FOUND' })
    expect(read).toContain('Did you mean db-find?')
  })

  test('never get arguments that do not fit their schemas', async () => {
    const inputSchema = { type: 'object', properties: { table: { type: 'string' } }, required: ['table'] }
    const tools = kitOf({ 'db-find': [{ inputSchema }, async () => text('')] })
    const { error, read, called } = await outcomeOf([call('db-find', { table: 1 }), 'Sorry.'], tools)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENTS' })
    expect(read).toContain('table')
    expect(called).toEqual([])
  })

  test('whose schema is none judge themselves', async () => {
    const inputSchema = { type: 'object', properties: { a: { type: 'nonsense' } } }
    const tools = kitOf({ 'db-find': [{ inputSchema }, async () => text('fine')] })
    expect(await outcomeOf([call('db-find', { a: 1 }), 'Done.'], tools)).toMatchObject({ error: undefined })
  })

  test('may give more than a model reads; the record has all of it', async () => {
    const all = 'x'.repeat(5_000)
    const model = actor('openai', [call('db-find'), 'Done.'])
    const mcp = kitOf({ 'db-find': async () => text(all) })
    const agent = await createAgent({ providers: [model], mcp, limits: { resultLength: 100 } })
    const { toolCalls } = await agent.query('Go')
    expect(toolCalls[0]!.result).toEqual(text(all))
    expect(model.asked[1]!.messages.at(-1)!.content).toMatch(/x{100}\n\[Cut: these are the first 100 of 5000/)
  })

  const mixed = kitOf({
    'a-one': [{ transport: 'stdio' }, async () => text('')],
    'b-one': [{ transport: 'sse' }, async () => text('')],
  })
  const namesOf = (tools: readonly { readonly name: string }[]) => tools.map(({ name }) => name)

  test('can be those of one transport, and of those that are not switched off', async () => {
    const model = actor('openai', 'Hi.')
    const agent = await createAgent({ providers: [model], mcp: mixed, transports: { stdio: false } })
    await agent.query('Go')
    expect(model.asked[0]!.tools?.map((tool) => tool.function.name)).toEqual(['b-one'])
    expect(namesOf(await agent.tools())).toEqual(['b-one'])
    const other = await createAgent({ providers: [model], mcp: mixed })
    expect(namesOf(await other.tools({ transport: 'stdio' }))).toEqual(['a-one'])
    const refused = [agent.query('Go', { transport: 'stdio' }), agent.query('Go', { transport: 'tcp' as 'sse' })]
    expect(await Promise.all(refused.map(failureOf))).toMatchObject([
      { code: 'TRANSPORT_ERROR', message: 'The transport stdio is switched off. There are: sse, http.' },
      { code: 'TRANSPORT_ERROR', message: 'There is no transport "tcp". There are: sse, http.' },
    ])
  })

  test('that cannot be used now are named to the model', async () => {
    const model = actor('openai', 'Hi.')
    const agent = await createAgent({ providers: [model], mcp: { ...mixed, unavailable: () => ['crm'] } })
    await agent.query('Go')
    expect(model.asked[0]!.messages[0]!.content).toContain('cannot be used now: crm.')
  })

  test('are logged with what was called, without secrets, and with what else may have been meant', async () => {
    const lines: unknown[] = []
    const keep = (message: string, facts: unknown) => void lines.push([message, facts])
    const log: Log = { debug: keep, info: keep, warn: keep, error: keep }
    const model = actor('openai', [call('a-one', { api_key: 'sk-1', table: 't' }), 'Done.'])
    const agent = await createAgent({ providers: [model], mcp: mixed, log })
    const { id } = await agent.query('Go')
    expect(lines).toEqual([
      ['Several tools could have been meant.', { query: id, tool: 'a-one', candidates: ['a-one', 'b-one'] }],
      [
        'tool call',
        {
          ...{ query: id, tool: 'a-one', server: 'a', outcome: 'ok', size: 39, ms: expect.any(Number) },
          arguments: { api_key: '[redacted]', table: 't' },
        },
      ],
    ])
  })
})

test('a tool that a query could not wait for is logged as well', async () => {
  const lines: unknown[] = []
  const keep = (message: string, facts: unknown) => void lines.push([message, facts])
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep }
  const controller = new AbortController()
  const hanging = kitOf({
    'a-hang': () => {
      controller.abort()
      return new Promise(() => {})
    },
  })
  const model = actor('openai', [call('a-hang', { token: 'sk-1', table: 't' }), 'Done.'])
  const agent = await createAgent({ providers: [model], mcp: hanging, log })
  await expect(agent.query('Go', { signal: controller.signal })).rejects.toMatchObject({ kind: 'client_closed' })
  const line = { tool: 'a-hang', server: 'a', outcome: 'unfinished', arguments: { token: '[redacted]', table: 't' } }
  expect(lines).toEqual([['tool call', expect.objectContaining(line)]])
})

describe('a provider that fails', () => {
  test('has the next one asked with the same conversation, and both are told', async () => {
    const failing = actor('openai', [call('maths-add', { a: 1, b: 2 }), 'litellm.ServiceUnavailableError'])
    const other = actor('huawei_maas', adding)
    const agent = await createAgent({ providers: [failing, other], mcp: sum })
    const { content, providerUsed, attempts } = await agent.query('1 + 2?')
    expect({ content, providerUsed, attempts }).toEqual({
      ...{ content: 'It is 3.', providerUsed: 'huawei_maas' },
      attempts: [
        {
          ...{ provider: 'openai', model: 'openai-model', durationMs: expect.any(Number) },
          error: 'mock: This is a mock litellm.ServiceUnavailableError.',
        },
        { provider: 'huawei_maas', model: 'huawei_maas-model', durationMs: expect.any(Number) },
      ],
    })
    expect(other.asked).toHaveLength(1)
    expect(other.asked[0]!.messages).toEqual(failing.asked[1]!.messages)
  })

  test.each(['litellm.AuthenticationError', 'litellm.RateLimitError', 'litellm.NotFoundError', 'litellm.Timeout'])(
    'by %s is no end',
    async (failure) => {
      const agent = await createAgent({ providers: [actor('a', failure), actor('b', 'Hi.')] })
      expect(await agent.query('Hi')).toMatchObject({ content: 'Hi.', providerUsed: 'b' })
    },
  )

  test('because of what was asked is the end', async () => {
    const other = actor('b', 'Hi.')
    const agent = await createAgent({ providers: [actor('a', 'litellm.ContextWindowExceededError'), other] })
    expect(await failureOf(agent.query('Hi'))).toMatchObject({ code: 'INVALID_QUERY', status: 400 })
    expect(other.asked).toEqual([])
  })

  test('as all others do is told with all attempts', async () => {
    const providers = [actor('a', 'litellm.RateLimitError'), answering('b', () => Promise.reject(new Error('key=1')))]
    const agent = await createAgent({ providers })
    expect(await failureOf(agent.query('Hi'))).toEqual({
      ...{ code: 'PROVIDER_UNAVAILABLE', status: 503 },
      message: 'No provider answered. a: mock: This is a mock litellm.RateLimitError. b: it made a mistake.',
      details: {
        attempts: [
          expect.objectContaining({ provider: 'a', error: 'mock: This is a mock litellm.RateLimitError.' }),
          expect.objectContaining({ provider: 'b', error: 'it made a mistake.' }),
        ],
      },
    })
  })

  test('to answer in half of the time is given up for the next', async () => {
    const deaf = answering('deaf', () => new Promise(() => {}))
    const agent = await createAgent({ providers: [deaf, actor('b', 'Hi.')], limits: { queryTime: 1_000 } })
    expect(await agent.query('Hi')).toMatchObject({
      content: 'Hi.',
      attempts: [{ provider: 'deaf' }, { provider: 'b' }],
    })
  })

  test('in the middle of a stream has its turn begun anew by the next', async () => {
    const broken = answering('a', async function* () {
      yield { choices: [{ index: 0, delta: { content: 'It wa' }, finish_reason: null }] }
      throw new GatewayError('upstream_unreachable', 'a: the stream broke.')
    })
    const agent = await createAgent({ providers: [broken, actor('b', 'Hi.')] })
    const events: unknown[] = []
    const { content } = await agent.query('Hi', {
      onEvent: (event) => void events.push('text' in event ? event.text : [event.type, event.turn]),
    })
    expect(content).toBe('Hi.')
    expect(events).toEqual([['step', 1], 'It wa', ['step', 1], 'Hi.'])
  })

  test('is not the first to be asked when another is wanted, by the query or by its session', async () => {
    const agent = await createAgent({ providers: [actor('a', 'I am a.'), actor('b', 'I am b.')] })
    expect((await agent.query('Who?', { provider: 'b', model: 'large' })).attempts).toMatchObject([
      { provider: 'b', model: 'large' },
    ])
    const { id } = await agent.createSession({ providerPreference: 'b' })
    expect((await agent.query('Who?', { sessionId: id })).content).toBe('I am b.')
    expect((await agent.query('Who?', { sessionId: id, provider: 'a' })).content).toBe('I am a.')
  })

  test('may not be there at all', async () => {
    const agent = await createAgent({ providers: [actor('a', 'Hi.'), actor('b', 'Hi.')] })
    const message = 'There is no provider "c". There are: a, b.'
    const expected = { code: 'PROVIDER_UNAVAILABLE', message, status: 400 }
    expect(await failureOf(agent.query('Hi', { provider: 'c' }))).toMatchObject(expected)
    expect(await failureOf(agent.createSession({ providerPreference: 'c' }))).toMatchObject(expected)
    expect(await failureOf(agent.query('Hi', { providers: [] }))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' })
  })
})

describe('a session', () => {
  test('goes on with what was said and done in it', async () => {
    const model = actor('openai', adding)
    const agent = await createAgent({ providers: [model], mcp: sum })
    const { sessionId } = await agent.query('1 + 2?')
    await agent.query('Really?', { sessionId })
    const toolCalls = [expect.objectContaining({ id: 'call_0_0' })]
    expect(model.asked[2]!.messages.slice(1)).toEqual([
      { role: 'user', content: '1 + 2?' },
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'call_0_0', content: expect.stringContaining('\n3\n') },
      { role: 'assistant', content: 'It is 3.' },
      { role: 'user', content: 'Really?' },
    ])
    expect((await agent.session('', sessionId)).messages).toHaveLength(8)
  })

  test("is its owner's alone", async () => {
    const agent = await createAgent({ providers: [actor('openai', 'Hi.')] })
    const { sessionId } = await agent.query('Hi', { owner: 'me' })
    const others = [
      agent.query('Hi', { sessionId, owner: 'you' }),
      agent.session('you', sessionId),
      agent.deleteSession('you', sessionId),
    ]
    for (const failure of await Promise.all(others.map(failureOf)))
      expect(failure).toMatchObject({ code: 'SESSION_NOT_FOUND', status: 404 })
    await agent.deleteSession('me', sessionId)
    expect(await failureOf(agent.session('me', sessionId))).toMatchObject({ code: 'SESSION_NOT_FOUND' })
  })

  test('is gone when it was left alone for an hour', async () => {
    let now = 0
    const agent = await createAgent({ providers: [actor('openai', 'Hi.')], now: () => now })
    const { id } = await agent.createSession()
    now = 3_600_000
    await agent.query('Hi', { sessionId: id })
    now = 7_200_001
    expect(await failureOf(agent.query('Hi', { sessionId: id }))).toMatchObject({ code: 'SESSION_NOT_FOUND' })
  })

  test('has queries at the same time follow each other', async () => {
    const model = actor('openai', 'Hi.')
    const agent = await createAgent({ providers: [model] })
    const { id: sessionId } = await agent.createSession()
    await Promise.all(['one', 'two', 'three'].map((query) => agent.query(query, { sessionId })))
    expect(model.asked.map(({ messages }) => messages.filter(({ role }) => role === 'user').length)).toEqual([1, 2, 3])
  })

  test('that another process has gone on with in the meantime keeps what both said', async () => {
    const store = createMemorySessions({ now: () => Date.now(), idle: 60_000 })
    const other = await createAgent({ providers: [actor('other', 'Two.')], store })
    const slow = answering('slow', async (request, settings) => {
      await other.query('two', { sessionId })
      return actor('slow', 'One.').chat(request, settings)
    })
    const agent = await createAgent({ providers: [slow], store })
    const { id: sessionId } = await agent.createSession()
    await agent.query('one', { sessionId })
    const { messages, version } = await agent.session('', sessionId)
    expect(messages.map(({ content }) => content)).toEqual(['two', 'Two.', 'one', 'One.'])
    expect(version).toBe(3)
  })

  test('that fails keeps nothing', async () => {
    const agent = await createAgent({ providers: [actor('openai', 'litellm.InternalServerError')] })
    const { id: sessionId } = await agent.createSession()
    await failureOf(agent.query('Hi', { sessionId }))
    expect((await agent.session('', sessionId)).messages).toEqual([])
  })

  test('has as many messages as it wants, and a context that models are told', async () => {
    const model = actor('openai', 'Hi.')
    const agent = await createAgent({ providers: [model] })
    const { id: sessionId } = await agent.createSession({ maxMessages: 4, context: { shop: 'Bern' } })
    for (const query of ['one', 'two', 'three']) await agent.query(query, { sessionId })
    expect((await agent.session('', sessionId)).messages.map(({ content }) => content)).toEqual([
      ...['two', 'Hi.', 'three', 'Hi.'],
    ])
    expect(model.asked[0]!.messages[0]!.content).toContain('{"shop":"Bern"}')
  })

  test.each([
    ['no messages', { maxMessages: 0 }],
    ['too many messages', { maxMessages: 101 }],
    ['one message and a half', { maxMessages: 1.5 }],
    ['a context that is too long', { context: { a: 'x'.repeat(20_000) } }],
  ])('is not begun with %s', async (_, options) => {
    const agent = await createAgent({ providers: [actor('openai', 'Hi.')] })
    expect(await failureOf(agent.createSession(options))).toMatchObject({ code: 'INVALID_QUERY' })
  })
})

describe('a trace', () => {
  const traced = async (script: Script) => {
    const traces: (readonly AgentSpan[])[] = []
    const trace = (spans: readonly AgentSpan[]) => void traces.push(spans)
    const agent = await createAgent({ providers: [actor('openai', script)], mcp: sum, trace })
    await agent.query('1 + 2?').catch(() => {})
    expect(traces).toHaveLength(1)
    return traces[0]!
  }

  test('has the query, and in it all that models and tools were asked, in OpenTelemetry words', async () => {
    const [query, ...parts] = await traced(adding)
    expect(query).toMatchObject({
      ...{ name: 'invoke_agent tianji', kind: 'internal', parentSpanId: undefined, isError: false },
      attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.provider.name': 'openai' },
    })
    expect(query!.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(parts.map(({ name }) => name)).toEqual(['chat openai-model', 'execute_tool maths-add', 'chat openai-model'])
    for (const part of parts)
      expect(part).toMatchObject({ traceId: query!.traceId, parentSpanId: query!.spanId, isError: false })
    expect(parts[0]!.attributes).toMatchObject({
      'gen_ai.request.model': 'openai-model',
      'gen_ai.response.finish_reasons': ['tool_calls'],
      'gen_ai.usage.input_tokens': expect.any(Number),
    })
    expect(parts[1]!.attributes).toMatchObject({ 'gen_ai.tool.name': 'maths-add', 'gen_ai.tool.call.id': 'call_0_0' })
  })

  test('says what failed', async () => {
    const [query, chat] = await traced('litellm.RateLimitError')
    expect(query).toMatchObject({ isError: true, attributes: { 'error.type': 'upstream_error' } })
    expect(chat).toMatchObject({ isError: true, attributes: { 'error.type': 'rate_limited' } })
  })
})
