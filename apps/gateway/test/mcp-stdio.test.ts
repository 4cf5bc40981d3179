import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type JsonObject, parseJson } from '@tianjillm/core'
import {
  type AnyClient,
  clientOf,
  fakeServer,
  houseOf,
  offerOf,
  type Program,
  type ProgramWay,
  programWays,
  toolOf,
} from '@tianjillm/testing-mcp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bareEnvironment, folderWith } from './tianji.ts'

const main = resolve(import.meta.dirname, '../src/main.ts')
const ofMcp = resolve(import.meta.dirname, '../../../packages/mcp/test')
const asYaml = (...args: readonly string[]) => JSON.stringify({ command: process.execPath, args })
const fixture = (era: 'older' | 'newer') =>
  asYaml('--conditions=@tianjillm/source', join(ofMcp, 'conformance/serve.ts'), era, 'stdio')
const raw = (...flags: readonly string[]) => asYaml(join(ofMcp, 'upstream/raw-server.ts'), ...flags)

const oldAndNew = `mcp_servers: {old: ${fixture('older')}, new: ${fixture('newer')}}`

/** `tianji mcp` with this configuration. */
function program(yaml: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Program {
  const file = join(folderWith({ 'proxy_config.yaml': yaml }), 'proxy_config.yaml')
  return {
    command: process.execPath,
    args: ['--conditions=@tianjillm/source', main, 'mcp', '--config', file, ...args],
    env: { ...bareEnvironment, ...env },
  }
}

async function client(way: ProgramWay, ...settings: Parameters<typeof program>): Promise<AnyClient> {
  const made = await clientOf(way, program(...settings))
  onTestFinished(() => made.close())
  return made
}

const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)
const textIn = ({ content }: JsonObject) => (content as readonly { readonly text: string }[])[0]!.text

describe.each(programWays)('%s', (way) => {
  test('a client lists tools, calls them, and hears of progress', async () => {
    const asking = await client(way, oldAndNew)
    expect(names(await asking.listTools())).toEqual(
      expect.arrayContaining(['old-test_simple_text', 'new-test_headers']),
    )
    for (const server of ['old', 'new']) {
      const heard: unknown[] = []
      const onprogress = ({ progress }: JsonObject) => heard.push(progress)
      const result = await asking.callTool(`${server}-test_tool_with_progress`, {}, { onprogress })
      expect([textIn(result), heard]).toEqual(['There was progress.', [0, 50, 100]])
    }
    await expect(asking.callTool('old-nothing')).rejects.toMatchObject({ code: -32602 })
  })

  test('a client is told when tools change', async () => {
    const server = fakeServer('s', { tools: [toolOf('before')] })
    const house = await houseOf([server])
    onTestFinished(() => house.close())
    const asking = await client(way, `mcp_servers: {far: {url: "${house.url}/mcp"}}`)
    await asking.listTools()
    if (way === 'sdk 2 over stdio without') await asking.listen()
    const count = () =>
      asking.notifications.filter(({ method }) => method === 'notifications/tools/list_changed').length
    // Servers that were found only now are such a change too.
    await asking.callTool('far-s-before')
    const before = count()
    server.set({ offer: offerOf({ tools: [toolOf('after')] }) })
    await expect.poll(count).toBeGreaterThan(before)
    expect(names(await asking.listTools())).toEqual(['far-s-after'])
  })

  test('a server asks, and the client answers', async () => {
    const server = way === 'sdk 2 over stdio without' ? 'new' : 'old'
    const asking = await client(way, oldAndNew)
    asking.answer('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }))
    const content = { type: 'text', text: 'Paris' }
    asking.answer('sampling/createMessage', () => ({ role: 'assistant', model: 'm', content }))
    const [elicited, sampled] = await Promise.all(
      ['elicitation', 'sampling'].map((what) => asking.callTool(`${server}-test_input_required_result_${what}`)),
    )
    expect(textIn(elicited!)).toBe('Hello, Ada!')
    expect(textIn(sampled!)).toContain('Paris')
  })

  test('a call that is cancelled ends behind the gateway too, and others go on', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>()
    const server = fakeServer(
      's',
      { tools: [toolOf('wait'), toolOf('go')] },
      async (_method, { name }, _peer, signal) => {
        if (name === 'go') return { content: [{ type: 'text', text: 'gone' }] }
        begin()
        await once(signal!, 'abort')
        cancel()
        throw new Error('cancelled')
      },
    )
    const house = await houseOf([server])
    onTestFinished(() => house.close())
    const asking = await client(way, `mcp_servers: {far: {url: "${house.url}/mcp"}}`)
    await asking.listTools()
    const leaving = new AbortController()
    const waiting = asking.callTool('far-s-wait', {}, { signal: leaving.signal }).catch(() => 'given up')
    await begun
    leaving.abort()
    expect(await waiting).toBe('given up')
    await cancelled
    expect(textIn(await asking.callTool('far-s-go'))).toBe('gone')
  })
})

describe('who is served', () => {
  const keys = `
general_settings: {master_key: sk-master}
keys:
  - {key: sk-old, key_alias: old, metadata: {mcp: {servers: [old]}}}
  - {key: sk-twice, key_alias: twice, rpm_limit: 2}
  - {key: sk-chat, key_alias: chat, allowed_routes: [openai_routes]}
${oldAndNew}
`
  const serversIn = async (asking: AnyClient) => [
    ...new Set(names(await asking.listTools()).map((name) => name.split('-')[0])),
  ]

  test.each([
    ['the operator sees all', [], {}, ['old', 'new']],
    ['a key sees what it may', ['--key', 'sk-old'], {}, ['old']],
    ['a key of the environment too', [], { TIANJI_API_KEY: 'sk-old' }, ['old']],
    ['names narrow', ['--servers', 'new'], {}, ['new']],
    ['names widen nothing', ['--servers', 'new', '--key', 'sk-old'], {}, []],
  ])('%s', async (_title, args, env, expected) => {
    expect(await serversIn(await client('sdk 1 over stdio', keys, args, env))).toEqual(expected)
  })

  test('limits of the key hold', async () => {
    const asking = await client('sdk 1 over stdio', keys, ['--key', 'sk-twice'])
    await asking.listTools()
    await expect(asking.listTools()).rejects.toMatchObject({
      code: -31000,
      message: expect.stringContaining('rpm_limit of 2 requests a minute for the key "twice"'),
      data: { status: 429, code: 'rate_limit_exceeded' },
    })
  })

  test('tools of the gateway ask models for the key', async () => {
    const own = `
general_settings: {master_key: sk-master}
model_list:
  - {model_name: small, litellm_params: {model: mock/m, mock_response: Bonjour}}
keys:
  - {key: sk-any, key_alias: any}
  - {key: sk-large, key_alias: large, models: [large]}
mcp_tools: [{name: translate, model: small, prompt: "{{text}}"}]
`
    const said = ['sk-any', 'sk-large'].map(async (key) => {
      const asking = await client('sdk 1 over stdio', own, ['--key', key])
      return textIn(await asking.callTool('tianji-translate', { text: 'Hello' }))
    })
    expect(await Promise.all(said)).toEqual(['Bonjour', expect.stringContaining('the key "large"')])
  })

  test.each([
    ['a key that is not valid', keys, ['--key', 'sk-wrong'], 'The API key is not valid.'],
    ['a key for other routes', keys, ['--key', 'sk-chat'], 'does not let the key "chat" call /mcp'],
    ['a server that is not there', keys, ['--servers', 'nothing'], 'no MCP server, access group or tag "nothing"'],
    ['no key where all are in the file', keys.replace(/general.*/, ''), [], 'Give one with --key or TIANJI_API_KEY.'],
    ['nothing to serve', 'model_list: []', [], 'No MCP servers are configured'],
    ['a file with faults', 'model_list: 7', [], 'proxy_config.yaml:1:'],
  ])('%s is told on standard error, with exit code 1', async (_title, yaml, args, message) => {
    const { said, errors, code } = await run(program(yaml, args))
    expect([said, code]).toEqual([[], 1])
    expect(errors()).toContain(message)
    expect(errors()).not.toMatch(/^\s+at /m)
  })
})

interface Talk {
  readonly said: string[]
  readonly errors: () => string
  write(line: string): void
  end(): void
  kill(signal: NodeJS.Signals): void
  /** The answer to the request of this id. */
  answer(id: number): Promise<JsonObject>
  readonly exit: Promise<number | null>
}

/** The program, without a client. */
function start({ command, args, env }: Program): Talk {
  const child = spawn(command, [...args], { env: { ...env }, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: string[] = []
  let errors = ''
  createInterface(child.stdout).on('line', (line) => said.push(line))
  child.stderr.on('data', (piece) => {
    errors += piece
  })
  child.stdin.on('error', () => {})
  const find = (id: number) =>
    said.map((line) => parseJson(line) as JsonObject | undefined).find((one) => one?.id === id)
  return {
    said,
    errors: () => errors,
    write: (line) => child.stdin.write(`${line}\n`),
    end: () => child.stdin.end(),
    kill: (signal) => child.kill(signal),
    async answer(id) {
      await expect.poll(() => find(id), { timeout: 15_000 }).toBeDefined()
      return find(id)!
    },
    exit: once(child, 'close').then(([code]) => code as number | null),
  }
}

async function run(running: Program) {
  const { said, errors, exit, end } = start(running)
  end()
  return { said, errors, code: await exit }
}

const request = (id: number, method: string, params: JsonObject = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const hello = request(1, 'initialize', {
  ...{ protocolVersion: '2025-11-25', capabilities: {} },
  clientInfo: { name: 'raw', version: '1' },
})

describe('the process', () => {
  test('answers what follows hostile lines, and says nothing but messages on standard output', async () => {
    const loud = folderWith({ 'loud.mjs': `console.log('loud'); process.stdout.write('louder\\n')` })
    const yaml = `plugins: [${join(loud, 'loud.mjs')}]\nmcp_servers: {raw: ${raw()}}`
    const talk = start(program(yaml, ['--log-level', 'debug']))
    for (const line of ['', '{', '[]', 'null', '7', '{"id":1}', '\u0000', `{"a":"${'é'.repeat(100_000)}"}`])
      talk.write(line)
    talk.write(request(9, 'nothing'))
    talk.write(hello)
    expect(await talk.answer(1)).toMatchObject({ result: { serverInfo: { name: 'tianjillm' } } })
    talk.write('{"jsonrpc":"2.0","method":"notifications/initialized"}')
    talk.write(request(2, 'tools/call', { name: 'raw-pid' }))
    talk.write(request(2, 'tools/call', { name: 'raw-pid' }))
    expect(await talk.answer(2)).toMatchObject({ result: { content: [{ type: 'text' }] } })
    expect(await talk.answer(9)).toMatchObject({ error: { code: expect.any(Number) } })
    talk.end()
    expect(await talk.exit).toBe(0)
    for (const line of talk.said) expect(parseJson(line)).toMatchObject({ jsonrpc: '2.0' })
    expect(talk.errors()).toMatch(/loud\n.*louder\n.*MCP server raw: I say/s)
  })

  test('passes over a message that is too long', async () => {
    const talk = start(program(`mcp_servers: {raw: ${raw()}}`))
    talk.write(`"${'a'.repeat(65 * 1024 * 1024)}"`)
    talk.write(hello)
    expect(await talk.answer(1)).toMatchObject({ result: { serverInfo: { name: 'tianjillm' } } })
  })

  test.each(['the end of its input', 'SIGTERM', 'SIGINT'] as const)(
    'ends at %s with all that it started',
    async (end) => {
      const { promise: grandchild, resolve: found } = Promise.withResolvers<Socket>()
      const board = createServer((socket) => found(socket.on('error', () => {}).resume()))
      await once(board.listen(0, '127.0.0.1'), 'listening')
      onTestFinished(() => void board.close())
      const talk = start(program(`mcp_servers: {raw: ${raw('--stubborn')}}`))
      talk.write(hello)
      await talk.answer(1)
      const { port } = board.address() as AddressInfo
      talk.write(request(2, 'tools/call', { name: 'raw-spawn', arguments: { port } }))
      const gone = once(await grandchild, 'close')
      // It has more to do than it will be given time for.
      talk.write(request(3, 'tools/call', { name: 'raw-wait' }))
      if (end === 'the end of its input') talk.end()
      else talk.kill(end)
      await gone
      expect(await talk.exit).toBe(0)
    },
  )
})
