import { describe, expect, test } from 'vitest'
import { type Config, formatProblem, readConfig, splitModel } from '../src/index.ts'

const read = (text: string) => readConfig(text, { env: () => undefined })
const problemsOf = (text: string) => read(text).problems.map(formatProblem)

function modelsOf(text: string): Config['models'] {
  const { config, problems } = read(text)
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return config.models
}

describe('provider and model', () => {
  test.each([
    ['openai/gpt-4o', undefined, 'openai', 'gpt-4o'],
    ['bedrock/converse/anthropic.claude', undefined, 'bedrock', 'converse/anthropic.claude'],
    ['gpt-4o', undefined, 'openai', 'gpt-4o'],
    ['ft:gpt-4o:acme::1', undefined, 'openai', 'ft:gpt-4o:acme::1'],
    ['meta-llama/Llama-3', undefined, 'openai', 'meta-llama/Llama-3'],
    ['text-completion-openai/gpt-3.5', undefined, 'openai', 'gpt-3.5'],
    ['cohere_chat/command-r', undefined, 'cohere', 'command-r'],
    ['vllm/m', undefined, 'hosted_vllm', 'm'],
    ['anthropic/*', undefined, 'anthropic', '*'],
    ['*', undefined, '*', '*'],
    ['*', 'groq', 'groq', '*'],
    ['gpt-4o', 'azure', 'azure', 'gpt-4o'],
    ['azure/gpt-4o', 'azure', 'azure', 'gpt-4o'],
    ['openai/gpt-oss-120b', 'hosted_vllm', 'hosted_vllm', 'openai/gpt-oss-120b'],
    ['azure_text/x', 'azure', 'azure', 'x'],
    ['/x', undefined, 'openai', '/x'],
    ['constructor/x', undefined, 'constructor', 'x'],
  ])('of %j with %j are %j and %j', (written, given, provider, model) => {
    expect(splitModel(written, given)).toEqual({ provider, model })
  })

  test('must name a model', () => {
    expect(problemsOf('model_list: [{model_name: a, litellm_params: {model: openai/}}]')).toEqual([
      'proxy_config.yaml:1:47: error: model_list[0].litellm_params.model: names no model',
    ])
  })
})

test('a deployment keeps apart what is for the gateway and what is for the provider', () => {
  const [model] = modelsOf(`model_list:
  - model_name: gpt
    litellm_params:
      model: azure/gpt-4o
      api_key: k
      api_version: 2024-02-01
      temperature: 0.2
      max_tokens:
      folder_options: {inner_key: 1}
      drop_params: yes
      headers: {X-A: 1, X-B: b}
      extra_headers: {X-A: 2}
      extra_body: {a_b: null}
      timeout: "30"
      stream_timeout: 5
      ssl_verify: /etc/ca.pem
      max_retries: 4
      weight: 3
      rpm: 10
      tpm: 1e3
      order: 1
      max_parallel_requests: 8
      cooldown_time: 0.5
      tags: [paid]
      mock_response: hi
      guardrails: [g]
      max_budget: 10
      input_cost_per_token: 0.000001
      cache_read_input_token_cost: 1e-7
    model_info: {id: 7, mode: chat, access_groups: [x]}
guardrails: [{guardrail_name: g, litellm_params: {guardrail: lasso, mode: pre_call}}]
`)
  const { position, positionOf, ...rest } = model!
  expect(rest).toEqual({
    budget: { max: 10, soft: undefined, duration: undefined },
    name: 'gpt',
    provider: 'azure',
    model: 'gpt-4o',
    options: { apiKey: 'k', apiVersion: '2024-02-01', temperature: 0.2, folderOptions: { inner_key: 1 } },
    params: { api_key: 'k', api_version: '2024-02-01', temperature: 0.2, folder_options: { inner_key: 1 } },
    gatewayParams: { max_budget: 10, input_cost_per_token: 0.000001, cache_read_input_token_cost: 1e-7 },
    dropParams: true,
    extraHeaders: { 'X-A': '2', 'X-B': 'b' },
    extraBody: { a_b: null },
    timeout: 30,
    streamTimeout: 5,
    sslVerify: '/etc/ca.pem',
    numRetries: 4,
    weight: 3,
    rpm: 10,
    tpm: 1000,
    order: 1,
    maxParallelRequests: 8,
    cooldownTime: 0.5,
    tags: ['paid'],
    mockResponse: 'hi',
    guardrails: ['g'],
    id: '7',
    info: { id: 7, mode: 'chat', access_groups: ['x'] },
  })
  expect(position).toEqual({ file: 'proxy_config.yaml', line: 2, column: 5 })
  expect(positionOf('rpm')).toEqual({ file: 'proxy_config.yaml', line: 19, column: 7 })
  expect(positionOf('not_there')).toEqual({ file: 'proxy_config.yaml', line: 3, column: 5 })
})

test('default_litellm_params fill in what a deployment does not say', () => {
  const models = modelsOf(`model_list:
  - {model_name: a, litellm_params: {model: groq/x, temperature: 1}}
  - {model_name: a, litellm_params: {model: groq/y, timeout: 3}}
router_settings: {default_litellm_params: {temperature: 0, timeout: 9}}
`)
  expect(models).toMatchObject([
    { params: { temperature: 1 }, timeout: 9 },
    { params: { temperature: 0 }, timeout: 3 },
  ])
})

test('a list of organizations makes a deployment of each', () => {
  const models = modelsOf(`model_list:
  - {model_name: a, litellm_params: {model: openai/x, organization: [o1, o2]}, model_info: {id: mine}}
  - {model_name: b, litellm_params: {model: openai/x, organization: o3}, model_info: {id: other}}
  - {model_name: c, litellm_params: {model: openai/x, organization: [$UNSET]}}
`)
  expect(models.map(({ name, id, options }) => [name, id, options.organization])).toEqual([
    ['a', 'mine-1', 'o1'],
    ['a', 'mine-2', 'o2'],
    ['b', 'other', 'o3'],
    ['c', undefined, undefined],
  ])
})

describe('a credential', () => {
  const list =
    'credential_list: [{credential_name: shared, credential_values: {api_key: k, api_base: b}, credential_info: {}}]'

  test('fills in what a deployment does not say itself', () => {
    const [model] = modelsOf(
      `${list}\nmodel_list: [{model_name: a, litellm_params: {model: azure/x, api_base: own, litellm_credential_name: shared}}]`,
    )
    expect(model?.options).toEqual({ apiKey: 'k', apiBase: 'own' })
  })

  test('must be there', () => {
    expect(
      problemsOf(
        `${list}\nmodel_list: [{model_name: a, litellm_params: {model: azure/x, litellm_credential_name: share}}]`,
      ),
    ).toEqual([
      'proxy_config.yaml:2:63: error: model_list[0].litellm_params.litellm_credential_name: no such entry in credential_list: "share". Did you mean shared?',
    ])
  })
})

test('references to models and guardrails that are not there are warned of', () => {
  const text = `model_list:
  - {model_name: big, litellm_params: {model: groq/x, guardrails: [safty]}, model_info: {id: big-1}}
  - {model_name: openai/*, litellm_params: {model: openai/*}}
guardrails: [{guardrail_name: safety, litellm_params: {guardrail: lasso, mode: pre_call}}]
litellm_settings: {default_fallbacks: [bigg]}
router_settings:
  fallbacks: [{big: [openai/gpt-4o, big-1, other]}]
  context_window_fallbacks: [{big: [small]}]
  model_group_alias: {small: big, tiny: {model: tinny, hidden: true}}
`
  expect(problemsOf(text)).toEqual([
    'proxy_config.yaml:2:68: warning: model_list[0].litellm_params.guardrails[0]: no such guardrail. Did you mean safety?',
    'proxy_config.yaml:5:40: warning: litellm_settings.default_fallbacks[0]: no such model. Did you mean big?',
    'proxy_config.yaml:7:44: warning: router_settings.fallbacks[0].big[2]: no such model.',
    'proxy_config.yaml:9:35: warning: router_settings.model_group_alias.tiny: no such model. Did you mean tiny?',
  ])
})
