import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MASTER_KEY } from './support.ts'
import { bareEnvironment } from './tianji.ts'

const root = join(import.meta.dirname, '../../..')
const fromSource = '--conditions=@tianjillm/source'
const execute = promisify(execFile)

/** A gateway in a process of its own, as its users start it. */
interface GatewayProcess {
  readonly url: string
}

let upstream: FakeUpstream
let example: GatewayProcess
let local: GatewayProcess
let demo: GatewayProcess
const running: ChildProcessWithoutNullStreams[] = []

beforeAll(async () => {
  upstream = await fakeUpstream()
  ;[example, local, demo] = await Promise.all([
    startProcess(['--config', 'examples/proxy_config.yaml', '--host', '127.0.0.1'], {
      BRAVE_API_BASE: `${upstream.url}/brave`,
      BRAVE_API_KEY: 'brave-key',
      GROQ_API_BASE: `${upstream.url}/groq`,
      GROQ_API_KEY: 'groq-key',
      LANGFUSE_FLUSH_INTERVAL: '0.05',
      LANGFUSE_HOST: `${upstream.url}/langfuse`,
      LANGFUSE_PUBLIC_KEY: 'pk-lf',
      LANGFUSE_SECRET_KEY: 'sk-lf',
      OPENAI_API_BASE: `${upstream.url}/openai`,
      OPENAI_API_KEY: 'openai-key',
      TIANJI_MASTER_KEY: MASTER_KEY,
    }),
    startProcess(['--config', 'examples/local-plugin/proxy_config.yaml'], {
      IN_HOUSE_API_BASE: `${upstream.url}/in-house`,
      IN_HOUSE_API_KEY: 'in-house-key',
    }),
    startProcess(['demo']),
  ])
})

afterAll(async () => {
  // Also when one of them has not started.
  expect(await Promise.all(running.map(ended))).toEqual([0, 0, 0])
  await upstream.close()
})

describe('examples', () => {
  it('chat.ts asks, and streams', async () => {
    expect(await runExample('chat.ts')).toBe(
      'This is a mock answer. You said: Which river runs through Paris?\n32 tokens\n' +
        'This is a mock answer. You said: Count to three.\n24 tokens\n',
    )
  })

  it('ai-sdk.ts streams text, and gets an object and an embedding', async () => {
    expect(await runExample('ai-sdk.ts')).toBe(
      "This is a mock answer. You said: Name a colour.\n{ name: 'mock', wings: 1 }\n1536 numbers\n",
    )
  })

  it('provider-alone.ts needs no gateway', async () => {
    expect(await runExample('provider-alone.ts', { BASE_URL: 'http://127.0.0.1:9' })).toBe(
      'This is a mock answer. You said: Hello!\nThis is a mock answer. You said: Hello!\n' +
        'rate_limited: mock: This is a mock litellm.RateLimitError.\n',
    )
  })

  it('agent-library has a tool called, and goes on with what was said', async () => {
    expect(await runExample('agent-library/agent.ts')).toBe(
      "It is 42. [ { type: 'text', text: 'The sum of 17 and 25 is 42.' } ]\nIt is 42.\n",
    )
  })

  it('curl.sh shows an answer without the address, a stream and an error', async () => {
    const { stdout } = await execute('sh', ['examples/curl.sh'], { cwd: root, env: exampleEnv() })
    expect(stdout).toContain('You said: Write to [EMAIL_REDACTED]."')
    expect(stdout).toMatch(/"content":" Hello!"[\s\S]*data: \[DONE\]\n/)
    expect(stdout).toContain('Did you mean mock?')
  })
})

describe('examples/proxy_config.yaml', () => {
  const complete = {
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4.1-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
  }

  it('has the other deployment stand in, and tells Langfuse', async () => {
    upstream.script(({ path }) => {
      if (path.startsWith('/groq')) return { status: 503 }
      return { body: path.startsWith('/openai') ? complete : { successes: [], errors: [] } }
    })
    for (let count = 0; count < 8; count++)
      expect(await (await ask(example, { model: 'fast' })).json()).toEqual(complete)
    const paths = () => upstream.arrived.map(({ path }) => path)
    expect(paths().filter((path) => path === '/openai/chat/completions')).toHaveLength(8)
    await expect.poll(paths).toContain('/langfuse/api/public/ingestion')
  })

  it('searches, and counts for Prometheus', async () => {
    const found = { title: 'Red kite', url: 'https://example.com/kite', description: 'A bird.' }
    upstream.script(({ path }) => ({ body: path.startsWith('/brave') ? { web: { results: [found] } } : {} }))
    const answer = await post(example, '/v1/search/web', { query: 'red kites' })
    expect(await answer.json()).toMatchObject({ results: [{ title: 'Red kite', url: found.url, snippet: 'A bird.' }] })
    await expect
      .poll(async () => (await fetch(`${example.url}/metrics`)).text())
      .toMatch(/requested_model="web".*route="\/v1\/search\/web"/)
  })

  it('lets nobody in without the key', async () => {
    expect((await fetch(`${example.url}/v1/models`)).status).toBe(401)
  })
})

describe('examples/local-plugin', () => {
  it('serves a model by a provider in a file', async () => {
    upstream.script({
      body: { id: 'c1', choices: [{ index: 0, message: { role: 'assistant', reasoning: 'Hm.', content: 'Hi.' } }] },
    })
    const answer = await ask(local, { model: 'in-house', max_completion_tokens: 5 })
    expect(await answer.json()).toMatchObject({ choices: [{ message: { reasoning_content: 'Hm.', content: 'Hi.' } }] })
    const request = upstream.arrived.find(({ path }) => path === '/in-house/chat/completions')!
    expect(request.headers.authorization).toBe('Bearer in-house-key')
    expect(JSON.parse(request.text)).toMatchObject({ model: 'qwen3-32b', max_tokens: 5 })
  })
})

describe('README.md', () => {
  it('has a first request that streams an answer', async () => {
    const [request] = /^curl [\s\S]*?(?=\n```)/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
    const { stdout } = await execute('sh', ['-c', request.replace('http://127.0.0.1:4000', demo.url)])
    expect(stdout).toMatch(/^data: \{[\s\S]*"content":" Hello!"[\s\S]*\ndata: \[DONE\]\n/)
  })
})

async function startProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const command = [fromSource, 'apps/gateway/src/main.ts', ...args, '--port', '0']
  const child = spawn(process.execPath, command, { cwd: root, env: { ...bareEnvironment, ...env } })
  running.push(child)
  return { url: await urlOf(child) }
}

/** Its exit code, once it has been asked to stop. */
async function ended(child: ChildProcessWithoutNullStreams): Promise<unknown> {
  if (child.exitCode !== null) return child.exitCode
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  return code
}

/** Where a gateway listens, once it has said so. */
function urlOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (piece: Buffer) => {
      said += piece
      const [, url] = /listens on (\S+)/.exec(said) ?? []
      if (url) resolve(url)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('exit', () => reject(new Error(`The gateway did not start: ${said}`)))
  })
}

async function runExample(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const settings = { cwd: root, env: { ...exampleEnv(), ...env } }
  const { stdout } = await execute(process.execPath, [fromSource, `examples/${name}`], settings)
  return stdout
}

function exampleEnv(): NodeJS.ProcessEnv {
  return { ...bareEnvironment, BASE_URL: example.url, TIANJI_MASTER_KEY: MASTER_KEY }
}

function ask(gateway: GatewayProcess, fields: object): Promise<Response> {
  return post(gateway, '/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello!' }], ...fields })
}

function post({ url }: GatewayProcess, path: string, body: object): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}
