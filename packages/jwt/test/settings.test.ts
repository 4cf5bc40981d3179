import { describe, expect, it } from 'vitest'
import { readerOf } from './identity-provider.ts'

const URL = 'https://idp.example.com/keys'
const misconfigured = (message: RegExp) =>
  expect.objectContaining({ kind: 'misconfigured', message: expect.stringMatching(message) })

const attempt = (settings: Readonly<Record<string, unknown>>, env?: Readonly<Record<string, string>>): unknown => {
  try {
    return readerOf(settings, env).reader
  } catch (error) {
    return error
  }
}

describe('settings', () => {
  it('without any keys are an error that says what to set', () => {
    expect(attempt({})).toEqual(misconfigured(/Set JWT_PUBLIC_KEY_URL/))
    expect(attempt({}, { JWT_PUBLIC_KEY_URL: ' , ' })).toEqual(misconfigured(/Set JWT_PUBLIC_KEY_URL/))
  })

  it.each([
    'http://idp.example.com/keys',
    'http://10.0.0.1/keys',
    'http://localhost.evil.com/keys',
    'http://127.0.0.1.evil.com/keys',
    'https://user:password@idp.example.com/keys',
    'file:///etc/keys.json',
    'data:application/json,{"keys":[]}',
    'idp.example.com',
  ])('with keys from %s are an error that does not repeat it', (url) => {
    const error = attempt({ public_key_url: url })
    expect(error).toEqual(misconfigured(/^JWT authentication: public_key_url: keys must come from an https address/))
    expect(String(error)).not.toContain(url)
    expect(attempt({}, { JWT_PUBLIC_KEY_URL: url })).toEqual(misconfigured(/JWT_PUBLIC_KEY_URL/))
  })

  it.each(['http://localhost:8080/keys', 'http://127.0.0.1/keys', 'http://[::1]:1/keys', 'https://10.0.0.1/keys'])(
    'with keys from %s are good',
    (url) => {
      expect(attempt({ public_key_url: url })).toHaveProperty('read')
    },
  )

  it.each([
    [{ public_key_ttl: -1 }, /public_key_ttl: must not be negative/],
    [{ public_key_ttl: 'long' }, /public_key_ttl/],
    [{ user_id_jwt_field: 7 }, /user_id_jwt_field: expected a text/],
    [{ user_allowed_roles: 'all' }, /user_allowed_roles: expected a list/],
    [{ role_mappings: [{ role: 'a', internal_role: 'god' }] }, /role_mappings\.0\.internal_role/],
    [{ enforce_rbac: 'maybe' }, /enforce_rbac: expected true or false/],
    [{ audience: [] }, /audience: must not be empty/],
    [{ audience: ' , ' }, /audience: must not be empty/],
    [{ issuers: [{ issuer: 'https://a', audience: '' }] }, /issuers\.0\.audience: must not be empty/],
    [{ issuers: [{ issuer: 'https://a' }] }, /https:\/\/a needs an audience/],
    [{ issuers: [{ issuer: 'http://a', audience: 'b' }] }, /issuers: keys must come from/],
  ])('such as %j are an error that names the key', (settings, message) => {
    expect(attempt({ public_key_url: URL, ...settings })).toEqual(misconfigured(message))
  })

  it('that LiteLLM has and that have no effect here do no harm', () => {
    expect(attempt({ public_key_url: URL, sync_user_role_and_teams: true, unknown: 1 })).toHaveProperty('read')
  })

  it('without an audience are told of in the log', () => {
    const warned = /^warn: Tokens are taken that were meant for others/
    expect(readerOf({ public_key_url: URL }).lines).toEqual([expect.stringMatching(warned)])
    expect(readerOf({ public_key_url: URL }, { JWT_AUDIENCE: 'us' }).lines).toEqual([])
  })
})
