import { expect, test } from 'vitest'
import { withoutSecrets } from '../src/redact-arguments.ts'

test('what is named like a secret is not told, wherever it is; what is long is cut', () => {
  const given = {
    ...{ query: 'SELECT 1', tokens: 5, apiKey: 'sk-1', note: 'x'.repeat(600) },
    login: { user: 'ann', password: 'p' },
    headers: [{ Authorization: 'Bearer t', accept: '*/*' }],
  }
  expect(withoutSecrets(given)).toEqual({
    ...{ query: 'SELECT 1', tokens: 5, apiKey: '[redacted]', note: `${'x'.repeat(500)}…` },
    login: { user: 'ann', password: '[redacted]' },
    headers: [{ Authorization: '[redacted]', accept: '*/*' }],
  })
})
