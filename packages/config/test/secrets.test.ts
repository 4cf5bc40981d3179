// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { formatProblem, readConfig } from '../src/index.ts'

/** Something that can only be in a message because it was put there. */
const secret = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 24 })

/** A secret as it might be written by mistake: as a text, in a list, a map, or where something else is meant. */
const misplaced = secret.chain((value) =>
  fc
    .constantFrom<unknown>(value, [value], { nested: value }, { nested: [value, { key: value }] }, `Bearer ${value}`)
    .map((written) => ({ value, written })),
)

/** Documents with something secret at one place, and what is otherwise wrong with them. */
const places: readonly ((written: unknown) => object)[] = [
  (master_key) => ({ general_settings: { master_key, maxster_key: 1 } }),
  (database_url) => ({ general_settings: { database_url, database_urll: 2 } }),
  (api_key) => ({ model_list: [{ model_name: 'a', litellm_params: { model: 'openai/b', api_key, rpm: 'many' } }] }),
  (api_key) => ({ model_list: [{ model_name: 'a', litellm_params: { model: 7, api_key } }] }),
  (aws_secret_access_key) => ({
    model_list: [{ model_name: 'a', tianji_params: { model: 'bedrock/b', aws_secret_access_key, apii_key: '' } }],
  }),
  (headers) => ({ model_list: [{ model_name: 'a', litellm_params: { model: 'openai/b', extra_headers: headers } }] }),
  (credential_values) => ({ credential_list: [{ credential_name: 3, credential_values }] }),
  (api_key) => ({ credential_list: [{ credential_name: 'a', credential_values: { api_key } }] }),
  (key) => ({ keys: [{ key, rpm_limit: -1, expires: 'never' }, { key }] }),
  (key_hash) => ({ keys: [{ key_hash }] }),
  (api_key) => ({ guardrails: [{ guardrail_name: 'g', litellm_params: { guardrail: 'x', mode: 'never', api_key } }] }),
  (api_key) => ({ search_tools: [{ search_tool_name: 's', litellm_params: { search_provider: 5, api_key } }] }),
  (redis_password) => ({ router_settings: { redis_password, redis_url: redis_password, num_retries: 'some' } }),
  (password) => ({ litellm_settings: { cache: 'perhaps', cache_params: { type: 'redis', password } } }),
  (langfuse_secret_key) => ({ litellm_settings: { langfuse_secret_key, drop_params: 'perhaps' } }),
  (secret_key) => ({ callbacks: [{ langfuse: { secret_key } }], callback_settings: { langfuse: { secret_key } } }),
]

test('no problem tells what stands under the key of a secret, however wrong it is', () => {
  fc.assert(
    fc.property(fc.constantFrom(...places), misplaced, (place, { value, written }) => {
      const { problems } = readConfig(stringify(place(written)), { env: () => undefined, compares: true })
      expect(problems.map(formatProblem).join('\n')).not.toContain(value)
    }),
    { numRuns: 1000 },
  )
})

test('no problem tells what the environment holds, whatever it was taken for', () => {
  const paths = [
    ['model_list', 0, 'litellm_params', 'rpm'],
    ['model_list', 0, 'litellm_params', 'model'],
    ['model_list', 0, 'litellm_params', 'litellm_credential_name'],
    ['litellm_settings', 'drop_params'],
    ['litellm_settings', 'fallbacks'],
    ['litellm_settings', 'callbacks'],
    ['router_settings', 'cooldown_time'],
    ['router_settings', 'num_retries'],
    ['general_settings', 'global_max_parallel_requests'],
    ['guardrails', 0, 'litellm_params', 'mode'],
    ['guardrails', 0, 'litellm_params', 'fail_open'],
    ['keys', 0, 'expires'],
  ] as const
  const references = ['os.environ/SECRET', '$SECRET', '${SECRET}', 'x ${SECRET}', 'Bearer os.environ/SECRET']
  fc.assert(
    fc.property(secret, fc.constantFrom(...paths), fc.constantFrom(...references), (value, path, reference) => {
      const file = {
        model_list: [{ model_name: 'a', litellm_params: { model: 'openai/b' } }],
        guardrails: [{ guardrail_name: 'g', litellm_params: { guardrail: 'x', mode: 'pre_call' } }],
        keys: [{ key: 'k' }],
      }
      const env = (name: string) => (name === 'SECRET' ? value : undefined)
      const { problems } = readConfig(stringify(withValue(file, path, reference)), { env, compares: true })
      expect(problems.map(formatProblem).join('\n')).not.toContain(value)
    }),
    { numRuns: 500 },
  )
})

function withValue(file: unknown, [key, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (key === undefined) return value
  if (Array.isArray(file)) return file.map((item, index) => (index === key ? withValue(item, rest, value) : item))
  const map = (file ?? {}) as Readonly<Record<string, unknown>>
  return { ...map, [key]: withValue(map[key], rest, value) }
}
