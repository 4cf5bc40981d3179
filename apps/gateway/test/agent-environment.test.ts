import { formatProblem, readConfig } from '@tianjillm/config'
import { describe, expect, test } from 'vitest'
import { envProviders } from '../src/agent/env-providers.ts'
import { equipped } from '../src/agent/environment.ts'

type Env = Readonly<Record<string, string>>

const configOf = (yaml: string) => readConfig(yaml, { env: () => undefined }).config!
const hostOf = (env: Env) => ({ env: (name: string) => env[name] })

function found(env: Env, yaml = 'model_list: []', hasOwnModels = yaml.includes('model_name')) {
  const { models, order, problems } = envProviders(configOf(yaml), hostOf(env), hasOwnModels)
  const names = models.map(({ name, provider, model }) => `${name}: ${provider}/${model}`)
  return { names, order, said: problems.map(({ severity, message }) => `${severity}: ${message}`) }
}

const openai = { OPENAI_API_KEY: 'sk-1' }
const maas = { MAAS_API_KEY: 'key', MAAS_MODEL_NAME: 'deepseek-v3' }
const own = 'model_list: [{model_name: gpt, litellm_params: {model: openai/gpt-4o, api_key: any}}]'

describe('the providers of the environment', () => {
  test('are those that it has keys for, OpenAI with gpt-4o unless it says otherwise', () => {
    expect(found({ ...openai, ...maas })).toEqual({
      names: ['openai: openai/gpt-4o', 'huawei_maas: huawei_maas/deepseek-v3'],
      order: ['openai', 'huawei_maas'],
      said: [],
    })
    expect(found({ ...openai, OPENAI_MODEL: 'gpt-4.1' }).names).toEqual(['openai: openai/gpt-4.1'])
    expect(found({})).toMatchObject({ names: [], said: [] })
  })

  test('are not there when the operator has chosen models, unless one is wanted', () => {
    expect(found({ ...openai, ...maas }, own).names).toEqual([])
    expect(found({ ...openai, ...maas, LLM_PROVIDER: 'huawei_maas' }, own)).toMatchObject({
      names: ['openai: openai/gpt-4o', 'huawei_maas: huawei_maas/deepseek-v3'],
      order: ['huawei_maas', 'openai'],
    })
    expect(found({ ...openai, ...maas }, `${own}\nagent: {providers: [gpt, openai]}`)).toMatchObject({
      names: ['openai: openai/gpt-4o'],
      order: ['gpt', 'openai'],
    })
  })

  test('are not there when the operator chose the one of another program, or wants no agent', () => {
    const { names, said } = found({ ...openai, LLM_PROVIDER: 'opnai' }, own)
    expect([names, said]).toEqual([
      [],
      ['warning: LLM_PROVIDER is opnai, which is no provider here. Did you mean openai?'],
    ])
    expect(found(openai, 'agent: {enabled: false}')).toEqual({ names: [], order: [], said: [] })
  })

  test('make way for a group of their name', () => {
    const group = 'model_list: [{model_name: openai, litellm_params: {model: mock/m}}]'
    expect(found({ LLM_PROVIDER: 'openai' }, group)).toEqual({ names: [], order: ['openai'], said: [] })
  })

  test('are not taken for what a group with any name serves', () => {
    const any = 'model_list: [{model_name: "*", litellm_params: {model: "openai/*", api_key: any}}]'
    expect(found({ ...openai, LLM_PROVIDER: 'anthropic' }, any)).toMatchObject({ names: [], order: [] })
  })

  test.each<[string, Env, string, string]>([
    ['a key', { LLM_PROVIDER: 'openai' }, '', 'error: the provider openai cannot be asked: set OPENAI_API_KEY.'],
    [
      'a key and a model',
      { LLM_PROVIDER: 'huawei_maas' },
      '',
      'error: the provider huawei_maas cannot be asked: set MAAS_API_KEY and MAAS_MODEL_NAME.',
    ],
    ['a model', { MAAS_API_KEY: 'key' }, '', 'warning: the provider huawei_maas cannot be asked: set MAAS_MODEL_NAME.'],
    [
      'a key that the file asks for',
      {},
      'agent: {default_provider: openai}',
      'warning: the provider openai cannot be asked: set OPENAI_API_KEY.',
    ],
    [
      'a URL',
      { ...maas, LLM_PROVIDER: 'huawei_maas', MAAS_API_URL: 'example.com' },
      '',
      'error: the provider huawei_maas cannot be asked: MAAS_API_URL must be a URL such as https://example.com/v1.',
    ],
    [
      'a key, where there is a server',
      { MCP_SERVER_COMMAND: 'run' },
      '',
      'warning: there is no model that could use the MCP server: set OPENAI_API_KEY, or MAAS_API_KEY and MAAS_MODEL_NAME.',
    ],
    [
      'another name',
      openai,
      'agent: {providers: [opnai]}',
      'warning: there is no provider "opnai". Did you mean openai?',
    ],
  ])('say what is missing: %s', (_what, env, yaml, problem) => {
    expect(found(env, yaml || 'model_list: []').said).toEqual([problem])
  })
})

describe('what the environment adds to a configuration', () => {
  const added = (env: Env, yaml = 'model_list: []', masterKey?: string) => {
    const { config, problems } = equipped(configOf(yaml), hostOf(env), masterKey)
    return { servers: config.sections.mcp_servers, keys: config.keys, said: problems.map(formatProblem).join() }
  }

  test.each<[string, Env, unknown]>([
    ['nothing', {}, undefined],
    ['a URL', { MCP_SERVER_URL: 'http://x/mcp' }, { url: 'http://x/mcp', transport: 'auto' }],
    [
      'a URL and a transport',
      { MCP_SERVER_URL: 'http://x/sse', MCP_TRANSPORT: 'sse' },
      { url: 'http://x/sse', transport: 'sse' },
    ],
    ['a command', { MCP_SERVER_COMMAND: 'run "a b"' }, { command: 'run', args: ['a b'], transport: 'stdio' }],
    [
      'both, and which',
      { MCP_SERVER_COMMAND: 'run', MCP_SERVER_URL: 'http://x', MCP_TRANSPORT: 'stdio' },
      { command: 'run', args: [], transport: 'stdio' },
    ],
  ])('is a server by %s', (_what, env, server) => {
    expect(added(env)).toMatchObject({ said: '' })
    expect((added(env).servers as { default?: unknown } | undefined)?.default).toEqual(server)
  })

  test('is no server where there is one of its name, and one more beside others', () => {
    const env = { MCP_SERVER_URL: 'http://x/mcp' }
    expect(added(env, 'mcp_servers: {default: {url: "http://own"}}').servers).toEqual({
      default: { url: 'http://own' },
    })
    expect(Object.keys(added(env, 'mcp_servers: {docs: {url: "http://own"}}').servers as object)).toEqual([
      ...['docs', 'default'],
    ])
  })

  test.each<[Env, string]>([
    [{ MCP_SERVER_URL: 'http://x', MCP_TRANSPORT: 'stdio' }, 'so MCP_SERVER_COMMAND must be set'],
    [{ MCP_SERVER_COMMAND: 'run', MCP_TRANSPORT: 'http' }, 'so MCP_SERVER_URL must be set'],
    [{ MCP_SERVER_URL: 'http://x', MCP_TRANSPORT: 'pigeon' }, 'MCP_TRANSPORT must be one of stdio, sse, http, auto'],
    [{ MCP_SERVER_COMMAND: 'run "a' }, 'MCP_SERVER_COMMAND is no command'],
  ])('is no server when it contradicts itself: %j', (env, problem) => {
    expect(added(env)).toMatchObject({ servers: undefined, said: expect.stringContaining(problem) })
  })

  test('is a key, when there is no master key', () => {
    const env = { API_TOKEN: 'sk-token' }
    expect(added(env, 'keys: [{key: sk-own}]').keys.map(({ keyAlias }) => keyAlias)).toEqual(['API_TOKEN', undefined])
    expect(added(env, 'model_list: []', 'sk-master').keys).toEqual([])
  })
})
