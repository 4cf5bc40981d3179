import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asked, model, type Scene } from '../tool-scripts.ts'
import { answered, told } from './answer.ts'
import { type Stage, setStage, stageOfTest, transports } from './stage.ts'

describe.each(transports)('a question about a database over %s', (transport) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await setStage({ transport, agent: { tool_timeout: 2 } })
  })
  afterAll(() => stage.close())

  const script = (...scenes: readonly Scene[]) => stage.vendors.openai.script(...scenes.map(model))
  const turn = (index: number) => asked(stage.vendors.openai.arrived[index]!.text)
  const readByModel = (index: number) => turn(index).messages.findLast(({ role }) => role === 'tool')!.content as string
  const ask = async (content: string) => answered(await stage.ask('/api/query', { content }))
  const sales =
    'SELECT name, SUM(total) AS spent FROM orders JOIN customers c ON c.id = customer_id GROUP BY 1 ORDER BY 2 DESC'

  test('finds the tools of the server', async () => {
    const list = await (await stage.ask('/api/tools')).json()
    expect(list).toMatchObject({ count: 6, transport_types: expect.arrayContaining([transport]) })
    expect(list.tools).toContainEqual({
      name: 'default-query',
      description: expect.stringContaining('Rows of a query.'),
      input_schema: expect.objectContaining({ type: 'object', required: ['sql'] }),
      ...{ server: 'default', transport },
    })
    const others = transports.filter((other) => other !== transport)
    for (const other of others)
      expect(await (await stage.ask(`/api/tools?transport=${other}`)).json()).toMatchObject({ count: 0, tools: [] })
  })

  test('is answered with what a tool says', async () => {
    script({ calls: [['default-query', { sql: sales }]] }, { says: 'Tanglefoot has spent most: 4799.25.' })
    const answer = await ask('Which customer has spent most?')
    expect(answer).toMatchObject({
      content: 'Tanglefoot has spent most: 4799.25.',
      tool_calls: [{ tool_name: 'default-query', server: 'default', arguments: { sql: sales }, error: null }],
      ...{ provider_used: 'openai', model: 'gpt-4o' },
      usage: { prompt_tokens: 20, completion_tokens: 4, total_tokens: 24 },
    })
    expect(answer.tool_calls[0]!.result.content[0]!.text).toContain('{"name":"Tanglefoot","spent":4799.25}')
    expect(answer.query_id).toBe(answer.id)
    expect(answer.duration_ms).toBeGreaterThanOrEqual(answer.tool_calls[0]!.duration_ms)
    expect(readByModel(1)).toContain('{"name":"Tanglefoot","spent":4799.25}')
    expect(turn(0).tools?.map(({ function: { name } }) => name)).toContain('default-list_tables')
  })

  test('is answered with what tools say one after the other', async () => {
    script(
      { calls: [['default-list_tables']] },
      { calls: [['default-query', { sql: 'SELECT COUNT(*) AS n FROM orders' }]] },
      { says: 'There are customers and orders, four of them.' },
    )
    const { tool_calls: calls, content } = await ask('What is in there?')
    expect(calls.map(({ tool_name: name }) => name)).toEqual(['default-list_tables', 'default-query'])
    expect([readByModel(1), readByModel(2)]).toEqual([
      expect.stringContaining('[{"name":"customers"},{"name":"orders"}]'),
      expect.stringContaining('[{"n":4}]'),
    ])
    expect(content).toBe('There are customers and orders, four of them.')
  })

  test('has the tools of one turn called side by side', async () => {
    script(
      {
        calls: [
          ['default-meet', { who: 'Ada' }],
          ['default-meet', { who: 'Bob' }],
        ],
      },
      { says: 'They met.' },
    )
    const { tool_calls: calls } = await ask('Do they meet?')
    expect(calls.map(({ result }) => result.content[0]!.text)).toEqual(['Ada met another.', 'Bob met another.'])
  })

  test('is answered with the limitation when a tool fails', async () => {
    script(
      { calls: [['default-query', { sql: 'SELECT * FROM secrets' }]] },
      { says: 'There is no table of that name.' },
    )
    const answer = await ask('What are the secrets?')
    expect(answer).toMatchObject({
      content: 'There is no table of that name.',
      tool_calls: [
        { error: { code: 'EXECUTION_ERROR', message: 'no such table: secrets' }, result: { isError: true } },
      ],
    })
    expect(readByModel(1)).toContain('no such table: secrets')
  })

  test('is answered although the model calls a tool that is not there, and one with wrong arguments', async () => {
    script({ calls: [['default-nothing'], ['default-query', { statement: 1 }]] }, { says: 'I was mistaken.' })
    const { tool_calls: calls, content } = await ask('What is in there?')
    expect(calls.map(({ error }) => error?.code)).toEqual(['TOOL_NOT_FOUND', 'INVALID_ARGUMENTS'])
    expect(content).toBe('I was mistaken.')
  })

  test('is answered although a tool takes too long', async () => {
    script({ calls: [['default-wait'], ['default-list_tables']] }, { says: 'It took too long.' })
    const { tool_calls: calls, content } = await ask('How long will it take?')
    expect(calls.map(({ error }) => error?.code ?? null)).toEqual(['TIMEOUT', null])
    expect(content).toBe('It took too long.')
  })

  test('is answered although a result is longer than a model can read', async () => {
    script({ calls: [['default-dump']] }, { says: 'It is long.' })
    const { tool_calls: calls } = await ask('What is in all pages?')
    expect(calls[0]!.result.content[0]!.text).toHaveLength(200_000)
    expect(readByModel(1).length).toBeLessThan(100_000)
  })

  test('is answered in events', async () => {
    script({ says: 'Let me see.', calls: [['default-query', { sql: sales }]] }, { says: 'Tanglefoot has spent most.' })
    const events = await told(await stage.ask('/api/query', { content: 'Who has spent most?', stream: true }))
    const kinds = events.map(({ type }) => type)
    expect(kinds.filter((type, index) => type !== kinds[index - 1])).toEqual([
      ...['step', 'delta', 'tool_call', 'tool_result', 'step', 'delta', 'done'],
    ])
    const text = (from: number) => events.slice(from).flatMap(({ type, data }) => (type === 'delta' ? data.text : []))
    expect(text(kinds.lastIndexOf('step')).join('')).toBe('Tanglefoot has spent most.')
    expect(events.find(({ type }) => type === 'tool_call')!.data).toMatchObject({ tool_name: 'default-query' })
    expect(events.at(-1)!.data).toMatchObject({
      content: 'Tanglefoot has spent most.',
      tool_calls: [{ tool_name: 'default-query', server: 'default', error: null }],
    })
  })

  test('is logged with the tools that were called, without its secrets', async () => {
    script({ calls: [['default-query', { sql: 'SELECT 4711', password: 'hunter2' }]] }, { says: 'No.' })
    const { id } = await ask('Anybody there?')
    await expect.poll(stage.log).toMatch(/"default-query".*SELECT 4711/)
    expect(stage.log()).not.toContain('hunter2')
    const lines = stage
      .log()
      .match(/^.*"tool call".*$/gm)!
      .map((line) => JSON.parse(line))
    expect(lines.filter(({ query }) => query === id)).toEqual([
      expect.objectContaining({
        ...{
          server: 'default',
          tool: 'default-query',
          outcome: 'ok',
          ms: expect.any(Number),
          size: expect.any(Number),
        },
        arguments: { sql: 'SELECT 4711', password: '[redacted]' },
      }),
    ])
    expect(lines.filter(({ query }) => query === undefined)).toEqual([])
  })

  // The last one: over SSE and HTTP the server does not come back.
  test('is answered although the connection is lost on the way', async () => {
    script({ calls: [['default-crash']] }, { says: 'The database is gone.' })
    const { tool_calls: calls, content } = await ask('Are you there?')
    expect(calls[0]!.error).toEqual({ code: 'CONNECTION_FAILED', message: 'MCP server unavailable: default' })
    expect(readByModel(1)).toContain('MCP server unavailable')
    expect(content).toBe('The database is gone.')
  })
})

test('a server over stdio that ended is started again for the next question', async () => {
  const stage = await stageOfTest({ transport: 'stdio' })
  const { openai } = stage.vendors
  openai.script(model({ calls: [['default-crash']] }), model({ says: 'It is gone.' }))
  await answered(await stage.ask('/api/query', { content: 'Are you there?' }))
  openai.script(model({ calls: [['default-list_tables']] }), model({ says: 'It is back.' }))
  const { tool_calls: calls } = await answered(await stage.ask('/api/query', { content: 'And now?' }))
  expect(calls[0]!.error).toBeNull()
})
