import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { folderWith, tianji } from '../tianji.ts'
import { asked, model } from '../tool-scripts.ts'

const root = resolve(import.meta.dirname, '../../../..')
const example = join(root, 'examples/database-agent')
const fromSource = '--conditions=@tianjillm/source'
const program = (path: string, ...args: readonly string[]) => [process.execPath, fromSource, join(root, path), ...args]
const database = program('packages/mcp/test/upstream/database-server.ts', 'stdio')

let openai: FakeUpstream
beforeAll(async () => {
  openai = await fakeUpstream()
})
afterAll(() => openai.close())
beforeEach(() => openai.script({ status: 500, body: { error: 'not asked' } }))

/** All that is known of models and tools. */
const environment = (command: readonly string[] = database) => ({
  ...{ OPENAI_API_KEY: 'sk-openai', OPENAI_BASE_URL: openai.url },
  MCP_SERVER_COMMAND: command.join(' '),
})

/** What a command comes to. */
async function run(args: readonly string[], surroundings: Parameters<typeof tianji>[1] = {}) {
  const running = tianji(args, surroundings)
  return { code: await running.exit, output: running.output(), errors: running.errors() }
}

describe('examples/database-agent', () => {
  test('answers the question of its README, without a key', async () => {
    const readme = readFileSync(join(example, 'README.md'), 'utf8')
    const [, file, question] = /npm start -- ask --config (\S+) "(.*)"/.exec(readme) ?? []
    const stand = program('apps/gateway/test/agent/staff-server.ts').map((word) => `'${word}'`)
    const folder = folderWith({ npx: `#!/bin/sh\nexec ${stand.join(' ')}\n` })
    chmodSync(join(folder, 'npx'), 0o755)
    const env = { PATH: `${folder}:${process.env.PATH}` }
    const { code, output, errors } = await run(['ask', '--config', join(root, file!), question!], { env })
    expect(output).toMatch(/^There are six tables: .*department.*\n.*I cannot say which one spent most.*136004\.\n$/)
    expect(errors).toMatch(/script, script\n(✓ database-search_objects .* ms\n){2}✓ database-execute_sql .* ms\n$/)
    expect(code).toBe(0)
  })
})

describe('tianji ask', () => {
  const calls = model({ calls: [['default-list_tables']] })
  const says = model({ says: 'Customers and orders.' })

  test('needs nothing but its environment, and prints what the API would answer', async () => {
    openai.script(calls, says)
    const { code, output } = await run(['ask', 'What', 'is in there?', '--json'], { env: environment() })
    expect(JSON.parse(output)).toMatchObject({
      content: 'Customers and orders.',
      tool_calls: [{ tool_name: 'default-list_tables', server: 'default', error: null }],
      provider_used: 'openai',
    })
    expect(asked(openai.arrived[0]!.text).messages.at(-1)).toMatchObject({ content: 'What is in there?' })
    expect(code).toBe(0)
  })

  test('goes on with a session of the database', async () => {
    const yaml = 'general_settings: {master_key: sk-master, database_url: "sqlite:data.db"}'
    const surroundings = { folder: folderWith({ 'proxy_config.yaml': yaml }), env: environment() }
    openai.script(calls, says)
    const first = await run(['ask', 'What is in there?'], surroundings)
    const [, session] = /--session (\S+)/.exec(first.errors) ?? []
    openai.script(model({ says: 'Two.' }))
    const second = await run(['ask', '--session', session!, 'How many are that?'], surroundings)
    expect([second.output, second.code]).toEqual(['Two.\n', 0])
    expect(asked(openai.arrived[0]!.text).messages.map(({ role }) => role)).toEqual([
      ...['system', 'user', 'assistant', 'tool', 'assistant', 'user'],
    ])
  })

  test('says why there can be no session', async () => {
    const session = crypto.randomUUID()
    const { code, errors } = await run(['ask', '--session', session, 'And now?'], { env: environment() })
    expect([code, errors]).toEqual([1, expect.stringMatching(/There is no session.*set general_settings.master_key/)])
  })

  test('says what failed, and as the API would', async () => {
    openai.script({ status: 401, body: { error: { message: 'Who are you?' } } })
    const { code, output, errors } = await run(['ask', 'Hi', '--json'], { env: environment() })
    expect([code, JSON.parse(output).error]).toEqual([1, 'PROVIDER_UNAVAILABLE'])
    expect(errors).toContain('refused the configured credentials')
    expect(errors + output).not.toContain('sk-openai')
  })

  test('says what to set when there is nobody to ask, and no server', async () => {
    const { code, errors } = await run(['ask', 'Hi'])
    expect([code, errors]).toEqual([1, expect.stringMatching(/MCP_SERVER_COMMAND[\s\S]*OPENAI_API_KEY/)])
  })

  test('goes on without a server that cannot be used, and says which', async () => {
    openai.script(says)
    const { code, output, errors } = await run(['ask', 'Hi'], { env: environment(['no-such-program']) })
    expect([code, output]).toEqual([0, 'Customers and orders.\n'])
    expect(errors).toContain('The MCP server default')
  })

  test.each([
    ['without a question', ['ask'], 'Which question?'],
    ['with an option that there is not', ['ask', 'Hi', '--sesion', 'x'], 'Did you mean --session?'],
    ['with a transport that there is not', ['ask', 'Hi', '--transport', 'pigeon'], 'stdio, sse, http'],
    ['with words that are no option', ['tools', 'all'], 'What is all?'],
  ])('ends with 2 %s', async (_name, args, words) => {
    const { code, output, errors } = await run(args)
    expect([code, output, errors]).toEqual([2, '', expect.stringContaining(words)])
  })

  test('ends at once when it is interrupted, with all that it started', async () => {
    const lines = createServer().listen(0, '127.0.0.1')
    await once(lines, 'listening')
    const { port } = lines.address() as AddressInfo
    const held = once(lines, 'connection')
    openai.script(model({ calls: [['default-spawn', { port }]] }), { hangs: true, pieces: [] })
    const command = program('packages/mcp/test/upstream/raw-server.ts')
    const running = tianji(['ask', 'Hi'], { env: environment(command) })
    const [line] = await held
    const ended = once(line, 'close')
    await expect.poll(() => openai.arrived.length).toBe(2)
    running.signal('SIGINT')
    expect([await running.exit, running.output()]).toEqual([130, ''])
    await ended
    lines.close()
  })
})

describe('tianji tools', () => {
  test('lists them, one a line', async () => {
    const { code, output } = await run(['tools'], { env: environment() })
    expect(output).toContain('default-list_tables  default, stdio  Names of the tables in the database.\n')
    expect(code).toBe(0)
  })

  test('lists them as the API does, and those of one transport alone', async () => {
    const all = await run(['tools', '--json'], { env: environment() })
    expect(JSON.parse(all.output)).toMatchObject({ count: 6, transport_types: ['stdio'] })
    const none = await run(['tools', '--json', '--transport', 'sse'], { env: environment() })
    expect(JSON.parse(none.output)).toMatchObject({ count: 0, tools: [] })
  })
})
