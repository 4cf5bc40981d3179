import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }
const provider = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })))
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token of Ada's, good for a minute. */
function token(claims: Readonly<Record<string, unknown>> = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 60
  const body = `${encoded({ alg: 'ES256', kid: 'one' })}.${encoded({ sub: 'ada', aud: 'us', exp, ...claims })}`
  const signature = sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${body}.${signature.toString('base64url')}`
}

let gateway: Started
beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  gateway = await startGateway(`
model_list:
  - { model_name: small, litellm_params: { model: mock/mock } }
  - { model_name: large, litellm_params: { model: mock/mock } }
keys: [{ key: sk-of-the-file }]
general_settings:
  master_key: ${MASTER_KEY}
  enable_jwt_auth: true
  litellm_jwtauth:
    public_key_url: http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys
    audience: us
    user_id_jwt_field: sub
    team_ids_jwt_field: groups
    enforce_scope_based_access: true
    scope_mappings: [{ scope: small, models: [small] }]
`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  provider.close()
})

async function ask(key: string, model = 'small'): Promise<{ readonly status: number; readonly code: unknown }> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }),
  })
  const body = (await response.json()) as { readonly error?: { readonly code?: unknown } }
  return { status: response.status, code: body.error?.code }
}

describe('a gateway that takes tokens', () => {
  it('answers who has a good one, and goes on to take keys', async () => {
    expect(await ask(token({ scope: 'small' }))).toMatchObject({ status: 200 })
    expect(await ask('sk-of-the-file')).toMatchObject({ status: 200 })
    expect(await ask(MASTER_KEY)).toMatchObject({ status: 200 })
    expect(gateway.isOpen).toBe(false)
  })

  it('keeps a token to its models', async () => {
    expect(await ask(token({ scope: 'small' }), 'large')).toEqual({ status: 403, code: 'key_model_access_denied' })
    expect(await ask(token({ scope: 'other' }))).toEqual({ status: 403, code: 'token_scope_not_allowed' })
  })

  it.each([
    [{ exp: 1 }, 'token_expired'],
    [{ aud: 'them' }, 'token_wrong_audience'],
    [{ exp: undefined }, 'token_claim_missing'],
  ])('refuses one whose claims are %j', async (claims, code) => {
    expect(await ask(token({ scope: 'small', ...claims }))).toEqual({ status: 401, code })
  })

  it('lets an admin change it, and nobody else', async () => {
    const reload = (key: string) => fetch(`${gateway.url}/cache/ping`, { headers: { authorization: `Bearer ${key}` } })
    expect((await reload(token({ scope: 'litellm_proxy_admin' }))).status).not.toBe(403)
    expect((await reload(token({ scope: 'small' }))).status).toBe(403)
  })

  it('takes what only looks like a token for a key', async () => {
    expect(await ask('a.b.c')).toEqual({ status: 401, code: 'invalid_api_key' })
  })
})
