import { type Config, readConfig } from '@tianjillm/config'
import { createHost } from '@tianjillm/engine'
import { describe, expect, it } from 'vitest'
import { createCarry } from '../src/carry.ts'
import { openTokens, tokenReaderOf } from '../src/jwt.ts'

const host = (env: Readonly<Record<string, string>> = {}) =>
  createHost({ env: (name) => env[name], log: { debug() {}, info() {}, warn() {}, error() {} } })

function configOf(general: string): Config {
  const { config, problems } = readConfig(`general_settings: {${general}}`, { env: () => undefined })
  if (config === undefined) throw new Error(JSON.stringify(problems))
  return config
}

describe('tokens of identity providers', () => {
  it('are read by nobody when nobody asks for it', async () => {
    const settings = 'litellm_jwtauth: {public_key_url: "https://a.example.com/keys"}'
    expect(await tokenReaderOf(configOf(settings), host())).toBeUndefined()
    expect(await tokenReaderOf(configOf(`enable_jwt_auth: false, ${settings}`), host())).toBeUndefined()
  })

  it('need keys, and say what to set', async () => {
    await expect(tokenReaderOf(configOf('enable_jwt_auth: true'), host())).rejects.toMatchObject({
      kind: 'misconfigured',
      message:
        'JWT authentication: it has no keys to check tokens with. Set JWT_PUBLIC_KEY_URL, public_key_url or issuers.',
    })
  })

  it('that cannot be judged are a problem at its place in the file', async () => {
    const { tokens, problem } = await openTokens(configOf('enable_jwt_auth: true'), host())
    expect(tokens).toBeUndefined()
    expect(problem).toMatchObject({ severity: 'error', line: 1, column: 20, path: 'general_settings.enable_jwt_auth' })
  })

  it('are read by the same reader as long as the same is configured', async () => {
    const env = { JWT_PUBLIC_KEY_URL: 'https://a.example.com/keys', JWT_AUDIENCE: 'us' }
    const config = () => configOf('enable_jwt_auth: true, tianji_jwtauth: {user_id_jwt_field: sub}')
    const first = createCarry()
    const reader = await tokenReaderOf(config(), host(env), first)
    expect(reader?.isToken('eyJhbGciOiJFUzI1NiJ9.e30.c2ln')).toBe(true)
    expect(await tokenReaderOf(config(), host(env), createCarry(first))).toBe(reader)
    const other = host({ ...env, JWT_AUDIENCE: 'them' })
    expect(await tokenReaderOf(config(), other, createCarry(first))).not.toBe(reader)
  })
})
