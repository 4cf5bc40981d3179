import { describe, expect, test } from 'vitest'
import { meantEntry, shownEntry } from '../src/mcp/shown-entry.ts'

test.each([
  [
    { auth_value: 's', client_secret: 's', authentication_token: 's' },
    ['auth_value', 'client_secret', 'authentication_token'],
  ],
  [{ env: { HOME: '/', PORT: 1 }, static_headers: { 'x-tenant': 't' } }, []],
])('%o is told without any of it', (entry, keys) => {
  const shown = shownEntry(entry)
  expect(JSON.stringify(shown)).not.toMatch(/"[st/]"|:1/)
  for (const key of keys) expect(shown[key]).toBe('[redacted]')
})

test.each([
  ['url', 'https://mcp.example/mcp?tenant=7', 'https://mcp.example/mcp?tenant=7'],
  ['url', 'https://mcp.example?api_key=s', 'https://mcp.example/?api_key=%5Bredacted%5D'],
  ['token_url', 'https://login.example/token', 'https://login.example/token'],
  ['args', ['-y', 'server', '--port', '1'], ['-y', 'server', '--port', '1']],
  [
    'args',
    ['--api-key', 's', '--token=s', 'GITHUB_TOKEN=s'],
    ['--api-key', '[redacted]', '--token=[redacted]', 'GITHUB_TOKEN=[redacted]'],
  ],
  ['args', ['--header', 'Authorization: Bearer s'], ['--header', '[redacted]']],
  ['args', ['https://mcp.example?token=s'], ['https://mcp.example/?token=%5Bredacted%5D']],
  [
    'mcp_info',
    { logo_url: 'l', api_key: 's', deep: [{ password: 's' }] },
    { logo_url: 'l', api_key: '[redacted]', deep: [{ password: '[redacted]' }] },
  ],
  ['allow_all_keys', true, true],
  ['timeout', 5, 5],
])('%s: %o is told as %o', (key, value, expected) => {
  expect(shownEntry({ [key]: value })).toEqual({ [key]: expected })
})

describe('an entry that is sent back', () => {
  const known = {
    url: 'https://mcp.example/?api_key=s1',
    auth_value: 's2',
    static_headers: { a: 's3', b: 's4' },
    args: ['--token', 's5', 'x'],
  }

  test('as it was told is what it was', () => {
    expect(meantEntry(shownEntry(known), known)).toEqual(known)
  })

  test('with changes keeps the secrets whose marks it has', () => {
    const sent = {
      auth_value: '[redacted]',
      static_headers: { b: '[redacted]', c: 'new' },
      args: ['--token', '[redacted]', 'y'],
    }
    expect(meantEntry(sent, known)).toEqual({
      ...{ auth_value: 's2', static_headers: { b: 's4', c: 'new' }, args: ['--token', 's5', 'y'] },
    })
  })

  test.each([
    ['static_headers', { moved: '[redacted]' }],
    ['client_secret', '[redacted]'],
    ['args', ['[redacted]', 'x']],
    ['url', 'https://elsewhere.example/?api_key=%5Bredacted%5D'],
  ])('with a mark in %s that stands for nothing is refused', (key, value) => {
    expect(() => meantEntry({ [key]: value }, known)).toThrow(`\`${key}\`: [redacted] stands for no secret here.`)
  })
})
