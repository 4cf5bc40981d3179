// biome-ignore-all lint/suspicious/noTemplateCurlyInString: JavaScript in a configuration.
import { describe, expect, test } from 'vitest'
import { type Config, formatProblem, readConfig } from '../src/index.ts'

const read = (text: string) => readConfig(text, { env: () => undefined })
const problemsOf = (text: string) => read(text).problems.map(formatProblem)

function configOf(text: string): Config {
  const { config, problems } = read(text)
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return config
}

describe('a guardrail', () => {
  const withParams = (params: string) =>
    `guardrails: [{guardrail_name: g, litellm_params: {guardrail: lasso, mode: pre_call, ${params}}}]`

  test('has its options in camelCase, and its common settings apart', () => {
    const [guardrail] = configOf(`guardrails:
  - guardrail_name: judge
    litellm_params:
      guardrail: lakera_v2
      mode: [Pre_Call, post_call]
      default_on: true
      api_key: k
      project_id: p
      timeout: "10"
      weight: 2
      on_flagged: block
    guardrail_info: {params: []}
`).guardrails
    const { position, positionOf, ...rest } = guardrail!
    expect(rest).toEqual({
      name: 'judge',
      plugin: 'lakera_v2',
      modes: ['pre_call', 'post_call'],
      modeTags: undefined,
      defaultOn: true,
      failMode: undefined,
      timeout: 10,
      weight: 2,
      options: { apiKey: 'k', projectId: 'p', onFlagged: 'block' },
      info: { params: [] },
    })
    expect([position.line, positionOf('project_id').line]).toEqual([2, 8])
  })

  test.each([
    ['fail_mode: open', 'open'],
    ['fail_mode: fail_closed', 'closed'],
    ['fail_open: true', 'open'],
    ['fail_open: "False"', 'closed'],
    ['fail_on_error: false', 'open'],
    ['fail_on_error: true', 'closed'],
    ['unreachable_fallback: fail_open', 'open'],
    ['unreachable_fallback: fail_closed', 'closed'],
    ['block_failures: no', 'open'],
    ['fallback_on_error: allow', 'open'],
    ['fallback_on_error: block', 'closed'],
    ['fail_open: true, unreachable_fallback: fail_open', 'open'],
  ])('with %s fails %s', (params, failMode) => {
    const { guardrails } = configOf(withParams(params))
    expect(guardrails[0]).toMatchObject({ failMode, options: {} })
  })

  test('fails closed when told both', () => {
    expect(problemsOf(withParams('fail_open: true, fail_on_error: true'))).toEqual([
      'proxy_config.yaml:1:34: warning: guardrails[0].litellm_params: fail_open and fail_on_error contradict each other. It fails closed.',
    ])
    expect(configOf(withParams('fail_open: true, fail_on_error: true')).guardrails[0]?.failMode).toBe('closed')
  })

  test('may have modes by tag', () => {
    const [guardrail] = configOf(`guardrails:
  - guardrail_name: g
    litellm_params: {guardrail: lasso, mode: {tags: {"User-Agent: curl": PRE_CALL, paid: [post_call]}, default: during_call}}
`).guardrails
    expect(guardrail?.modes).toEqual(['during_call'])
    expect([...guardrail!.modeTags!]).toEqual([
      ['User-Agent: curl', ['pre_call']],
      ['paid', ['post_call']],
    ])
  })

  test('runs before the call when it has no mode, and is warned of a mode nobody knows', () => {
    expect(problemsOf('guardrails:\n  - guardrail_name: g\n    litellm_params: {guardrail: lasso}')).toEqual([
      'proxy_config.yaml:3:5: warning: guardrails[0].litellm_params.mode: is missing, so it runs as pre_call.',
    ])
    expect(
      problemsOf('guardrails:\n  - guardrail_name: g\n    litellm_params: {guardrail: lasso, mode: precall}'),
    ).toEqual([
      'proxy_config.yaml:3:40: warning: guardrails[0].litellm_params.mode: no such mode. Did you mean pre_call?',
    ])
  })

  test('may be listed in the settings, and its plugin written with a slash or a hyphen', () => {
    const config = configOf(`litellm_settings:
  guardrails: [{guardrail_name: a, litellm_params: {guardrail: azure/prompt_shield, mode: pre_call}}]
router_settings:
  guardrail_list: [{guardrail_name: b, litellm_params: {guardrail: hide-secrets, mode: pre_call}}]
`)
    expect(config.guardrails.map(({ name, plugin }) => [name, plugin])).toEqual([
      ['a', 'azure_prompt_shield'],
      ['b', 'hide_secrets'],
    ])
  })

  test('that is Python code is left out, with a warning', () => {
    const text = `guardrails:
  - {guardrail_name: a, litellm_params: {guardrail: my_module.Guard, mode: pre_call}}
  - guardrail_name: b
    litellm_params:
      guardrail: custom_code
      mode: pre_call
      custom_code: |
        async def apply_guardrail(inputs, request_data, input_type):
          return allow()
  - guardrail_name: c
    litellm_params:
      guardrail: custom_code
      mode: pre_call
      custom_code: |
        function apply_guardrail(inputs) { return allow(\`\${inputs}\`) }
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:2:42: warning: guardrails[0].litellm_params.guardrail: is Python code, which does not run here; it is left out. Write a guardrail plugin and name it in plugins.',
      'proxy_config.yaml:7:7: warning: guardrails[1].litellm_params.custom_code: is Python code, which does not run here; it is left out. Write the function in JavaScript.',
    ])
    expect(configOf(text).guardrails).toMatchObject([
      { name: 'c', options: { customCode: 'function apply_guardrail(inputs) { return allow(`${inputs}`) }\n' } },
    ])
  })
})

describe('callbacks', () => {
  test('of all lists are one each, with the settings of all places', () => {
    const { callbacks } = configOf(`callbacks: [cost_hook]
litellm_settings:
  callbacks:
    - langfuse
    - websearch_interception: {enabled_providers: [bedrock]}
  success_callback: [s3_v2, langsmith]
  failure_callback: [langsmith, weave_otel]
  websearch_interception_params: {search_tool_name: brave, enabled_providers: []}
callback_settings:
  langfuse: {flush_interval: 5}
`)
    expect(callbacks.map(({ name, plugin, on, options }) => ({ name, plugin, on, options }))).toEqual([
      { name: 'cost_hook', plugin: 'cost_hook', on: 'both', options: {} },
      { name: 'langfuse', plugin: 'langfuse', on: 'both', options: { flushInterval: 5 } },
      {
        name: 'websearch_interception',
        plugin: 'websearch_interception',
        on: 'both',
        options: { searchToolName: 'brave', enabledProviders: ['bedrock'] },
      },
      { name: 's3_v2', plugin: 's3_v2', on: 'success', options: {} },
      { name: 'langsmith', plugin: 'langsmith', on: 'both', options: {} },
      { name: 'weave_otel', plugin: 'weave', on: 'failure', options: {} },
    ])
  })

  test('know where they were written', () => {
    const { callbacks } = configOf('litellm_settings:\n  callbacks:\n    - langfuse\n    - otel: {a: 1}')
    expect(callbacks.map(({ position }) => [position.line, position.column])).toEqual([
      [3, 7],
      [4, 7],
    ])
  })

  test('may have a name of their own for a plugin', () => {
    const { callbacks } = configOf(`litellm_settings: {callbacks: my_sink}
callback_settings: {my_sink: {callback_type: generic_api, endpoint: http://a}}
`)
    expect(callbacks).toMatchObject([{ name: 'my_sink', plugin: 'generic_api', options: { endpoint: 'http://a' } }])
  })
})

test('search tools may be listed in three places', () => {
  const config = configOf(`search_tools:
  - search_tool_name: web
    litellm_params: {search_provider: exa_ai, api_key: k, timeout: 5, max_retries: 1, search_engine_id: e, input_cost_per_query: 0.1}
    search_tool_info: {description: d}
router_settings: {search_tools: [{search_tool_name: b, litellm_params: {search_provider: brave}}]}
general_settings: {search_tools: [{search_tool_name: c, litellm_params: {search_provider: tavily}}]}
`)
  expect(config.searchTools).toMatchObject([
    {
      name: 'web',
      provider: 'exa_ai',
      options: { apiKey: 'k', searchEngineId: 'e' },
      prices: { input_cost_per_query: 0.1 },
      timeout: 5,
      maxRetries: 1,
      info: { description: 'd' },
      position: { line: 2, column: 5 },
    },
    { name: 'b', provider: 'brave' },
    { name: 'c', provider: 'tavily' },
  ])
})

describe('settings', () => {
  test('of the router win over the same in litellm_settings', () => {
    const { router } = configOf(`litellm_settings:
  num_retries: 5
  allowed_fails: 7
  request_timeout: 60
  fallbacks: [{a: [b]}, {c: [d, e]}]
  default_fallbacks: [z]
router_settings:
  num_retries: 0
  routing_strategy: least-busy
  enable_pre_call_check: true
  model_group_alias: {x: a, y: {model: b, hidden: true}}
  redis_host: r
`)
    expect(router).toMatchObject({
      numRetries: 0,
      allowedFails: 7,
      timeout: 60,
      routingStrategy: 'least-busy',
      enablePreCallChecks: true,
      defaultFallbacks: ['z'],
      rest: { redis_host: 'r' },
    })
    expect([...router.fallbacks]).toEqual([
      ['a', ['b']],
      ['c', ['d', 'e']],
    ])
    expect(router.modelGroupAlias.get('y')).toEqual({ model: 'b', isHidden: true })
  })

  test('have defaults', () => {
    expect(configOf('plugins: []')).toMatchObject({
      settings: { dropParams: false, requestTimeout: undefined, rest: {} },
      general: { masterKey: undefined, rest: {} },
      router: {
        routingStrategy: 'simple-shuffle',
        numRetries: 2,
        allowedFails: undefined,
        cooldownTime: 5,
        maxFallbacks: 5,
        tagFilteringMatchAny: true,
      },
    })
  })

  test('that are not read yet are kept as written', () => {
    const config = configOf(`litellm_settings: {cache: true, cache_params: {type: redis}, json_logs: on}
general_settings: {master_key: sk-1, max_request_size_mb: 10, alerting: [slack]}
`)
    expect(config.settings).toMatchObject({ jsonLogs: true, rest: { cache: true, cache_params: { type: 'redis' } } })
    expect(config.general).toMatchObject({ masterKey: 'sk-1', maxRequestSizeMb: 10, rest: { alerting: ['slack'] } })
  })
})
