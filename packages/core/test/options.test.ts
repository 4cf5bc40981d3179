import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { apiOptions, type Host, requiredKey, requiredSetting, setting, trimSlash } from '../src/index.ts'

const silent = () => {}
const hostWith = (env: Readonly<Record<string, string>>): Host => ({
  env: (name) => env[name],
  fetch: () => Promise.reject(new Error('no network in this test')),
  now: () => 0,
  uuid: () => '',
  log: { debug: silent, info: silent, warn: silent, error: silent },
})

describe('setting', () => {
  const host = hostWith({ EMPTY: '', SECOND: 'two', THIRD: 'three' })

  it('prefers what is given', () => {
    expect(setting('one', host, 'SECOND')).toBe('one')
  })

  it('takes the first variable that is set', () => {
    expect(setting(undefined, host, 'FIRST', 'EMPTY', 'SECOND', 'THIRD')).toBe('two')
  })

  it('takes an empty value for none', () => {
    expect(setting('', host, 'SECOND')).toBe('two')
    expect(setting('', host, 'EMPTY')).toBeUndefined()
  })
})

describe('requiredKey', () => {
  it('gives the key', () => {
    expect(requiredKey('groq', undefined, hostWith({ GROQ_API_KEY: 'gsk' }), 'GROQ_API_KEY')).toBe('gsk')
  })

  it('names everything that would help', () => {
    expect(() => requiredKey('groq', undefined, hostWith({}), 'GROQ_API_KEY', 'GROQ_KEY')).toThrow(
      expect.objectContaining({
        kind: 'misconfigured',
        message: 'groq: no API key. Set GROQ_API_KEY or GROQ_KEY or litellm_params.api_key.',
        facts: { provider: 'groq' },
      }),
    )
  })
})

describe('requiredSetting', () => {
  it('names the option alone when there is no variable', () => {
    const what = { title: 'engine id', option: 'search_engine_id' }
    expect(() => requiredSetting('pse', what, undefined, hostWith({}))).toThrow(
      'pse: no engine id. Set litellm_params.search_engine_id.',
    )
  })
})

describe('trimSlash', () => {
  it.each([
    ['https://a.test/v1/', 'https://a.test/v1'],
    ['https://a.test/v1///', 'https://a.test/v1'],
    ['https://a.test', 'https://a.test'],
    ['///', ''],
    ['', ''],
  ])('makes %j %j', (url, expected) => {
    expect(trimSlash(url)).toBe(expected)
  })

  it('takes off slashes at the end and nothing else', () =>
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 5 }), (url, count) => {
        const trimmed = trimSlash(url + '/'.repeat(count))
        expect(trimmed.endsWith('/')).toBe(false)
        expect(url.startsWith(trimmed)).toBe(true)
        expect(url.slice(trimmed.length)).toMatch(/^\/*$/)
      }),
    ))
})

describe('apiOptions', () => {
  it('takes key and base, and names the one that is wrong', () => {
    const schema = v.object(apiOptions)
    expect(v.parse(schema, {})).toEqual({})
    expect(v.parse(schema, { apiKey: 'k', apiBase: 'b' })).toEqual({ apiKey: 'k', apiBase: 'b' })
    expect(v.getDotPath(v.safeParse(schema, { apiBase: 5 }).issues![0])).toBe('apiBase')
  })
})
