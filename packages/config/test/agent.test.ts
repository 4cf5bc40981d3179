import { describe, expect, test } from 'vitest'
import { type AgentConfig, formatProblem, readConfig } from '../src/index.ts'

const read = (text: string) => readConfig(text, { env: () => undefined })

function agentOf(text: string): AgentConfig {
  const { config, problems } = read(`model_list: []\n${text}`)
  expect(problems.map(formatProblem)).toEqual([])
  return config!.agent
}

const usual: AgentConfig = {
  isEnabled: true,
  rateLimit: 10,
  window: 60,
  maxParallel: 10,
  queryTimeout: 60,
  toolTimeout: 30,
  maxTurns: 10,
  maxResultTokens: 16_384,
  sessionIdle: 3_600,
  defaultProvider: undefined,
  providers: undefined,
  transports: { stdio: true, sse: true, http: true },
  trustedProxies: [],
}

describe('the agent', () => {
  test('has its usual limits where nothing is said', () => {
    expect(agentOf('')).toEqual(usual)
    expect(agentOf('agent: {}')).toEqual(usual)
  })

  test('is as the file says', () => {
    const text = `
agent:
  enabled: "no"
  rate_limit: "100"
  window: 0.5
  max_parallel: 2
  query_timeout: 20
  tool_timeout: 1.5
  max_turns: 3
  max_result_tokens: 100
  session_idle: 60
  default_provider: huawei_maas
  providers: [huawei_maas, openai]
  transports: {stdio: false}
  trusted_proxies: [10.0.0.0/8, "::1"]`
    expect(agentOf(text)).toEqual({
      isEnabled: false,
      rateLimit: 100,
      window: 0.5,
      maxParallel: 2,
      queryTimeout: 20,
      toolTimeout: 1.5,
      maxTurns: 3,
      maxResultTokens: 100,
      sessionIdle: 60,
      defaultProvider: 'huawei_maas',
      providers: ['huawei_maas', 'openai'],
      transports: { stdio: false, sse: true, http: true },
      trustedProxies: ['10.0.0.0/8', '::1'],
    })
  })

  test.each([
    ['rate_limit: 0', 'agent.rate_limit: expected a positive whole number'],
    ['window: 0', 'agent.window: expected a positive number'],
    ['query_timeout: "-1"', 'agent.query_timeout: expected a positive number'],
    ['transports: {stdio: maybe}', 'agent.transports.stdio: expected true or false'],
    ['trusted_proxies: [10.0.0.0/33]', 'agent.trusted_proxies[0]: expected an address or a range such as 10.0.0.0/8'],
    ['trusted_proxies: [localhost]', 'agent.trusted_proxies[0]: expected an address or a range such as 10.0.0.0/8'],
  ])('cannot be given %s', (text, message) => {
    const { config, problems } = read(`agent: {${text}}`)
    expect(config).toBeUndefined()
    expect(problems.map(formatProblem).join()).toContain(message)
  })

  test('tells of keys that nobody knows', () => {
    const { problems } = read('agent: {rate_limits: 5, transports: {stdoi: false}}')
    const said = problems.map(formatProblem).join('\n')
    expect(said).toContain('agent.rate_limits: unknown key. Did you mean rate_limit?')
    expect(said).toContain('agent.transports.stdoi: unknown key. Did you mean stdio?')
  })
})
