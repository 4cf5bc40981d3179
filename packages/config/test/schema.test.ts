import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { describe, expect, test } from 'vitest'
import { sectionPath } from '../src/coerce.ts'
import { effectiveKeys } from '../src/effects.ts'
import { sectionKeys } from '../src/known-keys.ts'
import { configSchema } from '../src/schema.ts'

const schema = configSchema()

/** The part that describes what is at a path: a key, or `[]` for the items of a list. */
function at(...path: readonly string[]): JsonObject {
  return path.reduce((part, key) => {
    const inner = alternatives(part)
      .map((option) => (key === '[]' ? option.items : (option.properties as JsonObject | undefined)?.[key]))
      .find(isJsonObject)
    if (inner === undefined) throw new Error(`There is no ${key} in ${path.join('.')}.`)
    return inner
  }, schema)
}

function alternatives(part: JsonObject): readonly JsonObject[] {
  if (typeof part.$ref === 'string') return alternatives(followed(part.$ref))
  return Array.isArray(part.anyOf) ? part.anyOf.filter(isJsonObject).flatMap(alternatives) : [part]
}

function followed(pointer: string): JsonObject {
  const found = pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], schema)
  if (!isJsonObject(found)) throw new Error(`${pointer} leads nowhere.`)
  return found
}

/** Every `$ref` of a schema. */
function references(part: unknown): readonly string[] {
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  )
}

const allows = (part: JsonObject, text: string) =>
  alternatives(part).some(({ type, pattern }) => type === 'string' && new RegExp(String(pattern ?? '')).test(text))

describe('the JSON Schema', () => {
  test('says what it is', () => {
    expect(schema).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: 'urn:tianjillm:proxy-config',
      type: 'object',
    })
  })

  test('is plain JSON whose references all lead somewhere', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
    expect(references(schema).length).toBeGreaterThan(10)
    for (const pointer of references(schema)) expect(followed(pointer)).toBeDefined()
  })

  test('knows every known key of every section', () => {
    for (const [section, keys] of Object.entries(sectionKeys))
      for (const key of keys) expect(at(...sectionPath(section), key)).toBeDefined()
  })

  test('describes every key of the sections that has an effect', () => {
    const silent = Object.entries(effectiveKeys).flatMap(([section, keys]) =>
      [...keys].filter((key) => at(...sectionPath(section), key).description === undefined),
    )
    expect(silent).toEqual([
      'custom_prometheus_metadata_labels',
      'custom_prometheus_tags',
      'enable_end_user_cost_tracking_prometheus_only',
      'prometheus_emit_stream_label',
      'prometheus_metrics_config',
      'websearch_interception_params',
      'redis_db',
      'redis_password',
      'redis_port',
    ])
  })

  test('says of the others that they have none', () => {
    expect(at('litellm_settings', 'set_verbose').description).toBe('Has no effect here yet. Use --log-level debug.')
  })

  test('has both spellings, and needs one of them', () => {
    expect(at('tianji_settings')).toEqual({ $ref: '#/properties/litellm_settings' })
    expect(at('model_list', '[]', 'tianji_params', 'rpm')).toEqual(at('model_list', '[]', 'litellm_params', 'rpm'))
    expect(at('general_settings', 'tianji_key_header_name')).toBeDefined()
    const entry = alternatives(at('model_list', '[]'))[0]!
    expect(entry.required).toEqual(['model_name'])
    expect(entry.allOf).toEqual([{ anyOf: [{ required: ['litellm_params'] }, { required: ['tianji_params'] }] }])
  })

  test('takes numbers and flags as text and from the environment', () => {
    const rpm = at('model_list', '[]', 'litellm_params', 'rpm')
    expect(alternatives(rpm).map(({ type }) => type)).toEqual(expect.arrayContaining(['number', 'string', 'null']))
    for (const text of ['5', '1e3', 'os.environ/RPM', '$RPM']) expect(allows(rpm, text)).toBe(true)
    expect(allows(rpm, 'many')).toBe(false)
    const drops = at('litellm_settings', 'drop_params')
    for (const text of ['true', 'Yes', 'OFF', 'os.environ/DROP']) expect(allows(drops, text)).toBe(true)
    expect(allows(drops, 'maybe')).toBe(false)
    expect(allows(at('keys', '[]', 'key_hash'), 'os.environ/HASH')).toBe(true)
  })

  test('allows keys that nobody knows, and included files', () => {
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false')
    expect(allows(at('include'), 'models.yaml')).toBe(true)
  })
})
