import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { effectiveKeys, effectiveModelKeys } from '../src/effects.ts'
import { formatProblem, readConfig } from '../src/index.ts'
import { modelGatewayKeys, sectionKeys } from '../src/known-keys.ts'

const root = join(import.meta.dirname, '../../..')
/** What acts on a configuration: the gateway, and callbacks that have options among the settings. */
const acting = globSync(['apps/gateway/src/**/*.ts', 'plugins/callback/*/src/*.ts'], { cwd: root })
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n')
const reading = globSync(['packages/config/src/*.ts', 'packages/jwt/src/*.ts'], { cwd: root })
  .filter((path) => !/(known-keys|effects|descriptions|config-file|unknown-keys)\.ts$/.test(path))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n')

const camelCase = (key: string) => key.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
const isNamedIn = (code: string, key: string) => new RegExp(`\\b(${key}|${camelCase(key)})\\b`).test(code)

const notes = (text: string) =>
  readConfig(text, { env: () => 'set' })
    .problems.filter(({ topic }) => topic === 'effect')
    .map(formatProblem)

describe('keys without effect', () => {
  /** Words that the gateway's code has for other things. */
  const alsoElse = new Set([
    ...['allowed_routes', 'budget_duration', 'max_budget', 'max_parallel_requests'],
    ...['num_workers', 'plugins', 'timezone'],
  ])

  test.each(Object.keys(sectionKeys))('of the section "%s" are read by nobody', (section) => {
    const idle = [...sectionKeys[section]!].filter((key) => !effectiveKeys[section]!.has(key))
    expect(idle.filter((key) => isNamedIn(acting, key) && !alsoElse.has(key))).toEqual([])
  })

  test('of a deployment are read by nobody', () => {
    const idle = [...modelGatewayKeys].filter((key) => !effectiveModelKeys.has(key))
    // Those of the settings, of model_info and it itself, of keys, and of a callback.
    const others = ['cache', 'base_model', 'model_info', 'budget_duration', 'max_budget', 'max_agentic_loops']
    expect(idle.filter((key) => isNamedIn(acting, key) && !others.includes(key))).toEqual([])
  })

  test('are known all the same', () => {
    for (const [section, keys] of Object.entries(effectiveKeys))
      expect([...keys].filter((key) => !sectionKeys[section]!.has(key))).toEqual([])
  })

  test('are noted at their places, in the spelling of the file', () => {
    expect(
      notes(`
general_settings: {store_model_in_db: true, num_workers: 4}
tianji_settings: {set_verbose: true, callbacks: [], max_internal_user_budget: 100}
model_list:
  - model_name: a
    tianji_params: {model: openai/b, max_budget: 5, cache_read_input_token_cost: 1, input_cost_per_token: 1}
    model_info: {team_id: t, mode: chat}
guardrails:
  - {guardrail_name: g, litellm_params: {guardrail: x, mode: {tags: {a: pre_call}, default: pre_call}, weight: 2}}
`),
    ).toEqual([
      'proxy_config.yaml:2:20: note: general_settings.store_model_in_db: has no effect here yet. Models are in the file.',
      'proxy_config.yaml:2:45: note: general_settings.num_workers: has no effect here yet. Use --workers.',
      'proxy_config.yaml:3:19: note: tianji_settings.set_verbose: has no effect here yet. Use --log-level debug.',
      'proxy_config.yaml:3:53: warning: tianji_settings.max_internal_user_budget: has no effect here yet. Give users and customers a budget of their own.',
      'proxy_config.yaml:7:18: note: model_list[0].model_info.team_id: has no effect here yet.',
      'proxy_config.yaml:9:63: note: guardrails[0].litellm_params.mode.tags: has no effect here yet.',
      'proxy_config.yaml:9:104: note: guardrails[0].litellm_params.weight: has no effect here yet.',
    ])
  })

  test('are not missed when they are switched off or empty', () => {
    expect(
      notes('general_settings: {store_model_in_db: false, alerting: []}\nlitellm_settings: {max_budget:}\nprompts: []'),
    ).toEqual([])
  })
})

test('every key with an effect is read', () => {
  // Read under names that are put together: those of one prefix, and a callback's `<name>_params`.
  const puzzled = new Set(['redis_db', 'redis_password', 'redis_port', 'websearch_interception_params'])
  const unread = Object.values(effectiveKeys).flatMap((keys) =>
    [...keys].filter((key) => !puzzled.has(key) && !isNamedIn(acting, key) && !isNamedIn(reading, key)),
  )
  expect(unread).toEqual([])
})
