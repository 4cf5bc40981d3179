import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { readConfig } from '@tianjillm/config'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ConfigSource, type Started, start } from '../src/index.ts'
import { MASTER_KEY } from './support.ts'

const CONFINED = 'sk-confined-for-tests'

let gateway: Started
let text: string

const reread = (): ConfigSource => ({
  ...readConfig(text, { env: () => undefined }),
  title: 'test',
  folder: import.meta.dirname,
})

async function serve(yaml: string): Promise<void> {
  text = yaml
  gateway = await start({ source: reread(), reread, port: 0, host: '127.0.0.1', logLevel: 'silent' })
}

afterEach(() => gateway.stop(100))

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
}

/** Asked by a client that undoes nothing. */
function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(`${gateway.url}${path}`, { method, headers }, (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, bytes: Buffer.concat(pieces) }),
      )
    })
    call.on('error', reject)
    call.end()
  })
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

type Facts = Readonly<Record<string, unknown>>

async function told(path: string, key = MASTER_KEY): Promise<unknown> {
  const { status, bytes } = await ask(path, bearer(key))
  expect(status).toBe(200)
  return JSON.parse(bytes.toString())
}

async function groups(key?: string, query = ''): Promise<readonly Facts[]> {
  return ((await told(`/model_group/info${query}`, key)) as { data: Facts[] }).data
}

async function group(name: string, key?: string): Promise<Facts | undefined> {
  const [found] = await groups(key, `?model_group=${encodeURIComponent(name)}`)
  return found
}

interface Model {
  readonly model_name: string
  readonly litellm_params: Facts
  readonly model_info: Facts
}

async function models(key?: string, query = ''): Promise<readonly Model[]> {
  return ((await told(`/model/info${query}`, key)) as { data: Model[] }).data
}

const errorOf = ({ bytes }: Answer): Facts => (JSON.parse(bytes.toString()) as { error: Facts }).error

const house = `
model_list:
  - model_name: mixed
    litellm_params: {model: openai/gpt-4, api_key: k, rpm: 10, tpm: 1000}
  - model_name: mixed
    litellm_params: {model: anthropic/claude-haiku-4-5-20251001, api_key: k, rpm: 5}
  - model_name: priced
    litellm_params: {model: openai/gpt-4o, api_key: k, input_cost_per_token: 0.5, temperature: 0.2}
    model_info: {id: the-priced, max_input_tokens: 10, supports_vision: false, input_cost_per_token: 0.25, team: shop}
  - model_name: vectors
    litellm_params: {model: openai/text-embedding-3-small, api_key: k}
  - model_name: nobody-knows
    litellm_params: {model: openai/ours, api_key: k}
  - model_name: searching
    litellm_params: {model: gemini/gemini-2.5-flash, api_key: k}
  - model_name: half
    litellm_params: {model: openai/gpt-4o, api_key: k}
    model_info: {supports_web_search: true, supports_streaming: false}
  - model_name: half
    litellm_params: {model: anthropics/claude-haiku-4-5-20251001, api_key: k}
  - model_name: groq/*
    litellm_params: {model: groq/*, api_key: k}
  - model_name: canned
    litellm_params: {model: openai/gpt-4o, mock_response: Hi.}
  - model_name: auto
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config: {tiers: {SIMPLE: priced, COMPLEX: mixed}}
      complexity_router_default_model: mixed
router_settings:
  model_group_alias: {other: mixed, clever: auto, hidden: {model: priced, hidden: true}}
litellm_settings:
  public_model_groups: [mixed, other, not-there]
keys:
  - {key: ${CONFINED}, models: [priced, other, groq/llama-3.3-70b-versatile, elsewhere/x]}
general_settings: {master_key: ${MASTER_KEY}}
`

describe('GET /model_group/info', () => {
  beforeEach(() => serve(house))

  it('takes the deployments of a group together', async () => {
    expect(await group('mixed')).toMatchObject({
      model_group: 'mixed',
      providers: ['openai', 'anthropic'],
      mode: 'chat',
      max_input_tokens: 200_000,
      max_output_tokens: 64_000,
      input_cost_per_token: 3e-5,
      output_cost_per_token: 6e-5,
      input_cost_per_pixel: null,
      rpm: 15,
      tpm: 1000,
      supports_vision: true,
      supports_function_calling: true,
      supports_web_search: false,
      supports_streaming: true,
      supports_native_streaming: true,
      is_public_model_group: true,
    })
  })

  it('believes litellm_params first, model_info second and the map last', async () => {
    expect(await group('priced')).toMatchObject({
      input_cost_per_token: 0.5,
      output_cost_per_token: 1e-5,
      max_input_tokens: 10,
      max_output_tokens: 16_384,
      supports_vision: false,
      is_public_model_group: false,
    })
  })

  it('tells of models that are not for chats', async () => {
    expect(await group('vectors')).toMatchObject({
      mode: 'embedding',
      supports_streaming: false,
      supported_openai_params: ['dimensions', 'encoding_format', 'user'],
    })
  })

  it('knows of searches where the provider can ask for them, or model_info says so', async () => {
    const searches = async (name: string) => (await group(name))!.supports_web_search
    expect([await searches('searching'), await searches('half'), await searches('priced')]).toEqual([true, true, false])
  })

  it('leaves out deployments that cannot be asked, as long as others can', async () => {
    expect(await group('half')).toMatchObject({ providers: ['openai'], supports_streaming: false })
    expect((await models()).filter(({ model_name }) => model_name === 'half')).toHaveLength(1)
  })

  it('says null of what is not known', async () => {
    expect(await group('nobody-knows')).toMatchObject({
      mode: 'chat',
      max_input_tokens: null,
      input_cost_per_token: null,
      rpm: null,
      supports_vision: false,
      supports_streaming: true,
    })
  })

  it('lists what /v1/models lists', async () => {
    const { data } = (await told('/v1/models')) as { data: { id: string }[] }
    const names = (await groups()).map(({ model_group }) => model_group)
    expect(names).toEqual(data.map(({ id }) => id))
    expect(names).toEqual([
      'mixed',
      'priced',
      'vectors',
      'nobody-knows',
      'searching',
      'half',
      'groq/*',
      'canned',
      'auto',
      'other',
      'clever',
    ])
  })

  it('knows another name of a group, also one that is not listed', async () => {
    const [mixed, other] = [await group('mixed'), await group('other')]
    expect(other).toEqual({ ...mixed, model_group: 'other' })
    expect(await group('hidden')).toMatchObject({ model_group: 'hidden', max_input_tokens: 10 })
  })

  it('knows what a wildcard stands for', async () => {
    expect(await group('groq/llama-3.3-70b-versatile')).toMatchObject({
      model_group: 'groq/llama-3.3-70b-versatile',
      providers: ['groq'],
      max_input_tokens: 131_072,
    })
    expect(await group('groq/*')).toMatchObject({ providers: ['groq'], max_input_tokens: null })
  })

  it('tells of an auto-router, but not what it chooses from', async () => {
    const told = { providers: ['auto_router'], mode: 'chat', supports_streaming: true, supports_vision: false }
    expect(await group('auto')).toMatchObject(told)
    expect(await group('clever')).toEqual({ ...(await group('auto')), model_group: 'clever' })
    expect((await models()).find(({ model_name }) => model_name === 'auto')).toMatchObject({
      litellm_params: { model: 'auto_router/complexity_router' },
      model_info: { mode: 'chat', id: 'auto', db_model: false },
    })
    expect(JSON.stringify(await models())).not.toContain('SIMPLE')
  })

  it('tells a key only of what it may use', async () => {
    const names = (await groups(CONFINED)).map(({ model_group }) => model_group)
    expect(names).toEqual(['priced', 'other', 'groq/llama-3.3-70b-versatile'])
    const { status } = await ask('/model_group/info?model_group=mixed', bearer(CONFINED))
    expect(status).toBe(404)
  })

  it('answers 404 for a name that nobody serves, with the one that was meant', async () => {
    const answer = await ask('/model_group/info?model_group=vector', bearer(MASTER_KEY))
    expect(answer.status).toBe(404)
    expect(errorOf(answer)).toMatchObject({
      code: 'model_not_found',
      param: 'model_group',
      message: 'The model "vector" is not configured. Did you mean vectors?',
    })
  })

  it('needs a key', async () => {
    for (const path of ['/model_group/info', '/model/info', '/v1/model/info', '/utils/supported_openai_params?model=a'])
      expect((await ask(path)).status).toBe(401)
  })

  it('takes GET alone', async () => {
    const { status, headers } = await ask('/model_group/info', bearer(MASTER_KEY), 'POST')
    expect([status, headers.allow]).toEqual([405, 'GET'])
  })
})

describe('GET /model/info', () => {
  beforeEach(() => serve(house))

  it('tells of each deployment', async () => {
    const found = (await models()).find(({ model_name }) => model_name === 'priced')
    expect(found).toMatchObject({
      model_name: 'priced',
      litellm_params: { model: 'openai/gpt-4o', temperature: 0.2 },
      model_info: {
        ...{ id: 'the-priced', db_model: false, team: 'shop', litellm_provider: 'openai', mode: 'chat' },
        ...{ max_input_tokens: 10, supports_vision: false, input_cost_per_token: 0.5 },
        supported_openai_params: expect.arrayContaining(['temperature', 'tools']),
      },
    })
    expect(await told('/v1/model/info')).toEqual(await told('/model/info'))
  })

  it('tells of one by its id', async () => {
    const found = await models(MASTER_KEY, '?litellm_model_id=the-priced')
    expect(found.map(({ model_name }) => model_name)).toEqual(['priced'])
  })

  it('answers 404 for an id that nobody has, or that the key may not use', async () => {
    const unused = (await models()).find(({ model_name }) => model_name === 'vectors')!.model_info.id
    for (const [id, key] of [['none', MASTER_KEY] as const, [String(unused), CONFINED] as const]) {
      const answer = await ask(`/model/info?litellm_model_id=${id}`, bearer(key))
      expect(answer.status).toBe(404)
      expect(errorOf(answer)).toMatchObject({ code: 'model_not_found', param: 'litellm_model_id' })
    }
  })

  it('gives the id that answers tell', async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(MASTER_KEY), 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'canned', messages: [{ role: 'user', content: 'Hi' }] }),
    })
    const canned = (await models()).find(({ model_name }) => model_name === 'canned')
    expect(canned?.model_info.id).toBe(response.headers.get('x-litellm-model-id'))
  })

  it('names deployments as the key asks for them', async () => {
    const found = await models(CONFINED)
    expect(found.map(({ model_name, litellm_params }) => [model_name, litellm_params.model])).toEqual([
      ['priced', 'openai/gpt-4o'],
      ['other', 'openai/gpt-4'],
      ['other', 'anthropic/claude-haiku-4-5-20251001'],
      ['groq/llama-3.3-70b-versatile', 'groq/llama-3.3-70b-versatile'],
    ])
  })
})

describe('GET /utils/supported_openai_params', () => {
  beforeEach(() => serve(house))

  it('tells what the provider takes', async () => {
    const path = (name: string) => `/utils/supported_openai_params?model=${name}`
    const of = async (name: string) =>
      ((await told(path(name))) as { supported_openai_params: string[] }).supported_openai_params
    expect(await of('nobody-knows')).toContain('logit_bias')
    expect(await of('groq/any')).toContain('temperature')
    expect(await of('groq/any')).not.toContain('logit_bias')
    expect((await ask(path('none'), bearer(MASTER_KEY))).status).toBe(404)
    expect((await ask('/utils/supported_openai_params', bearer(MASTER_KEY))).status).toBe(400)
  })
})

describe('what is public', () => {
  it('needs no key, and tells no more than it should', async () => {
    await serve(house)
    const tell = async (path: string) => JSON.parse((await ask(path)).bytes.toString())
    const providers: string[] = await tell('/public/providers')
    expect(providers).toEqual(expect.arrayContaining(['anthropic', 'bedrock', 'groq', 'mock', 'openai']))
    expect(providers).toEqual(providers.toSorted())
    const hub: Facts[] = await tell('/public/model_hub')
    expect(hub.map(({ model_group }) => model_group)).toEqual(['mixed', 'other'])
    expect(hub[0]).toEqual(await group('mixed'))
    const map: Readonly<Record<string, Facts>> = await tell('/public/litellm_model_cost_map')
    expect(Object.keys(map).length).toBeGreaterThan(1_000)
    expect(map['gpt-4o']).toMatchObject({ litellm_provider: 'openai', max_input_tokens: 128_000 })
    expect(await tell('/public/tianji_model_cost_map')).toEqual(map)
  })

  it('has no groups where none are named', async () => {
    await serve('model_list: [{model_name: m, litellm_params: {model: mock/mock}}]')
    expect((await ask('/public/model_hub')).bytes.toString()).toBe('[]')
  })
})

describe('an answer', () => {
  const costMap = '/public/litellm_model_cost_map'

  it('is not sent again to whoever has it', async () => {
    await serve(house)
    for (const path of ['/public/providers', costMap, '/public/model_hub', '/model_group/info', '/model/info'])
      for (const coding of ['gzip', 'identity']) {
        const headers = { ...bearer(MASTER_KEY), 'accept-encoding': coding }
        const first = await ask(path, headers)
        const { etag } = first.headers
        expect(etag).toMatch(/^"[^"]+"$/)
        for (const tags of [`"x", ${etag}`, `W/${etag}`, '*']) {
          const again = await ask(path, { ...headers, 'if-none-match': tags })
          expect([again.status, again.bytes.length, again.headers.etag]).toEqual([304, 0, etag])
        }
        expect((await ask(path, { ...headers, 'if-none-match': '"x"' })).status).toBe(200)
      }
  })

  it('is compressed for clients that can read that, when it is long', async () => {
    await serve(house)
    for (const path of [costMap, '/model_group/info']) {
      const plain = await ask(path, bearer(MASTER_KEY))
      for (const accepted of ['gzip', 'br, gzip;q=0.5', '*']) {
        const zipped = await ask(path, { ...bearer(MASTER_KEY), 'accept-encoding': accepted })
        expect(zipped.headers['content-encoding']).toBe('gzip')
        expect(zipped.headers.vary).toContain('accept-encoding')
        expect(gunzipSync(zipped.bytes).equals(plain.bytes)).toBe(true)
        expect(zipped.bytes.length).toBeLessThan(plain.bytes.length / 3)
        expect(zipped.headers.etag).not.toBe(plain.headers.etag)
      }
      for (const accepted of ['identity', 'gzip;q=0', 'br']) {
        const unzipped = await ask(path, { ...bearer(MASTER_KEY), 'accept-encoding': accepted })
        expect(unzipped.headers).not.toHaveProperty('content-encoding')
      }
    }
    const short = await ask('/public/providers', { 'accept-encoding': 'gzip' })
    expect(short.headers).not.toHaveProperty('content-encoding')
  })

  it('may be asked for by HEAD', async () => {
    await serve(house)
    const { status, bytes, headers } = await ask(costMap, {}, 'HEAD')
    expect([status, bytes.length]).toEqual([200, 0])
    expect(headers.etag).toBe((await ask(costMap)).headers.etag)
  })

  it('is of one configuration, the old or the new', async () => {
    const generation = (name: string) => `
model_list:
${Array.from({ length: 60 }, (_, index) => `  - {model_name: ${name}-${index}, litellm_params: {model: mock/mock}}`).join('\n')}
litellm_settings: {public_model_groups: [${name}-0, ${name}-1]}
general_settings: {master_key: ${MASTER_KEY}}
`
    await serve(generation('old'))
    const hub = async () => JSON.parse((await ask('/public/model_hub')).bytes.toString()) as readonly Facts[]
    const kinds = (list: readonly Facts[]) => [
      ...new Set(list.map(({ model_group }) => String(model_group).split('-')[0])),
    ]
    expect(kinds(await groups())).toEqual(['old'])
    text = generation('new')
    const reloaded = ask('/config/reload', bearer(MASTER_KEY), 'POST')
    const seen = await Promise.all(Array.from({ length: 20 }, async () => [await groups(), await hub()]))
    for (const list of seen.flat()) {
      expect([['old'], ['new']]).toContainEqual(kinds(list))
      expect([60, 2]).toContain(list.length)
    }
    expect((await reloaded).status).toBe(200)
    expect([kinds(await groups()), kinds(await hub())]).toEqual([['new'], ['new']])
  })
})

describe('secrets', () => {
  it('are in no answer', async () => {
    const secrets = Array.from({ length: 14 }, (_, index) => `hidden-value-${index}-x`)
    const [key, header, extra, awsId, awsKey, token, user, password, query, body, noted, nested, named, organization] =
      secrets
    await serve(`
model_list:
  - model_name: a
    litellm_params:
      model: openai/gpt-4o
      api_key: ${key}
      api_base: https://${user}:${password}@models.example/v1?key=${query}
      organization: ${organization}
      headers: {x-auth: ${header}}
      extra_headers: {Authorization: Bearer ${extra}}
      extra_body: {password: ${body}}
      user: ${named}
    model_info: {note: "it is ${key}", api_token: ${noted}, owner: {client_secret: ${nested}}, max_tokens: 7}
  - model_name: b
    litellm_params:
      model: bedrock/anthropic.claude-3-haiku-20240307-v1:0
      aws_access_key_id: ${awsId}
      aws_secret_access_key: ${awsKey}
      aws_session_token: ${token}
      aws_region_name: eu-central-1
litellm_settings: {public_model_groups: [a, b]}
general_settings: {master_key: ${MASTER_KEY}}
`)
    const paths = ['/model_group/info', '/model/info', '/public/model_hub', '/public/providers']
    const answers = await Promise.all(paths.map(async (path) => (await ask(path, bearer(MASTER_KEY))).bytes.toString()))
    for (const secret of [...secrets, MASTER_KEY]) expect(answers.join('\n')).not.toContain(secret)
    const [a, b] = await models()
    expect(a!.litellm_params).toEqual({ model: 'openai/gpt-4o', api_base: 'https://models.example/v1' })
    expect(a!.model_info).toMatchObject({ note: 'it is [redacted]', owner: {}, max_tokens: 7 })
    expect(b!.litellm_params).toEqual({
      model: 'bedrock/anthropic.claude-3-haiku-20240307-v1:0',
      aws_region_name: 'eu-central-1',
    })
  })
})
