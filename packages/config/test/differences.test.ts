import { expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

function differences(text: string, env: Record<string, string> = { TIANJI_MASTER_KEY: 'k' }): readonly string[] {
  return readConfig(text, { env: (name) => env[name], compares: true })
    .problems.filter(({ topic }) => topic === 'difference')
    .map(formatProblem)
}

test('nothing is compared unless somebody asks', () => {
  const { problems } = readConfig('router_settings: {num_retries: 0}', { env: () => undefined })
  expect(problems).toEqual([])
})

test.each([
  ['router_settings: {num_retries: 0}', '1:19: note: router_settings.num_retries: with 0 no other deployment'],
  ['litellm_settings: {num_retries: 2}', '1:20: note: litellm_settings.num_retries: pauses between tries grow'],
  ['router_settings: {allowed_fails: 2}', '1:19: note: router_settings.allowed_fails: a deployment that fails more'],
  ['tianji_settings: {request_timeout: 2}', '1:19: note: tianji_settings.request_timeout: counts to the head'],
  ['router_settings: {enable_tag_filtering: yes}', '1:19: note: router_settings.enable_tag_filtering: a request whose'],
  ['router_settings: {routing_strategy: usage-based-routing}', '1:19: note: router_settings.routing_strategy: chooses'],
  [
    'model_list: [{model_name: a, litellm_params: {model: openai/a, max_parallel_requests: 1}}]',
    '1:64: note: model_list[0].litellm_params.max_parallel_requests: what is over it',
  ],
  [
    'guardrails: [{guardrail_name: g, litellm_params: {guardrail: x, mode: [pre_call, post_call], fail_mode: closed}}]',
    '1:65: note: guardrails[0].litellm_params.mode: a stream under post_call',
  ],
  [
    'guardrails: [{guardrail_name: g, litellm_params: {guardrail: x, mode: pre_call}}]',
    '1:34: note: guardrails[0].litellm_params: a guardrail that fails itself',
  ],
])('%s is told', (text, expected) => {
  const told = differences(text)
  expect(told).toHaveLength(1)
  expect(told[0]).toContain(`proxy_config.yaml:${expected}`)
})

test.each([
  'router_settings: {allowed_fails: 2, cooldown_time: 30}',
  'router_settings: {enable_tag_filtering: false, routing_strategy: usage-based-routing-v2}',
  'guardrails: [{guardrail_name: g, litellm_params: {guardrail: x, mode: pre_call, fail_open: true}}]',
])('%s means the same', (text) => {
  expect(differences(text)).toEqual([])
})

test('a file without any key is told of its address, unless the environment has one', () => {
  const told = [
    'proxy_config.yaml:1:1: note: general_settings.master_key: without any key the gateway listens on 127.0.0.1 alone.',
  ]
  expect(differences('model_list: []', {})).toEqual(told)
  expect(differences('model_list: []', { LITELLM_MASTER_KEY: 'k' })).toEqual([])
  expect(differences('general_settings: {master_key: k}', {})).toEqual([])
  expect(differences('keys: [{key: k}]', {})).toEqual([])
})
