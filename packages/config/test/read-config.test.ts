// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test.
import { describe, expect, test } from 'vitest'
import { type Config, formatProblem, readConfig } from '../src/index.ts'

const read = (text: string, env: Record<string, string> = {}) => readConfig(text, { env: (name) => env[name] })
const problemsOf = (text: string, env: Record<string, string> = {}) =>
  read(text, env)
    .problems.filter(({ severity }) => severity !== 'note')
    .map(formatProblem)

function configOf(text: string, env: Record<string, string> = {}): Config {
  const { config, problems } = read(text, env)
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return config
}

describe('the file as a whole', () => {
  test('is immutable once read', () => {
    const config = configOf('model_list: [{model_name: a, litellm_params: {model: groq/b, stop: [x]}}]')
    expect(() => Object.assign(config.models[0]!, { name: 'b' })).toThrow(TypeError)
    expect(() => (config.models[0]!.params.stop as string[]).push('y')).toThrow(TypeError)
  })

  test.each(['', '# only a comment', '---'])('without content has no models, and says so: %j', (text) => {
    const { config, problems } = read(text)
    expect(problems).toMatchObject([
      { severity: 'warning', line: 1, path: '', message: 'the file is empty, so there are no models' },
    ])
    expect(config?.models).toEqual([])
  })

  test('may leave sections empty', () => {
    const text =
      'model_list:\nguardrails:\nlitellm_settings:\ngeneral_settings:\nrouter_settings:\nenvironment_variables:\n'
    expect(problemsOf(text)).toEqual([])
    expect(configOf(text)).toMatchObject({ models: [], guardrails: [], router: { numRetries: 2 } })
  })

  test('must be a map', () => {
    expect(problemsOf('- a\n- b')).toEqual(['proxy_config.yaml:1:1: error: expected a map, received a list'])
    expect(problemsOf('general_settings: [a]\nrouter_settings: {model_group_alias: [b]}')).toEqual([
      'proxy_config.yaml:1:1: error: general_settings: expected a map, received a list',
      'proxy_config.yaml:2:19: error: router_settings.model_group_alias: expected a map, received a list',
    ])
    expect(problemsOf('hello')).toEqual(['proxy_config.yaml:1:1: error: expected a map, received "hello"'])
  })

  test('keeps the sections that others read', () => {
    const { sections } = configOf('mcp_servers: {files: {url: "${HOST:-http://a}/mcp", env: {KEY: "${X-KEY}"}}}')
    expect(sections).toEqual({ mcp_servers: { files: { url: 'http://a/mcp', env: { KEY: '${X-KEY}' } } } })
  })

  test('is refused when it is enormous', () => {
    expect(problemsOf(`a: ${'x'.repeat(5 * 1024 * 1024)}`)).toEqual([
      'proxy_config.yaml:1:1: error: larger than 5242880 characters',
    ])
  })

  test('names the plugins of the user, and where', () => {
    expect(configOf("plugins:\n  - '@acme/guardrail-x'\n  - ./mine.ts").plugins).toEqual([
      { specifier: '@acme/guardrail-x', position: { file: 'proxy_config.yaml', line: 2, column: 5 } },
      { specifier: './mine.ts', position: { file: 'proxy_config.yaml', line: 3, column: 5 } },
    ])
  })
})

describe('problems', () => {
  test('come all at once, in the order of the lines, with line, column and the path as written', () => {
    const text = `model_list:
  - model_name: gpt
    tianji_params:
      model: openai/gpt-4o
      rpm: many
      extra_headers: none
  - model_name: other
    litellm_params:
      api_base: https://a
  - litellm_params: {model: groq/x, guardrails: [1]}
router_settings:
  num_retries: [2]
  fallbacks:
    - gpt: other
genral_settings: {}
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:5:7: error: model_list[0].tianji_params.rpm: expected a number, received "many"',
      'proxy_config.yaml:6:7: error: model_list[0].tianji_params.extra_headers: expected a map, received a string that is not shown',
      'proxy_config.yaml:8:5: error: model_list[1].litellm_params.model: is missing',
      'proxy_config.yaml:10:5: error: model_list[2].model_name: is missing',
      'proxy_config.yaml:10:50: error: model_list[2].litellm_params.guardrails[0]: expected a string, received 1',
      'proxy_config.yaml:12:3: error: router_settings.num_retries: expected a number, received a list',
      'proxy_config.yaml:14:7: error: router_settings.fallbacks[0].gpt: expected a list, received "other"',
      'proxy_config.yaml:15:1: warning: genral_settings: unknown key. Did you mean general_settings?',
    ])
  })

  test('point into the alternative that a value came closest to', () => {
    expect(problemsOf('litellm_settings:\n  callbacks:\n    - langfuse\n    - 7')).toEqual([
      'proxy_config.yaml:4:7: error: litellm_settings.callbacks[1]: expected a name, or a map from a name to its options, received 7',
    ])
  })

  test('hold every syntax error', () => {
    expect(problemsOf('a: [1, 2\nb: "x\nc: @d')).toEqual([
      'proxy_config.yaml:2:1: error: Flow sequence in block collection must be sufficiently indented and end with a ]',
      'proxy_config.yaml:3:6: error: Missing closing "quote',
    ])
  })

  test('tell of a key that is there twice, and of a second document', () => {
    expect(problemsOf('plugins: []\nplugins: []')).toEqual(['proxy_config.yaml:2:1: error: this key is there twice'])
    expect(problemsOf('plugins: []\n---\nplugins: []')).toEqual([
      'proxy_config.yaml:2:1: error: a configuration is one YAML document, and here a second one begins',
    ])
  })

  test('count lines alike with Windows line ends and a byte order mark', () => {
    expect(problemsOf('\uFEFFplugins: []\r\nmodel_list: 3\r\n')).toEqual([
      'proxy_config.yaml:2:1: error: model_list: expected a list, received 3',
    ])
  })

  test('never show what came from the environment, nor what a secret key holds', () => {
    const text = `model_list:
  - model_name: a
    litellm_params: {model: groq/b, rpm: os.environ/SECRET, litellm_credential_name: $SECRET}
general_settings:
  master_key: {a: 1}
  database_url: 12345
guardrails:
  - {guardrail_name: g, litellm_params: {guardrail: x, mode: pre_call, fail_mode: "\${SECRET}"}}`
    const problems = problemsOf(text, { SECRET: 'sk-very-secret' })
    expect(problems.length).toBeGreaterThan(2)
    expect(problems.join()).not.toContain('sk-very-secret')
    expect(problems.join()).not.toContain('12345')
    const valid = problemsOf(
      text.replace('rpm: os.environ/SECRET, ', '').replace('{a: 1}', 'x').replace('12345', 'x'),
      {
        SECRET: 'sk-very-secret',
      },
    )
    expect(valid).toEqual([
      'proxy_config.yaml:3:37: error: model_list[0].litellm_params.litellm_credential_name: no such entry in credential_list: a string that is not shown.',
      'proxy_config.yaml:8:72: error: guardrails[0].litellm_params.fail_mode: expected closed or open or fail_closed or fail_open, received a string that is not shown',
    ])
  })
})

describe('aliases and anchors', () => {
  test('merge with <<, own keys first', () => {
    const text = `x-shared: &shared
  api_key: k
  timeout: 5
x-more: &more {timeout: 9, rpm: 3}
model_list:
  - model_name: a
    litellm_params:
      <<: [*shared, *more]
      api_key: own
      model: groq/b`
    expect(problemsOf(text)).toEqual([])
    expect(configOf(text).models[0]).toMatchObject({ options: { apiKey: 'own' }, timeout: 5, rpm: 3 })
  })

  test('cannot blow up', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
    expect(problemsOf(['l0: &l0 x', ...levels].join('\n')).join('\n')).toContain('its aliases grow without bounds')
  })

  test('cannot contain themselves', () => {
    expect(problemsOf('a: &a [*a]')).toEqual([
      'proxy_config.yaml:1:8: error: a[0][0]: is nested too deeply, or its aliases grow without bounds',
    ])
  })

  test('must be known', () => {
    expect(problemsOf('plugins: *nowhere')).toEqual([
      'proxy_config.yaml:1:1: error: plugins: there is no &nowhere above this *nowhere',
    ])
    expect(problemsOf('a: {<<: 3}')).toEqual([
      'proxy_config.yaml:1:5: error: a["<<"]: expected a map, or a list of maps',
    ])
  })
})

describe('keys', () => {
  test('that are odd do no harm', () => {
    const text = `__proto__: {polluted: 1}
model_list:
  - model_name: a
    litellm_params:
      model: groq/b
      __proto__: {polluted: 2}
      extra_body: {__proto__: {polluted: 3}, constructor: {prototype: {polluted: 4}}}
router_settings:
  model_group_alias: {constructor: a, __proto__: a}`
    const { config, problems } = read(text)
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      '__proto__ is a reserved name, and ignored',
      'model_list[0].litellm_params.__proto__ is a reserved name, and ignored',
      'model_list[0].litellm_params.extra_body.__proto__ is a reserved name, and ignored',
      'router_settings.model_group_alias.__proto__ is a reserved name, and ignored',
    ])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(config?.models[0]?.extraBody.polluted).toBeUndefined()
    expect(config?.router.modelGroupAlias.get('toString')).toBeUndefined()
  })

  test('must be text', () => {
    expect(problemsOf('? [a]\n: 1')).toEqual(['proxy_config.yaml:1:3: error: a key must be text'])
    expect(configOf('mcp_servers: {1: {url: a}}').sections).toEqual({ mcp_servers: { '1': { url: 'a' } } })
  })

  test('that nobody knows are warned of, with the nearest known one or its right section', () => {
    const text = `sections: {}
litellm_settings:
  drop_param: true
  my_sink_params: {}
  completely_new_thing: 1
general_settings:
  routing_strategy: simple-shuffle
router_settings:
  num_retrys: 3
  mcp_servers: {}
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:1:1: warning: sections: unknown key.',
      'proxy_config.yaml:3:3: warning: litellm_settings.drop_param: unknown key. Did you mean drop_params?',
      'proxy_config.yaml:5:3: warning: litellm_settings.completely_new_thing: unknown key.',
      'proxy_config.yaml:7:3: warning: general_settings.routing_strategy: unknown key. It belongs to router_settings.',
      'proxy_config.yaml:9:3: warning: router_settings.num_retrys: unknown key. Did you mean num_retries?',
      'proxy_config.yaml:10:3: warning: router_settings.mcp_servers: unknown key. It belongs to the root of the file.',
    ])
    expect(configOf(text).settings.rest).toEqual({ drop_param: true, my_sink_params: {}, completely_new_thing: 1 })
  })

  test('of a deployment are warned of only when they look mistyped', () => {
    const text = `model_list:
  - model_name: a
    litellm_params: {model: groq/b, api_kye: x, temprature: 1, folder_id: 7, top_k: 3, rmp: 5}
    model_inf: {}
    owner: me
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:3:37: warning: model_list[0].litellm_params.api_kye: unknown key, passed on as it is. Did you mean api_key?',
      'proxy_config.yaml:3:49: warning: model_list[0].litellm_params.temprature: unknown key, passed on as it is. Did you mean temperature?',
      'proxy_config.yaml:3:88: warning: model_list[0].litellm_params.rmp: unknown key, passed on as it is. Did you mean rpm?',
      'proxy_config.yaml:4:5: warning: model_list[0].model_inf: unknown key, passed on as it is. Did you mean model_info?',
    ])
  })

  test('are known in both spellings, and the tianji one wins', () => {
    const text = `litellm_settings: {drop_params: true}
tianji_settings: {drop_params: false}
general_settings: {tianji_key_header_name: X-Key, litellm_key_header_name: X-Old}
model_list:
  - model_name: a
    tianji_params: {model: groq/b, tianji_credential_name: c, extra_body: {tianji_x: 1}}
credential_list: [{credential_name: c, credential_values: {api_key: k}}]
search_tools: [{search_tool_name: s, tianji_params: {search_provider: brave}}]
mcp_servers: {tianji_docs: {url: a}}
router_settings: {fallbacks: [{a: [a]}], model_group_alias: {tianji_a: a}}
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:1:1: warning: litellm_settings: is ignored, because tianji_settings is there too',
      'proxy_config.yaml:3:51: warning: general_settings.litellm_key_header_name: is ignored, because tianji_key_header_name is there too',
    ])
    expect(configOf(text)).toMatchObject({
      settings: { dropParams: false },
      general: { keyHeaderName: 'x-key' },
      models: [{ options: { apiKey: 'k' }, extraBody: { tianji_x: 1 } }],
      searchTools: [{ name: 's', provider: 'brave' }],
      sections: { mcp_servers: { tianji_docs: { url: 'a' } } },
    })
    expect(configOf(text).router.modelGroupAlias.get('tianji_a')).toEqual({ model: 'a', isHidden: false })
  })

  test('whose value is Python code are warned of, each once', () => {
    const text = `general_settings:
  custom_auth: my_auth.check
litellm_settings:
  callbacks: [langfuse, my_module.instance]
  success_callback: my_module.instance
  custom_provider_map: [{provider: x, custom_handler: mine.llm}]
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:2:3: warning: general_settings.custom_auth: is Python code, which does not run here; it is left out. Use master_key and keys of the file, or check callers in front of the gateway.',
      'proxy_config.yaml:4:25: warning: litellm_settings.callbacks[1]: is Python code, which does not run here; it is left out. Write a callback plugin and name it in plugins.',
      'proxy_config.yaml:5:3: warning: litellm_settings.success_callback: is Python code, which does not run here; it is left out. Write a callback plugin and name it in plugins.',
      'proxy_config.yaml:6:3: warning: litellm_settings.custom_provider_map: is Python code, which does not run here; it is left out. Write a provider plugin and name it in plugins.',
    ])
    expect(configOf(text).callbacks.map(({ name }) => name)).toEqual(['langfuse'])
  })
})
