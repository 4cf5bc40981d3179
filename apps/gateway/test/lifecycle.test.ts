import { createServer } from 'node:net'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { anthropicWire, contentIn, eventsIn, openaiWire, type Wire } from './events.ts'
import { folderWith, type Tianji, tianji } from './tianji.ts'

const events = { 'content-type': 'text/event-stream' }
const MASTER_KEY = 'master-key-of-the-tests'
const VENDOR_KEY = 'vendor-key-of-the-tests'
const key = { authorization: `Bearer ${MASTER_KEY}` }

let upstream: FakeUpstream
let ingestion: FakeUpstream

beforeAll(async () => {
  upstream = await fakeUpstream()
  ingestion = await fakeUpstream()
})

afterAll(() => Promise.all([upstream.close(), ingestion.close()]))

const configuration = () => `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${upstream.url}/v1, api_key: ${VENDOR_KEY}}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${upstream.url}, api_key: ${VENDOR_KEY}}}
router_settings: {num_retries: 0}
general_settings: {master_key: ${MASTER_KEY}}
litellm_settings: {callbacks: [langfuse]}
callback_settings:
  langfuse:
    public_key: public-key-of-the-tests
    secret_key: os.environ/LANGFUSE_OF_THE_TESTS
    api_base: ${ingestion.url}
    flush_interval: 600
`
const secret = { LANGFUSE_OF_THE_TESTS: 'langfuse-key-of-the-tests' }
const anywhere = ['--port', '0', '--host', '127.0.0.1']

/** The gateway of that configuration, listening. */
async function started(env: Readonly<Record<string, string>> = {}): Promise<{ process: Tianji; url: string }> {
  const folder = folderWith({ 'proxy_config.yaml': configuration() })
  const process = tianji(['start', ...anywhere], { folder, env: { ...secret, ...env } })
  return { process, url: await process.url }
}

function ask(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...key, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
  })
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('tianji', () => {
  it('tells its version', async () => {
    const { exit, output } = tianji(['--version'])
    expect(await exit).toBe(0)
    expect(output().trim()).toBe(manifest.version)
  })

  it('serves the file it is given, and says where', async () => {
    const folder = folderWith({ 'any.yaml': 'model_list: [{model_name: any, litellm_params: {model: mock/any}}]' })
    const { url, output } = tianji(['start', '--config', `${folder}/any.yaml`, '--port', '0'])
    const answer = await ask(await url, { model: 'any' })
    expect(answer.status).toBe(200)
    expect(output()).toContain('models: any')
    expect(output()).toContain('no master key: everybody who reaches this address may use it')
  })

  it('listens on the port it is given rather than on that of the environment', async () => {
    const [port, other] = [await freePort(), await freePort()]
    const given = tianji(['demo', '--port', String(port)], { env: { PORT: String(other) } })
    expect(await given.url).toBe(`http://127.0.0.1:${port}`)
    const named = tianji(['demo'], { env: { PORT: String(other) } })
    expect(await named.url).toBe(`http://127.0.0.1:${other}`)
    expect((await fetch(`${await named.url}/health/liveliness`)).status).toBe(200)
  })

  it('listens where API_HOST and API_PORT say when nothing else does', async () => {
    const [port, other] = [await freePort(), await freePort()]
    const named = tianji(['demo'], { env: { API_HOST: '127.0.0.2', API_PORT: String(port) } })
    expect(await named.url).toBe(`http://127.0.0.2:${port}`)
    const given = tianji(['demo', '--host', '127.0.0.1'], {
      env: { API_HOST: '127.0.0.2', API_PORT: String(port), PORT: String(other) },
    })
    expect(await given.url).toBe(`http://127.0.0.1:${other}`)
  })

  it('has a demo that answers without any key', async () => {
    const { url } = tianji(['demo', '--port', '0'])
    const answer = await ask(await url, { model: 'mock', stream: true })
    const text = await answer.text()
    expect(contentIn(text)).toContain('Hello')
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  })

  it('without a file offers what the environment has keys for', async () => {
    upstream.script({ body: { id: 'chatcmpl-1', object: 'chat.completion', choices: [] } })
    const env = {
      OPENAI_API_KEY: VENDOR_KEY,
      OPENAI_API_BASE: `${upstream.url}/v1`,
      TIANJI_MASTER_KEY: MASTER_KEY,
    }
    const { url, output } = tianji(anywhere, { env })
    const models = await fetch(`${await url}/v1/models`, { headers: key })
    const { data } = (await models.json()) as { readonly data: readonly { readonly id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['openai/*', 'mock', 'mock/*'])
    expect((await ask(await url, { model: 'openai/gpt-4o' })).status).toBe(200)
    expect(upstream.arrived[0]).toMatchObject({ headers: { authorization: `Bearer ${VENDOR_KEY}` } })
    expect(JSON.parse(upstream.arrived[0]!.text)).toMatchObject({ model: 'gpt-4o' })
    expect((await fetch(`${await url}/v1/models`)).status).toBe(401)
    expect(output()).toContain('keys in the environment: openai')
  })

  it.each([
    ['a port that is none', ['demo', '--port', 'http'], {}, 'The port must be a number from 0 to 65535, not "http".'],
    ['a port in the environment that is none', ['demo'], { PORT: '70000' }, 'not "70000"'],
    ['a file that is not there', ['start', '--config', 'nowhere.yaml'], {}, 'nowhere.yaml'],
    ['a command nobody knows', ['chekc', '--port', '0'], {}, 'chekc'],
    ['an option nobody knows', ['demo', '--prot', '0'], { PORT: '0' }, 'prot'],
  ])('refuses %s', async (_title, args, env, message) => {
    const { exit, errors, url } = tianji(args, { env })
    expect(await Promise.race([exit, url.catch(() => exit)])).toBe(1)
    expect(errors()).toContain(message)
    expect(errors()).not.toMatch(/^\s+at /m)
  })

  it('says when its port is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { readonly port: number }
    const { exit, errors } = tianji(['demo', '--port', String(port)])
    expect(await exit).toBe(1)
    expect(errors().trim()).toBe('The port is taken. Choose another with --port, or stop the program that has it.')
    server.close()
  })
})

describe('tianji check', () => {
  const broken = `model_list:
  - model_name: fast
    litellm_params:
      model: groqq/llama
  - model_name: voice
    litellm_params:
      model: openai/tts-1
      rpm: many
`
  const wrongOption = `model_list:
  - model_name: mock
    litellm_params:
      model: mock/any
      failure_rate: 7
guardrails:
  - guardrail_name: judge
    litellm_params: {guardrail: lakera_v3, mode: pre_call}
`

  it('passes a good file', async () => {
    const folder = folderWith({ 'proxy_config.yaml': configuration() })
    const { exit, output, errors } = tianji(['check'], { folder, env: secret })
    expect(await exit).toBe(0)
    expect({ output: output(), errors: errors() }).toEqual({
      output: 'proxy_config.yaml: 0 errors, 0 warnings\n',
      errors: '',
    })
  })

  it('tells where a file is broken', async () => {
    const folder = folderWith({ 'proxy_config.yaml': broken })
    const { exit, errors } = tianji(['check', '--config', 'proxy_config.yaml'], { folder })
    expect(await exit).toBe(1)
    expect(errors()).toContain(
      'proxy_config.yaml:8:7: error: model_list[1].litellm_params.rpm: expected a number, received "many"',
    )
  })

  it('tells which plugins are missing and which of their options are wrong', async () => {
    const folder = folderWith({ 'proxy_config.yaml': `${wrongOption}callbacks: [langfus]\n` })
    const { exit, output, errors } = tianji(['check', 'proxy_config.yaml'], { folder })
    expect(await exit).toBe(1)
    expect(errors()).toMatch(/^proxy_config\.yaml:5:7: error: failure_rate: mock: .*7/m)
    expect(errors()).toMatch(/^proxy_config\.yaml:8:22: error: No guardrail "lakera_v3"\. Did you mean lakera_v2\?/m)
    expect(errors()).toMatch(/^proxy_config\.yaml:9:\d+: warning: No callback "langfus"\. Did you mean langfuse\?/m)
    expect(output()).toBe('proxy_config.yaml: 2 errors, 1 warning\n')
  })

  it('says it to programs as JSON', async () => {
    const folder = folderWith({ 'proxy_config.yaml': broken })
    const { exit, output, errors } = tianji(['check', '--json'], { folder })
    expect(await exit).toBe(1)
    expect(errors()).toBe('')
    const said = JSON.parse(output())
    expect(said).toMatchObject({ configuration: 'proxy_config.yaml', errors: 1 })
    expect(said.problems).toContainEqual({
      severity: 'error',
      file: 'proxy_config.yaml',
      line: 8,
      column: 7,
      path: 'model_list[1].litellm_params.rpm',
      message: 'expected a number, received "many"',
    })
  })

  it('is what a start says of the same file', async () => {
    const folder = folderWith({ 'proxy_config.yaml': broken })
    const { exit, errors } = tianji(['start', '--port', '0'], { folder })
    expect(await exit).toBe(1)
    expect(errors()).toContain('proxy_config.yaml:8:7: error: ')
  })

  it('does not pass a master key that is not set', async () => {
    const text = `general_settings: {master_key: os.environ/NOT_SET}\nmodel_list: []\n`
    const { exit, errors } = tianji(['check'], { folder: folderWith({ 'proxy_config.yaml': text }) })
    expect(await exit).toBe(1)
    expect(errors()).toContain('NOT_SET is not set')
  })
})

describe('a gateway that is asked to stop', () => {
  /** Levels and messages of the generations that Langfuse was told of, by model. */
  const generations = () =>
    ingestion.arrived
      .flatMap(({ text }) => (JSON.parse(text) as { readonly batch: readonly { type: string; body: object }[] }).batch)
      .filter(({ type }) => type === 'generation-create')
      .map(({ body }) => body as { readonly level: string; readonly metadata: { readonly model_group: string } })
      .map(({ level, metadata }) => `${metadata.model_group} ${level}`)
      .sort()

  const accepted = () => ingestion.script({ status: 207, body: { successes: [], errors: [] } })

  it.each([openaiWire, anthropicWire])('lets $title end, takes in nothing new, and reports', async (wire) => {
    accepted()
    const words = Array.from({ length: 15 }, (_, index) => ` ${index}`)
    upstream.script({ headers: events, pieces: [...wire.begin(...words), ...wire.end], pause: 60 })
    const { process, url } = await started({ TIANJI_STOP_TIMEOUT: '15' })
    const streaming = await ask(url, { model: wire.model, stream: true })
    const text = streaming.text()
    process.signal('SIGTERM')

    const readiness = () => fetch(`${url}/health/readiness`)
    await expect.poll(async () => (await readiness()).status, { interval: 10 }).toBe(503)
    expect(await (await readiness()).json()).toMatchObject({ status: 'stopping' })
    const late = await ask(url, { model: wire.model })
    expect({ status: late.status, ...(await late.json()) }).toMatchObject({
      status: 503,
      error: { type: 'api_error', code: 'shutting_down' },
    })
    expect((await fetch(`${url}/health/liveliness`)).status).toBe(200)

    expect(contentIn(await text)).toBe(words.join(''))
    expect(eventsIn(await text).at(-1)).toBe('[DONE]')
    expect(await process.exit).toBe(0)
    expect(generations()).toContain(`${wire.model} DEFAULT`)
  })

  it('ends calls that do not end by themselves at its deadline, and reports them', async () => {
    accepted()
    const wires: readonly Wire[] = [openaiWire, anthropicWire]
    const { process, url } = await started({ TIANJI_STOP_TIMEOUT: '0.5' })
    const texts: Promise<string>[] = []
    for (const wire of wires) {
      upstream.script({ headers: events, pieces: wire.begin('Hel'), hangs: true })
      texts.push((await ask(url, { model: wire.model, stream: true })).text())
    }
    upstream.script(({ abandoned }) => abandoned.then(() => ({})))
    const waiting = ask(url, { model: 'gpt' })
    await expect.poll(() => upstream.arrived.length, { interval: 5 }).toBe(1)
    process.signal('SIGTERM')

    for (const text of await Promise.all(texts)) {
      expect(contentIn(text)).toBe('Hel')
      expect(eventsIn(text).at(-1)).toMatchObject({ error: { type: 'api_error', code: 'shutting_down' } })
      expect(text).not.toContain('[DONE]')
    }
    const answer = await waiting
    expect({ status: answer.status, ...(await answer.json()) }).toMatchObject({
      status: 503,
      error: { code: 'shutting_down' },
    })
    expect(await process.exit).toBe(0)
    expect(generations()).toEqual(['claude ERROR', 'gpt ERROR', 'gpt ERROR'])
  })

  it('does not wait for a client that has left', async () => {
    upstream.script({ headers: events, pieces: openaiWire.begin('Hel'), hangs: true })
    const { process, url } = await started()
    const controller = new AbortController()
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
      signal: controller.signal,
    })
    process.signal('SIGTERM')
    controller.abort()
    await answer.text().catch(() => {})
    expect(await process.exit).toBe(0)
  })

  it('stops at once when it is asked twice', async () => {
    upstream.script({ headers: events, pieces: openaiWire.begin('Hel'), hangs: true })
    const { process, url } = await started()
    const answer = await ask(url, { model: 'gpt', stream: true })
    process.signal('SIGINT')
    await expect.poll(async () => (await fetch(`${url}/health/readiness`)).status, { interval: 10 }).toBe(503)
    process.signal('SIGINT')
    expect(await process.exit).toBe(1)
    await answer.text().catch(() => {})
  })
})

describe('secrets', () => {
  it('are in nothing that the gateway writes or answers', async () => {
    const clientKey = 'sk-client-key-that-is-wrong'
    const secrets = [MASTER_KEY, VENDOR_KEY, clientKey, ...Object.values(secret), 'judge-key-of-the-tests']
    const folder = folderWith({
      'proxy_config.yaml': `${configuration()}
guardrails:
  - {guardrail_name: judge, litellm_params: {guardrail: lakera_v2, mode: pre_call, api_base: ${upstream.url}, api_key: judge-key-of-the-tests}}
  - {guardrail_name: lenient, litellm_params: {guardrail: lakera_v2, mode: pre_call, api_base: 'http://127.0.0.1:1', api_key: judge-key-of-the-tests, unreachable_fallback: fail_open}}
`,
    })
    const process = tianji(['start', ...anywhere, '--log-level', 'debug'], { folder, env: secret })
    const url = await process.url
    ingestion.script({ status: 401, body: { message: `Bad key ${secret.LANGFUSE_OF_THE_TESTS}` } })
    const told: string[] = []
    const tell = async (response: Promise<Response>) => told.push(await (await response).text())

    for (const status of [400, 401, 403, 429, 500]) {
      upstream.script({
        status,
        body: { error: { message: `Key ${VENDOR_KEY} is bad`, param: VENDOR_KEY, code: VENDOR_KEY } },
      })
      await tell(ask(url, { model: 'gpt' }))
      await tell(ask(url, { model: 'claude', stream: true }))
      await tell(ask(url, { model: 'gpt', guardrails: ['judge'] }))
    }
    upstream.script({
      headers: events,
      pieces: [...anthropicWire.begin('a'), anthropicWire.failure.replace('Overloaded', VENDOR_KEY)],
    })
    await tell(ask(url, { model: 'claude', stream: true }))
    upstream.script({ body: `not JSON: ${VENDOR_KEY}` })
    await tell(ask(url, { model: 'claude' }))
    await tell(ask(url, { model: 'gpt', guardrails: ['lenient'] }))
    await tell(fetch(`${url}/v1/models`, { headers: { 'x-api-key': clientKey } }))
    await tell(fetch(`${url}/v1/models?key=${MASTER_KEY}&api_key=${clientKey}`))
    await tell(
      fetch(`${url}/v1/chat/completions?key=${clientKey}`, { method: 'POST', headers: { 'api-key': clientKey } }),
    )
    await tell(fetch(`${url}/health`, { headers: key }))
    process.signal('SIGTERM')
    expect(await process.exit).toBe(0)

    const everything = [process.output(), process.errors(), ...told].join('\n')
    expect(process.output()).toContain('"msg":"request"')
    for (const word of secrets) expect(everything).not.toContain(word)
  })
})
