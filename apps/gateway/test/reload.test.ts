import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Problem, readConfig } from '@tianjillm/config'
import { nodeTransport } from '@tianjillm/engine/node'
import { createLocalLimiter } from '@tianjillm/limits'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBooks } from '../src/books.ts'
import { buildGeneration } from '../src/generation.ts'
import { type ConfigSource, type Started, start } from '../src/index.ts'
import { createLogs } from '../src/log.ts'
import { createRedaction } from '../src/redact.ts'
import { createSuccession } from '../src/reload.ts'
import { folderWith, tianji } from './tianji.ts'

const KEY = 'sk-master-for-tests'
const running: { gateway: Started; upstream: FakeUpstream }[] = []

afterEach(async () => {
  for (const { gateway, upstream } of running.splice(0)) {
    await gateway.stop(1_000)
    await upstream.close()
  }
})

/** A gateway whose file `write` replaces. */
async function gatewayWith(yaml: (upstream: string) => string) {
  const upstream = await fakeUpstream()
  let text = yaml(upstream.url)
  const reread = (): ConfigSource => {
    const { config, problems } = readConfig(text, { env: () => undefined })
    return { config, problems, title: 'test', folder: import.meta.dirname }
  }
  const gateway = await start({ source: reread(), reread, port: 0, host: '127.0.0.1', logLevel: 'silent' })
  running.push({ gateway, upstream })
  const write = (next: (upstream: string) => string) => {
    text = next(upstream.url)
  }
  return { gateway, upstream, write }
}

function modelList(upstream: string, model = 'gpt-4.1', extra = ''): string {
  return `
model_list:
  - model_name: fast
    litellm_params: { model: openai/${model}, api_base: ${upstream}, api_key: sk-upstream }
general_settings: { master_key: ${KEY} }
${extra}`
}

const answer = { id: 'chatcmpl-1', object: 'chat.completion', choices: [], usage: { total_tokens: 3 } }
const piece = (text: string) => `data: ${JSON.stringify({ id: 'c', choices: [{ delta: { content: text } }] })}\n\n`

function post(url: string, path: string, body: object, key = KEY): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

function chat(url: string, fields: object = {}, key = KEY): Promise<Response> {
  return post(
    url,
    '/v1/chat/completions',
    { model: 'fast', messages: [{ role: 'user', content: 'Hi' }], ...fields },
    key,
  )
}

async function readiness(url: string): Promise<Record<string, Record<string, unknown>>> {
  const response = await fetch(`${url}/health/readiness`)
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, Record<string, unknown>>
}

describe('POST /config/reload', () => {
  it('puts the new file in force', async () => {
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url))
    upstream.script({ body: answer })
    expect((await chat(gateway.url)).status).toBe(200)
    write((url) => modelList(url, 'gpt-4.1-mini').replace('fast', 'new'))
    const reloaded = await post(gateway.url, '/config/reload', {})
    expect(await reloaded.json()).toEqual({ status: 'reloaded', generation: 2, warnings: [] })
    expect((await chat(gateway.url)).status).toBe(404)
    expect((await chat(gateway.url, { model: 'new' })).status).toBe(200)
    expect(JSON.parse(upstream.arrived.at(-1)!.text)).toMatchObject({ model: 'gpt-4.1-mini' })
    expect((await readiness(gateway.url)).config).toMatchObject({ generation: 2 })
  })

  it('keeps the configuration in force when the new one is wrong, and says what is wrong with it and where', async () => {
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url))
    upstream.script({ body: answer })
    write((url) => modelList(url).replace('model_name: fast', 'model_name: [fast]'))
    const refused = await post(gateway.url, '/config/reload', {})
    expect(refused.status).toBe(400)
    const { error } = (await refused.json()) as {
      error: { code: string; provider_specific_fields: { problems: string[] } }
    }
    expect(error.code).toBe('invalid_configuration')
    expect(error.provider_specific_fields.problems).toEqual([
      'proxy_config.yaml:3:5: error: model_list[0].model_name: expected a string, received a list',
    ])
    expect((await chat(gateway.url)).status).toBe(200)
    const { config } = await readiness(gateway.url)
    expect(config).toMatchObject({ generation: 1, errors: 1, message: expect.stringContaining('stays in force') })
    write((url) => modelList(url))
    expect((await post(gateway.url, '/config/reload', {})).status).toBe(200)
    expect((await readiness(gateway.url)).config).not.toHaveProperty('errors')
  })

  it('is for the master key', async () => {
    const extra = 'keys: [{ key: sk-of-somebody, key_alias: somebody }]'
    const { gateway } = await gatewayWith((url) => modelList(url, 'gpt-4.1', extra))
    const refused = await post(gateway.url, '/config/reload', {}, 'sk-of-somebody')
    expect(refused.status).toBe(403)
    expect((await post(gateway.url, '/config/reload', {}, 'sk-wrong')).status).toBe(401)
    expect((await fetch(`${gateway.url}/config/reload`)).status).toBe(405)
    expect((await readiness(gateway.url)).config).toMatchObject({ generation: 1 })
  })

  it('lets keys in and out at once, and gives no limit anew', async () => {
    const keys = (names: readonly string[]) =>
      `keys: [${names.map((name) => `{ key: sk-of-${name}, key_alias: ${name}, rpm_limit: 2 }`).join(', ')}]`
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url, 'm', keys(['ada', 'bob'])))
    upstream.script({ body: answer })
    const statusFor = async (name: string) => (await chat(gateway.url, {}, `sk-of-${name}`)).status
    expect([await statusFor('ada'), await statusFor('ada'), await statusFor('bob')]).toEqual([200, 200, 200])
    write((url) => modelList(url, 'm', keys(['ada', 'eve'])))
    await post(gateway.url, '/config/reload', {})
    expect([await statusFor('ada'), await statusFor('bob'), await statusFor('eve')]).toEqual([429, 401, 200])
  })

  it('lets a stream go on with the configuration it began with', async () => {
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url))
    upstream.script({
      headers: { 'content-type': 'text/event-stream' },
      pieces: [piece('one'), piece('two'), piece('three'), 'data: [DONE]\n\n'],
      pause: 100,
    })
    const response = await chat(gateway.url, { stream: true })
    write((url) => modelList(url).replace('fast', 'other'))
    expect((await post(gateway.url, '/config/reload', {})).status).toBe(200)
    const text = await response.text()
    expect(text).toContain('three')
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
    expect((await chat(gateway.url)).status).toBe(404)
  })

  it('keeps what callbacks have gathered, as long as their own settings stay the same', async () => {
    const callbacks = 'litellm_settings: { callbacks: [prometheus] }'
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url, 'm', callbacks))
    upstream.script({ body: answer })
    await chat(gateway.url)
    write((url) => modelList(url, 'n', callbacks))
    await post(gateway.url, '/config/reload', {})
    await chat(gateway.url)
    await vi.waitFor(async () => {
      const page = await (await fetch(`${gateway.url}/metrics`)).text()
      const counts = page.match(/^litellm_proxy_total_requests_metric_total\{.*\} (\d+)$/gm) ?? []
      expect(counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(2)
      // The answers tell no tokens, and what estimates them is loaded first.
    }, 10_000)
  })

  it('leaves a deployment that is cooling down alone', async () => {
    const two = (url: string) => `
model_list:
  - model_name: fast
    litellm_params: { model: openai/one, api_base: ${url}, api_key: sk-upstream, order: 1 }
  - model_name: fast
    litellm_params: { model: openai/two, api_base: ${url}, api_key: sk-upstream, order: 2 }
general_settings: { master_key: ${KEY} }
router_settings: { cooldown_time: 60 }
`
    const { gateway, upstream } = await gatewayWith(two)
    const modelsAsked = () => upstream.arrived.map(({ text }) => JSON.parse(text).model)
    upstream.script(({ text }) =>
      JSON.parse(text).model === 'one' ? { status: 429, body: { error: { message: 'slow down' } } } : { body: answer },
    )
    await chat(gateway.url)
    await post(gateway.url, '/config/reload', {})
    await chat(gateway.url)
    expect(modelsAsked()).toEqual(['one', 'two', 'two'])
  })

  it('fails no request in a hundred reloads under load', async () => {
    const callbacks = 'litellm_settings: { callbacks: [prometheus] }'
    const { gateway, upstream, write } = await gatewayWith((url) => modelList(url, 'm', callbacks))
    upstream.script(({ text }) =>
      JSON.parse(text).stream === true
        ? {
            headers: { 'content-type': 'text/event-stream' },
            pieces: [piece('one'), piece('two'), 'data: [DONE]\n\n'],
            pause: 5,
          }
        : { body: answer },
    )
    let isOver = false
    let asked = 0
    const failures: string[] = []
    const client = async (isStreaming: boolean) => {
      while (!isOver) {
        asked++
        const response = await chat(gateway.url, { stream: isStreaming })
        const text = await response.text()
        const isWhole = isStreaming ? text.trimEnd().endsWith('data: [DONE]') : text === JSON.stringify(answer)
        if (response.status !== 200 || !isWhole) failures.push(`${response.status} ${text}`)
      }
    }
    const clients = Array.from({ length: 16 }, (_, index) => client(index % 2 === 0))
    for (let turn = 0; turn < 100; turn++) {
      const isBroken = turn % 10 === 9
      write((url) => (isBroken ? 'model_list: 7' : modelList(url, `m-${turn}`, callbacks)))
      expect((await post(gateway.url, '/config/reload', {})).status).toBe(isBroken ? 400 : 200)
    }
    isOver = true
    await Promise.all(clients)
    expect(failures).toEqual([])
    expect(asked).toBeGreaterThan(100)
    expect((await readiness(gateway.url)).config).toMatchObject({ generation: 91, errors: 1 })
    await vi.waitFor(async () => {
      const page = await (await fetch(`${gateway.url}/metrics`)).text()
      const counts = page.match(/^litellm_proxy_total_requests_metric_total\{.*\} (\d+)$/gm) ?? []
      expect(counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(asked)
    }, 10_000)
  })
})

describe('a generation', () => {
  it('holds nothing of those before it', async () => {
    const logs = createLogs('silent', (text) => text)
    const standing = {
      ...{ logs, redaction: createRedaction(), transport: nodeTransport(), books: createBooks(logs.access) },
      ...{
        limiter: createLocalLimiter(() => 0),
        seat: undefined,
        metrics: undefined,
        configState: () => undefined,
        reload: undefined,
      },
    }
    const source = () => {
      const { config, problems } = readConfig(modelList('http://127.0.0.1:9'), { env: () => undefined })
      return { config, problems, title: 'test', folder: import.meta.dirname }
    }
    let { generation } = await buildGeneration(source(), standing)
    const first = new WeakRef(generation!.gateway.engine)
    for (let turn = 0; turn < 2; turn++) generation = (await buildGeneration(source(), standing, generation)).generation
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await vi.waitFor(() => {
      collect()
      expect(first.deref() === undefined).toBe(true)
    }, 10_000)
    expect(generation!.gateway.engine.deployments).toHaveLength(1)
  })
})

describe('a succession of configurations', () => {
  const problem: Problem = { severity: 'error', file: 'f', line: 1, column: 1, path: '', message: 'wrong' }
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

  it('takes reloads that are asked for during one together', async () => {
    const finish: (() => void)[] = []
    let built = 0
    const succession = createSuccession({
      first: 0,
      build: async () => {
        await new Promise<void>((resolve) => finish.push(resolve))
        return { generation: ++built, problems: [] }
      },
      retire: () => {},
      log: silent,
      now: () => 0,
    })
    const [first, second, third] = [succession.reload('a'), succession.reload('b'), succession.reload('c')]
    expect(finish).toHaveLength(1)
    finish[0]!()
    await first
    await expect.poll(() => finish).toHaveLength(2)
    finish[1]!()
    expect([await second, await third].map(({ generation }) => generation)).toEqual([3, 3])
    expect([built, succession.current]).toEqual([2, 2])
  })

  it('survives a mistake of its own, and what cannot be built', async () => {
    const outcomes = [
      () => Promise.reject(new Error('oops')),
      async () => ({ generation: undefined, problems: [problem] }),
    ]
    const retired: number[] = []
    const succession = createSuccession<number>({
      first: 1,
      build: () => outcomes.shift()!(),
      retire: (previous) => retired.push(previous),
      log: silent,
      now: () => 7,
    })
    expect(await succession.reload('a')).toMatchObject({ isInForce: false, problems: [{ message: 'oops' }] })
    expect(await succession.reload('b')).toEqual({ isInForce: false, generation: 1, problems: [problem] })
    expect([succession.current, retired]).toEqual([1, []])
    expect(succession.state).toEqual({ generation: 1, since: 7, refused: { at: 7, errors: 1 } })
  })
})

describe('tianji start', () => {
  const yaml = (name: string) => `
include: [models.yaml]
general_settings: { master_key: ${KEY} }
router_settings: { model_group_alias: { ${name}: mock } }
`
  const models = 'model_list: [{ model_name: mock, litellm_params: { model: mock/mock } }]'
  const args = ['start', '--config', 'config.yaml', '--port', '0', '--host', '127.0.0.1']

  async function names(url: string): Promise<readonly string[]> {
    const response = await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${KEY}`, connection: 'close' },
    })
    const { data } = (await response.json()) as { data: { id: string }[] }
    return data.map(({ id }) => id)
  }

  it('sees that a file, or one that it includes, has changed', async () => {
    const folder = folderWith({ 'config.yaml': yaml('first'), 'models.yaml': models })
    const gateway = tianji(args, { folder })
    const url = await gateway.url
    expect(await names(url)).toEqual(['mock', 'first'])
    writeFileSync(join(folder, 'config.yaml'), yaml('second'))
    await expect.poll(() => names(url)).toEqual(['mock', 'second'])
    writeFileSync(join(folder, 'models.yaml'), models.replace('model_name: mock', 'model_name: 7, x: ['))
    await expect.poll(() => gateway.output()).toContain('cannot be used: the one before stays in force')
    expect(gateway.output()).toMatch(/models\.yaml:1:\d+: error/)
    expect(await names(url)).toEqual(['mock', 'second'])
    writeFileSync(join(folder, 'models.yaml'), models.replace('mock,', 'mock2,'))
    await expect.poll(() => names(url)).toContain('mock2')
  })

  it('reads its file again at SIGHUP', async () => {
    const folder = folderWith({ 'config.yaml': yaml('first'), 'models.yaml': models })
    const gateway = tianji(args, { folder })
    const url = await gateway.url
    writeFileSync(join(folder, 'config.yaml'), yaml('second'))
    gateway.signal('SIGHUP')
    await expect.poll(() => names(url)).toEqual(['mock', 'second'])
    await expect.poll(() => gateway.output()).toContain('SIGHUP')
    gateway.signal('SIGTERM')
    expect(await gateway.exit).toBe(0)
  })

  it('has all its workers read it again, whichever is asked', async () => {
    const folder = folderWith({ 'config.yaml': yaml('first'), 'models.yaml': models })
    const gateway = tianji([...args, '--workers', '2'], { folder })
    const url = await gateway.url
    writeFileSync(join(folder, 'config.yaml'), yaml('second'))
    const reloaded = await post(url, '/config/reload', {})
    expect(reloaded.status, readFileSync(join(folder, 'config.yaml'), 'utf8')).toBe(200)
    for (let turn = 0; turn < 8; turn++) expect(await names(url)).toEqual(['mock', 'second'])
    writeFileSync(join(folder, 'config.yaml'), yaml('third'))
    gateway.signal('SIGHUP')
    await sleep(500)
    for (let turn = 0; turn < 8; turn++) expect(await names(url)).toEqual(['mock', 'third'])
    writeFileSync(join(folder, 'config.yaml'), 'model_list: 7')
    const refused = await post(url, '/config/reload', {})
    expect(refused.status).toBe(400)
    onTestFinished(() => gateway.signal('SIGTERM'))
  })
})
