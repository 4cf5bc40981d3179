import { expect, test } from 'vitest'
import { withoutSecrets } from '../src/mcp/argument-secrets.ts'

const told = (given: Record<string, unknown>, properties: Record<string, unknown> = {}) =>
  withoutSecrets(given, { type: 'object', properties }, (text) => text.replaceAll('sk-known', '[redacted]'))

test.each(['password', 'dbPasswd', 'api_key', 'apiKey', 'X-Api-Key', 'accessToken', 'client_secret', 'Authorization'])(
  '%s is a secret by its name, whatever it holds',
  (name) => {
    expect(told({ [name]: 'a' })).toEqual({ [name]: '[redacted]' })
    expect(told({ in: [{ [name]: { deep: 1 } }] })).toEqual({ in: [{ [name]: '[redacted]' }] })
  },
)

test.each(['max_tokens', 'keyword', 'path', 'author'])('%s is none', (name) => {
  expect(told({ [name]: 7 })).toEqual({ [name]: 7 })
})

test('what the schema calls a password is one, at any depth', () => {
  const password = { type: 'string', format: 'password' }
  const properties = {
    ...{ pin: password, pins: { type: 'array', items: password }, code: { writeOnly: true } },
    inner: { type: 'object', properties: { pin: password } },
  }
  expect(told({ pin: '1', pins: ['1', '2'], code: 3, inner: { pin: '4', id: '5' } }, properties)).toEqual({
    ...{ pin: '[redacted]', pins: ['[redacted]', '[redacted]'], code: '[redacted]' },
    inner: { pin: '[redacted]', id: '5' },
  })
})

test('secrets that the gateway knows are taken out of all texts', () => {
  expect(told({ text: 'with sk-known in it', list: ['sk-known'] })).toEqual({
    ...{ text: 'with [redacted] in it', list: ['[redacted]'] },
  })
})

test('a property called like a member of all objects has no schema by that', () => {
  expect(told({ constructor: 'a' })).toEqual({ constructor: 'a' })
})
