import { createHash } from 'node:crypto'
import type { Scripted } from '@tianjillm/testing'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { openaiClient, refusal } from './clients/openai-client.ts'
import { gatewayAndUpstream, MASTER_KEY, startGateway } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')
const keys = {
  plain: 'the-plain-key',
  hashed: 'the-hashed-key',
  expired: 'the-expired-key',
  lasting: 'the-lasting-key',
  blocked: 'the-blocked-key',
  narrow: 'the-narrow-key',
  twice: 'the-key-for-two',
  once: 'the-key-for-one',
  busy: 'the-busy-key',
  nameless: 'the-nameless-key',
  pair: 'the-key-for-a-pair',
} as const

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - { model_name: fast, litellm_params: { model: openai/gpt-4o, api_key: k, api_base: '${url}' } }
  - { model_name: slow, litellm_params: { model: openai/o9, api_key: k, api_base: '${url}' } }
  - { model_name: any/*, litellm_params: { model: openai/*, api_key: k, api_base: '${url}' } }
search_tools:
  - { search_tool_name: web, litellm_params: { search_provider: brave, api_key: k, api_base: '${url}' } }
general_settings: { master_key: ${MASTER_KEY} }
keys:
  - { key: ${keys.plain}, key_alias: plain, user_id: u-1, team_id: t-1 }
  - { key_hash: ${hashOf(keys.hashed)}, key_alias: hashed }
  - { key: ${keys.expired}, key_alias: expired, expires: 2020-02-01 }
  - { key: ${keys.lasting}, key_alias: lasting, expires: 2999-01-01T00:00:00Z }
  - { key: ${keys.blocked}, key_alias: blocked, blocked: true }
  - { key: ${keys.narrow}, key_alias: narrow, models: [fast, any/gpt-*, any/o1] }
  - { key: ${keys.twice}, key_alias: two, rpm_limit: 2 }
  - { key: ${keys.once}, key_alias: one, rpm_limit: 1 }
  - { key: ${keys.busy}, key_alias: busy, rpm_limit: 1 }
  - { key: ${keys.nameless}, rpm_limit: 1 }
  - { key: ${keys.pair}, key_alias: pair, max_parallel_requests: 2 }
`,
)

const completion: Scripted = {
  body: {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello!' } }],
  },
}

const post = (key: string, path: string, body: object) =>
  fetch(`${gateway().url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const messages = [{ role: 'user' as const, content: 'hi' }]
const ask = (key: string, model = 'fast') => post(key, '/v1/chat/completions', { model, messages })
const get = async (key: string, path: string) => {
  const response = await fetch(`${gateway().url}${path}`, { headers: { authorization: `Bearer ${key}` } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** What a call was refused with, in which no key may be told. */
async function refused(response: Response) {
  const text = await response.text()
  for (const key of Object.values(keys)) expect(text).not.toContain(key)
  return { status: response.status, ...(JSON.parse(text) as { readonly error: Readonly<Record<string, unknown>> }) }
}

describe('a key', () => {
  it.each(['plain', 'hashed', 'lasting'] as const)('that is %s may call, again and again', async (name) => {
    upstream().script(completion)
    expect([(await ask(keys[name])).status, (await ask(keys[name])).status]).toEqual([200, 200])
  })

  it('costs no headers without a limit', async () => {
    upstream().script(completion)
    const { headers } = await ask(keys.plain)
    expect([...headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([])
  })

  it.each(['unknown', hashOf(keys.hashed), `${keys.plain}x`])('that nobody has given, %s, is refused', async (key) => {
    expect(await refused(await ask(key))).toEqual({
      status: 401,
      error: {
        message: 'The API key is not valid.',
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      },
    })
  })

  it('that has expired is refused, and told so', async () => {
    expect(await refused(await ask(keys.expired))).toMatchObject({
      status: 401,
      error: {
        message: 'The gateway takes the key "expired" no more: it expired on 2020-02-01T00:00:00.000Z.',
        type: 'authentication_error',
        code: 'expired_key',
      },
    })
  })

  it('that is blocked is refused, each time', async () => {
    await ask(keys.blocked)
    expect(await refused(await ask(keys.blocked))).toMatchObject({
      status: 401,
      error: { message: 'The gateway has blocked the key "blocked".', code: 'key_blocked' },
    })
  })

  it('is refused before the vendor is asked', async () => {
    upstream().script(completion)
    await Promise.all([ask(keys.expired), ask(keys.blocked), ask('unknown'), ask(keys.narrow, 'slow')])
    expect(upstream().arrived).toEqual([])
  })
})

describe('a key with models', () => {
  it.each(['fast', 'any/gpt-5', 'any/o1'])('may use %s', async (model) => {
    upstream().script(completion)
    expect((await ask(keys.narrow, model)).status).toBe(200)
  })

  it.each(['slow', 'any/o3', 'any/', 'not-there'])('may not use %s', async (model) => {
    expect(await refused(await ask(keys.narrow, model))).toEqual({
      status: 403,
      error: {
        message: `The gateway does not let the key "narrow" use the model "${model}". It may use fast, any/gpt-*, any/o1.`,
        type: 'permission_error',
        param: 'model',
        code: 'key_model_access_denied',
      },
    })
  })

  it('may not use another by naming it in the path', async () => {
    const response = await post(keys.narrow, '/openai/deployments/slow/embeddings', { model: 'fast', input: 'x' })
    expect(response.status).toBe(403)
  })

  it('is shown those alone', async () => {
    const { body } = await get(keys.narrow, '/v1/models')
    expect(body.data).toMatchObject([{ id: 'fast' }, { id: 'any/gpt-*' }, { id: 'any/o1' }])
    expect((await get(keys.narrow, '/v1/models/fast')).status).toBe(200)
    expect((await get(keys.narrow, '/v1/models/slow')).status).toBe(404)
    expect((await get(keys.narrow, '/health')).body.healthy_endpoints).toMatchObject([{ model_name: 'fast' }])
  })

  it.each([MASTER_KEY, keys.plain])('hides nothing from %s, which has none', async (key) => {
    const { body } = await get(key, '/v1/models')
    expect(body.data).toMatchObject([{ id: 'fast' }, { id: 'slow' }, { id: 'any/*' }])
  })

  it('may use search tools, which are no models', async () => {
    upstream().script({ body: { web: { results: [] } } })
    expect((await post(keys.narrow, '/v1/search/web', { query: 'q' })).status).toBe(200)
  })
})

describe('a key with max_parallel_requests', () => {
  it('has so many calls worked on at once, and the next one as soon as one is over', async () => {
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    upstream().script(async () => {
      await finished
      return completion
    })
    const body = { model: 'fast', messages: [{ role: 'user', content: 'Hi' }] }
    const calls = [1, 2].map(() => post(keys.pair, '/v1/chat/completions', body))
    await expect.poll(() => upstream().arrived).toHaveLength(2)
    const third = await post(keys.pair, '/v1/chat/completions', body)
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await third.text()).toContain('works on 2 calls of the key \\"pair\\" already, its max_parallel_requests')
    const other = post(keys.plain, '/v1/chat/completions', body)
    await expect.poll(() => upstream().arrived).toHaveLength(3)
    finish()
    expect((await Promise.all([...calls, other])).map(({ status }) => status)).toEqual([200, 200, 200])
    upstream().script(completion)
    await expect.poll(async () => (await post(keys.pair, '/v1/chat/completions', body)).status).toBe(200)
  })
})

describe('a key with rpm_limit', () => {
  it('gets so many answers, each with what is left, and then a refusal', async () => {
    upstream().script(completion)
    const answers = [await ask(keys.twice), await ask(keys.twice), await ask(keys.twice)]
    const told = answers.map(({ status, headers }) => [
      status,
      headers.get('x-ratelimit-limit-requests'),
      headers.get('x-ratelimit-remaining-requests'),
    ])
    expect(told).toEqual([
      [200, '2', '1'],
      [200, '2', '0'],
      [429, '2', '0'],
    ])
    expect(answers[0]!.headers.get('x-ratelimit-reset-requests')).toBe('30s')
    const wait = Number(answers[2]!.headers.get('retry-after'))
    expect(wait).toSatisfy((seconds: number) => seconds > 0 && seconds <= 30)
    expect(await refused(answers[2]!)).toEqual({
      status: 429,
      error: {
        message: `The gateway's rpm_limit of 2 requests a minute for the key "two" is used up. Try again in ${wait} s.`,
        type: 'rate_limit_error',
        param: null,
        code: 'rate_limit_exceeded',
      },
    })
    expect(upstream().arrived).toHaveLength(2)
  })

  it('spends it on searches and refused requests too', async () => {
    const first = await post(keys.once, '/v1/search/no-such-tool', { query: 'q' })
    expect([first.status, first.headers.get('x-ratelimit-remaining-requests')]).toEqual([404, '0'])
    expect((await ask(keys.once)).status).toBe(429)
  })

  it('is not counted for what is no call', async () => {
    upstream().script(completion)
    await Promise.all([get(keys.busy, '/v1/models'), get(keys.busy, '/v1/search/tools'), get(keys.busy, '/health')])
    expect((await ask(keys.busy)).status).toBe(200)
  })

  it('needs no alias', async () => {
    upstream().script(completion)
    await ask(keys.nameless)
    const { error } = await refused(await ask(keys.nameless))
    expect(error.message).toMatch(/^The gateway's rpm_limit of 1 request a minute for this key is used up\./)
  })
})

describe("OpenAI's client", () => {
  const create = (key: string, model: string) =>
    openaiClient(gateway(), key).chat.completions.create({ model, messages })

  it('knows what each refusal means', async () => {
    expect(await refusal(create('unknown', 'fast'))).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(await refusal(create(keys.expired, 'fast'))).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(await refusal(create(keys.narrow, 'slow'))).toBeInstanceOf(OpenAI.PermissionDeniedError)
    upstream().script(completion)
    await withOwnGateway('keys: [{ key: the-only-key, rpm_limit: 1 }]', async (own) => {
      const client = openaiClient(own, 'the-only-key')
      const { response } = await client.chat.completions.create({ model: 'fast', messages }).withResponse()
      expect(response.headers.get('x-ratelimit-reset-requests')).toBe('1m0s')
      const error = await refusal(client.chat.completions.create({ model: 'fast', messages }))
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error.headers?.get('retry-after')).toMatch(/^\d+$/)
      expect(error.headers?.get('x-ratelimit-remaining-requests')).toBe('0')
    })
  })
})

describe('keys without a master key', () => {
  it('are the only ones that may call', async () => {
    await withOwnGateway('keys: [{ key: the-only-key }]', async (own) => {
      expect(own.isOpen).toBe(false)
      const statuses = ['the-only-key', 'another'].map(async (key) => {
        const response = await fetch(`${own.url}/v1/models`, { headers: { 'x-api-key': key } })
        return response.status
      })
      expect(await Promise.all(statuses)).toEqual([200, 401])
    })
  })
})

describe('global_max_parallel_requests', () => {
  it('refuses what exceeds it at once, and takes calls again when one has ended', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<Scripted>()
    upstream().script(() => gate)
    const settings = 'general_settings: { global_max_parallel_requests: 2 }'
    await withOwnGateway(settings, async (own) => {
      const call = () =>
        fetch(`${own.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'fast', messages }),
        })
      const admitted = [call(), call()]
      await expect.poll(() => upstream().arrived.length).toBe(2)
      const refusals = await Promise.all([call(), call(), call()])
      for (const refusal of refusals) {
        expect(refusal.headers.get('retry-after')).toBe('1')
        expect(await refused(refusal)).toMatchObject({
          status: 429,
          error: {
            message: 'The gateway works on 2 calls already, its global_max_parallel_requests. Try again in a second.',
            type: 'rate_limit_error',
          },
        })
      }
      open(completion)
      const answers = await Promise.all(admitted)
      await Promise.all(answers.map((answer) => answer.text()))
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      await expect.poll(async () => (await call()).status).toBe(200)
    })
  })
})

describe('what is told of a key', () => {
  it('is its hash and names, to callbacks, with its metadata before the client’s', async () => {
    upstream().script((request) => (request.path.includes('/chat/') ? completion : { body: {} }))
    const callback = `
litellm_settings: { callbacks: [langfuse] }
callback_settings:
  langfuse: { public_key: pk-lf-1, secret_key: sk-lf-1, api_base: '${upstream().url}', flush_interval: 0.02 }
keys: [{ key: the-only-key, key_alias: ci, user_id: u-1, team_id: t-1, metadata: { center: 7 } }]`
    await withOwnGateway(callback, async (own) => {
      const body = { model: 'fast', messages, metadata: { center: '8', mine: 'x' } }
      await openaiClient(own, 'the-only-key').chat.completions.create(body)
    })
    const { text } = upstream().arrived.find(({ path }) => path.endsWith('/ingestion'))!
    const facts = [
      ['user_api_key_hash', hashOf('the-only-key')],
      ['user_api_key_alias', 'ci'],
      ['user_api_key_user_id', 'u-1'],
      ['user_api_key_team_id', 't-1'],
      ['center', 7],
      ['mine', 'x'],
    ]
    for (const [name, value] of facts) expect(text).toContain(`"${name}":${JSON.stringify(value)}`)
    expect(text).not.toContain('the-only-key')
  })

  it('is never the key, in logs and errors', async () => {
    const yaml = `
model_list:
  - { model_name: fast, litellm_params: { model: openai/x, api_key: k, api_base: '${upstream().url}' } }
keys: [{ key: os.environ/ONLY_KEY, rpm_limit: 1 }, { key: the-other-key, models: [slow] }]
`
    upstream().script({ status: 400, body: { error: { message: 'I do not like the-only-key, nor the-other-key.' } } })
    const folder = folderWith({ 'proxy_config.yaml': yaml })
    const process = tianji(['start', '--port', '0', '--host', '127.0.0.1'], {
      folder,
      env: { ONLY_KEY: 'the-only-key' },
    })
    const url = await process.url
    let told = ''
    for (const key of ['the-only-key', 'the-other-key', 'the-only-key', 'the-third-key']) {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'fast', messages }),
      })
      told += `${response.status} ${await response.text()}`
    }
    process.signal('SIGTERM')
    await process.exit
    expect(told).toMatch(/^400 .*403 .*429 .*401 /)
    const all = told + process.output() + process.errors()
    expect(all).toContain('[redacted]')
    for (const key of ['the-only-key', 'the-other-key', 'the-third-key']) expect(all).not.toContain(key)
  })
})

/** A gateway of a test's own, with the model `fast`. */
async function withOwnGateway(
  yaml: string,
  use: (own: Awaited<ReturnType<typeof startGateway>>) => Promise<void>,
): Promise<void> {
  const model = `{ model_name: fast, litellm_params: { model: openai/x, api_key: k, api_base: '${upstream().url}' } }`
  const own = await startGateway(`model_list: [${model}]\n${yaml}`)
  try {
    await use(own)
  } finally {
    await own.stop(1_000)
  }
}
