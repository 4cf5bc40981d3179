import { type Arrived, type FakeUpstream, fakeUpstream, type Scripted, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, type Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

const SIMPLE = 'What is the capital of Australia?'
const COMPLEX = 'Design a rate limiter for a distributed API gateway that must survive the loss of one data centre.'

// Each group has a path of its own at one fake vendor, whose behaviour is told by the path.
let upstream: FakeUpstream
let gateway: Started
let behaviours: Record<string, Scripted> = {}

const completion = (content: string): Scripted => ({
  body: {
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  },
})
const failure: Scripted = { status: 500, body: { error: { message: 'Out of order.', type: 'server_error' } } }

/** How much a text is about code, and how much about poems. */
const meaning = (text: string) => [Number(text.includes('code')), Number(text.includes('poem')), 0.1]

function vectors({ text }: Arrived): Scripted {
  const { input } = JSON.parse(text) as { input: readonly string[] }
  const data = input.map((each, index) => ({ object: 'embedding', index, embedding: meaning(each) }))
  return { body: { object: 'list', data, model: 'e', usage: { prompt_tokens: 1, total_tokens: 1 } } }
}

function answer(request: Arrived): Scripted {
  const name = request.path.split('/')[1]!
  return behaviours[name] ?? (name === 'embedder' ? vectors(request) : completion(name))
}

const group = (name: string, info = '', params = '') =>
  `  - {model_name: ${name}, litellm_params: {model: openai/${name}, api_key: k, api_base: '${upstream.url}/${name}'${params}}${info}}`

const groups = () =>
  [
    group('cheap', ', model_info: {supports_vision: false}', ', tags: [blue]'),
    group('able', ', model_info: {supports_vision: true}', ', tags: [blue]'),
    group('poet'),
    group('embedder'),
    group('judge'),
  ].join('\n')

const semantic = `
  - model_name: by-meaning
    litellm_params:
      model: auto_router/by_meaning
      auto_router_config: '{"routes": [{"name": "able", "utterances": ["write code"]}, {"name": "poet", "utterances": ["a poem"]}]}'
      auto_router_default_model: cheap
      auto_router_embedding_model: embedder`

const configuration = () => `
model_list:
${groups()}
  - model_name: auto
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config: {tiers: {SIMPLE: cheap, COMPLEX: able, REASONING: able}}
      complexity_router_default_model: able
  - model_name: judged
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config:
        tiers: {SIMPLE: cheap, COMPLEX: able}
        default_model: able
        classifier_type: llm
        classifier_llm_config: {model: judge, timeout_ms: 5000}
${semantic}
router_settings:
  num_retries: 0
  enable_tag_filtering: true
  fallbacks: [{cheap: [poet]}]
  model_group_alias: {smart: auto}
guardrails:
  - guardrail_name: masks
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}]
general_settings: {master_key: ${MASTER_KEY}}
keys: [{key: sk-confined-for-tests, models: [auto]}]
`

beforeAll(async () => {
  upstream = await fakeUpstream()
  gateway = await startGateway(configuration())
})
beforeEach(() => {
  behaviours = {}
  upstream.script(answer)
})
afterAll(async () => {
  await gateway.stop(100)
  await upstream.close()
})

const asked = () => upstream.arrived.map(({ path }) => path.split('/')[1])

function post(path: string, body: object, key = MASTER_KEY, url = gateway.url): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
}

async function ask(model: string, content: unknown, more: object = {}, key?: string) {
  const response = await post('/v1/chat/completions', { model, messages: [{ role: 'user', content }], ...more }, key)
  const { choices, error } = (await response.json()) as {
    choices?: [{ message: { content: string } }]
    error?: { message: string; code: string }
  }
  return { status: response.status, headers: response.headers, said: choices?.[0].message.content, error }
}

describe('by complexity', () => {
  it('a simple prompt goes to the cheap model, a complex one to the able', async () => {
    expect((await ask('auto', SIMPLE)).said).toBe('cheap')
    expect((await ask('auto', COMPLEX)).said).toBe('able')
  })

  it('the answer says where it comes from, and why', async () => {
    const { headers } = await ask('auto', SIMPLE)
    for (const prefix of ['x-litellm', 'x-tianji']) {
      expect(headers.get(`${prefix}-model-group`)).toBe('auto')
      expect(headers.get(`${prefix}-auto-router-model`)).toBe('cheap')
      expect(headers.get(`${prefix}-auto-router-tier`)).toBe('SIMPLE')
      expect(Number(headers.get(`${prefix}-auto-router-score`))).toBeLessThan(0.05)
    }
  })

  it('also under another name of the auto-router', async () => {
    expect((await ask('smart', COMPLEX)).said).toBe('able')
  })

  it("the vendor's own model is asked for", async () => {
    await ask('auto', SIMPLE)
    expect(JSON.parse(upstream.arrived[0]!.text)).toMatchObject({ model: 'cheap' })
  })

  it('streams come from the chosen model', async () => {
    const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'streamed' }, finish_reason: 'stop' }] }
    behaviours = { able: { headers: { 'content-type': 'text/event-stream' }, pieces: [sse(chunk, '[DONE]')] } }
    const body = { model: 'auto', stream: true, messages: [{ role: 'user', content: COMPLEX }] }
    const response = await post('/v1/chat/completions', body)
    expect(response.headers.get('x-tianji-auto-router-model')).toBe('able')
    expect(await response.text()).toContain('streamed')
  })

  it('completions are judged by their prompt', async () => {
    await post('/v1/completions', { model: 'auto', prompt: COMPLEX })
    expect(asked()).toEqual(['able'])
  })

  it('an image goes to a model that can see', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }
    expect((await ask('auto', [{ type: 'text', text: SIMPLE }, image])).said).toBe('able')
  })

  it("the chosen group's fallbacks stand in for it", async () => {
    behaviours = { cheap: failure }
    const { said, headers } = await ask('auto', SIMPLE)
    expect(said).toBe('poet')
    expect(headers.get('x-litellm-attempted-fallbacks')).toBe('1')
  })

  it('a key needs leave for the name it asks for', async () => {
    expect((await ask('auto', SIMPLE, {}, 'sk-confined-for-tests')).said).toBe('cheap')
    expect((await ask('cheap', SIMPLE, {}, 'sk-confined-for-tests')).status).toBe(403)
    expect((await ask('by-meaning', SIMPLE, {}, 'sk-confined-for-tests')).status).toBe(403)
  })

  it('auto-routers are listed as models', async () => {
    const headers = { authorization: `Bearer ${MASTER_KEY}` }
    const { data } = (await (await fetch(`${gateway.url}/v1/models`, { headers })).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['cheap', 'auto', 'judged', 'by-meaning', 'smart']))
  })
})

describe('with a model that classifies', () => {
  it('it decides', async () => {
    behaviours = { judge: completion('{"tier": "COMPLEX"}') }
    const { said, headers } = await ask('judged', SIMPLE)
    expect(said).toBe('able')
    expect(headers.get('x-litellm-auto-router-tier')).toBe('COMPLEX')
    expect(asked()).toEqual(['judge', 'able'])
  })

  it('it is asked whatever the tags of the request', async () => {
    behaviours = { judge: completion('{"tier": "COMPLEX"}') }
    expect((await ask('judged', SIMPLE, { tags: ['blue'] })).said).toBe('able')
    expect(asked()).toEqual(['judge', 'able'])
  })

  it('the looks of the prompt decide when it fails', async () => {
    behaviours = { judge: failure }
    expect((await ask('judged', SIMPLE)).said).toBe('cheap')
    expect((await ask('judged', COMPLEX)).said).toBe('able')
  })
})

describe('by meaning', () => {
  it('a prompt goes to the route whose utterances are closest, the others to the default', async () => {
    expect((await ask('by-meaning', 'Some code, please.')).said).toBe('able')
    const { said, headers } = await ask('by-meaning', [{ type: 'text', text: 'A short poem.' }])
    expect(said).toBe('poet')
    expect(Number(headers.get('x-tianji-auto-router-score'))).toBeCloseTo(1)
    expect((await ask('by-meaning', 'Hello.')).said).toBe('cheap')
  })

  it('a vendor of embeddings that hangs keeps a request for two seconds, and the default answers', async () => {
    const hanging = await fakeUpstream()
    hanging.script({ body: '', hangs: true })
    const yaml = `model_list:\n${groups()}\n${semantic}\n`.replace(`${upstream.url}/embedder`, hanging.url)
    const own = await startGateway(yaml)
    const body = { model: 'by-meaning', messages: [{ role: 'user', content: 'code' }] }
    const response = await post('/v1/chat/completions', body, MASTER_KEY, own.url)
    expect(response.headers.get('x-tianji-auto-router-model')).toBe('cheap')
    expect(hanging.arrived).toHaveLength(2)
    await hanging.close()
    await own.stop(100)
  })

  it('a vendor of embeddings that is down is told of once', async () => {
    behaviours = { embedder: failure }
    const { url, output } = tianji(['start', '--port', '0'], {
      folder: folderWith({ 'proxy_config.yaml': `model_list:\n${groups()}\n${semantic}\n` }),
    })
    const body = { model: 'by-meaning', messages: [{ role: 'user', content: 'code' }] }
    for (let time = 0; time < 4; time++) {
      const response = await post('/v1/chat/completions', body, MASTER_KEY, await url)
      expect(response.headers.get('x-tianji-auto-router-model')).toBe('cheap')
    }
    await expect.poll(() => output().match(/"msg":"request"/g)).toHaveLength(4)
    expect(output().match(/The auto-router by-meaning cannot have texts embedded by embedder/g)).toHaveLength(1)
  })

  it("the request's guardrails judge what is embedded", async () => {
    await ask('by-meaning', 'A poem for ada@example.com', { guardrails: ['masks'] })
    expect(asked()).toEqual(expect.arrayContaining(['embedder', 'poet']))
    for (const { text } of upstream.arrived) expect(text).not.toContain('ada@example.com')
  })

  it('its routes may be in a file', async () => {
    const routes = { routes: [{ name: 'poet', utterances: ['a poem'] }] }
    const { url } = tianji(['start', '--port', '0'], {
      folder: folderWith({
        'routes.json': JSON.stringify(routes),
        'proxy_config.yaml': `
model_list:
${groups()}
  - model_name: filed
    litellm_params:
      model: auto_router/filed
      auto_router_config_path: routes.json
      auto_router_default_model: cheap
      auto_router_embedding_model: embedder
`,
      }),
    })
    const body = { model: 'filed', messages: [{ role: 'user', content: 'a poem' }] }
    const response = await post('/v1/chat/completions', body, MASTER_KEY, await url)
    expect(response.headers.get('x-tianji-auto-router-model')).toBe('poet')
  })
})

describe('POST /auto_router/explain', () => {
  it('tells the decision with all its signals, and asks no model for an answer', async () => {
    const response = await post('/auto_router/explain', { model: 'auto', prompt: SIMPLE })
    expect(response.status).toBe(200)
    const { model, decision } = (await response.json()) as { model: string; decision: Record<string, unknown> }
    expect(model).toBe('auto')
    expect(decision).toMatchObject({
      model: 'cheap',
      tier: 'SIMPLE',
      score: expect.any(Number),
      why: [expect.any(String)],
    })
    expect(decision.signals).toContainEqual({
      signal: 'simpleIndicators',
      value: -1,
      weight: 0.28,
      contribution: -0.28,
      found: ['what is', 'capital of'],
    })
    expect(asked()).toEqual([])
  })

  it('takes messages and other names too', async () => {
    const response = await post('/auto_router/explain', {
      model: 'smart',
      messages: [{ role: 'user', content: COMPLEX }],
    })
    expect(await response.json()).toMatchObject({ model: 'smart', decision: { model: 'able', tier: 'COMPLEX' } })
  })

  it.each([
    [{ model: 'cheap', prompt: SIMPLE }, 404, 'There is no auto-router "cheap".'],
    [{ model: 'auta', prompt: SIMPLE }, 404, 'There is no auto-router "auta". Did you mean auto?'],
    [{ model: 'auto' }, 400, 'The request needs a `model`, and `messages` or a `prompt`.'],
  ])('%j gets %i', async (body, status, message) => {
    const response = await post('/auto_router/explain', body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(message) } })
  })

  it('needs a key that may use the auto-router', async () => {
    expect((await post('/auto_router/explain', { model: 'auto', prompt: SIMPLE }, 'sk-wrong')).status).toBe(401)
    const confined = await post('/auto_router/explain', { model: 'judged', prompt: SIMPLE }, 'sk-confined-for-tests')
    expect(confined.status).toBe(403)
  })

  it('takes nothing but POST', async () => {
    const response = await fetch(`${gateway.url}/auto_router/explain`)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('a configuration', () => {
  const complexity = (config: string) =>
    `{model_name: auto, litellm_params: {model: auto_router/complexity_router, complexity_router_config: ${config}}}`
  const meant = (params: string) =>
    `{model_name: auto, litellm_params: {model: auto_router/any, auto_router_default_model: cheap, ${params}}}`
  const routes = `auto_router_config: '{"routes": [{"name": "able", "utterances": ["a"]}]}'`

  it.each([
    [
      complexity('{tiers: {MEDIUM: cheep}}'),
      'complexity_router_config',
      'auto_router: The model "cheep" is not configured. Did you mean cheap?',
    ],
    [
      complexity('{tiers: {MEDIUM: auto}}'),
      'complexity_router_config',
      'auto_router: The model "auto" is an auto-router itself.',
    ],
    [
      complexity('{tiers: {HIGH: cheap}}'),
      'complexity_router_config',
      'auto_router: tiers.HIGH: expected one of SIMPLE, MEDIUM, COMPLEX, REASONING',
    ],
    [meant(routes), 'auto_router_embedding_model', 'auto_router: is missing'],
    [
      meant(`${routes}, auto_router_embedding_model: auto`),
      'auto_router_embedding_model',
      'auto_router: The model "auto" is an auto-router itself.',
    ],
    [
      meant(`auto_router_config: '{', auto_router_embedding_model: embedder`),
      'auto_router_config',
      'auto_router: is not JSON',
    ],
    [
      meant('auto_router_config_path: none.json, auto_router_embedding_model: embedder'),
      'auto_router_config_path',
      'auto_router: the file none.json cannot be read',
    ],
  ])('%s is refused with its place', async (entry, path, message) => {
    const yaml = `model_list:\n${groups()}\n  - ${entry}\n`
    const error = await startGateway(yaml).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    const [problem, ...others] = (error as ConfigError).problems
    expect(others).toEqual([])
    expect(problem).toMatchObject({ severity: 'error', file: 'proxy_config.yaml', line: 7, path, message })
    expect(problem!.column).toBeGreaterThan(1)
  })

  it('gives an auto-router a name of its own', async () => {
    const entry = complexity('{tiers: {MEDIUM: able}}').replace('auto,', 'cheap,')
    await expect(startGateway(`model_list:\n${groups()}\n  - ${entry}\n`)).rejects.toThrow(
      'The auto-router cheap needs a model_name of its own, without a *.',
    )
  })
})
