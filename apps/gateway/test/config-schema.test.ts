import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configSchema } from '@tianjillm/config/schema'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const repository = join(import.meta.dirname, '../../..')
const files = globSync(['apps/gateway/test/fixtures/configs/*.yaml', 'examples/**/*.yaml'], { cwd: repository })

/** As editors read the schema: draft 7, without knowing formats. */
const validate = new Ajv({ strict: false, allErrors: true }).compile(configSchema())

describe('the JSON Schema, in an editor', () => {
  it.each(files.toSorted())('has nothing to say against %s', (file) => {
    validate(parse(readFileSync(join(repository, file), 'utf8')))
    expect(validate.errors ?? []).toEqual([])
  })

  it('underlines what is of the wrong type', () => {
    const text = readFileSync(join(repository, 'apps/gateway/test/fixtures/configs/refused/wrong-types.yaml'), 'utf8')
    expect(validate(parse(text))).toBe(false)
    expect(validate({ model_list: [{ litellm_params: { model: 'openai/gpt-4o' } }] })).toBe(false)
    expect(validate({ router_settings: { num_retries: 'often' } })).toBe(false)
    expect(validate({ router_settings: { num_retries: 'os.environ/RETRIES' } })).toBe(true)
  })
})
