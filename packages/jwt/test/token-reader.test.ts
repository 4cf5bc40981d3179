import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { encoded, identityProvider, now, readerOf, sign, signingKey } from './identity-provider.ts'

/** A provider, and a reader that trusts it. */
async function trusting(settings: Readonly<Record<string, unknown>> = {}) {
  const provider = await identityProvider()
  return { provider, ...readerOf({ public_key_url: provider.keysUrl, user_id_jwt_field: 'sub', ...settings }) }
}

const refused = (code: string, message?: RegExp) =>
  expect.objectContaining({
    kind: 'invalid_api_key',
    status: 401,
    facts: expect.objectContaining({ code }),
    ...(message && { message: expect.stringMatching(message) }),
  })

describe('a reader of tokens', () => {
  it('says who sent a good one, until when, and no more than it knows', async () => {
    const { provider, reader } = await trusting()
    const token = await provider.sign({})
    const facts = await reader.read(token)
    expect(facts).toEqual({
      id: createHash('sha256')
        .update(JSON.stringify(['token', provider.url, 'ada']))
        .digest('hex'),
      role: undefined,
      userId: 'ada',
      email: undefined,
      teamIds: [],
      organizationId: undefined,
      endUserId: undefined,
      models: undefined,
      routes: undefined,
      createsUser: false,
      createsTeams: false,
      expires: (now + 3600) * 1000,
    })
    expect(await reader.read(token)).toBe(facts)
  })

  it('gives the same id to all tokens of one subject, and to no other', async () => {
    const { provider, reader } = await trusting()
    const idOf = async (claims: object) => (await reader.read(await provider.sign({ ...claims }))).id
    expect(await idOf({ jti: '1' })).toBe(await idOf({ jti: '2' }))
    expect(await idOf({ sub: 'bob' })).not.toBe(await idOf({}))
    expect(await idOf({ iss: 'https://other' })).not.toBe(await idOf({}))
  })

  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])(
    'takes %s',
    async (alg) => {
      const { provider, reader } = await trusting()
      provider.keys = [await signingKey('one', alg)]
      expect(await reader.read(await provider.sign({}))).toMatchObject({ userId: 'ada' })
    },
  )

  it('takes a token without a kid, whichever of the keys it is signed with', async () => {
    const { provider, reader } = await trusting()
    const [second, third] = [await signingKey('second'), await signingKey('third')]
    provider.keys = [...provider.keys, second]
    const { kid: _kid, ...header } = { alg: 'ES256', kid: 'second' }
    const token = (key: typeof second) =>
      new SignJWT({ sub: 'ada', exp: now + 60 }).setProtectedHeader(header).sign(key.secret)
    expect(await reader.read(await token(second))).toMatchObject({ userId: 'ada' })
    await expect(reader.read(await token(third))).rejects.toEqual(refused('token_bad_signature'))
  })

  it('fetches keys once for a thousand tokens at once', async () => {
    const { provider, reader } = await trusting()
    const tokens = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => provider.sign({ sub: `user-${index}` })),
    )
    const facts = await Promise.all(tokens.map((token) => reader.read(token)))
    expect(facts.map(({ userId }) => userId)).toEqual(tokens.map((_, index) => `user-${index}`))
    expect(provider.asked).toEqual(['/keys'])
  })

  it('tells whose tokens it reads, as far as that is written down', () => {
    const issuersOf = (settings: Readonly<Record<string, unknown>>) => readerOf(settings).reader.issuers
    const discovery = 'https://idp.example.com/tenant/.well-known/openid-configuration'
    expect(issuersOf({ public_key_url: discovery })).toEqual(['https://idp.example.com/tenant'])
    expect(issuersOf({ public_key_url: discovery, issuer: 'https://other.example' })).toEqual(['https://other.example'])
    expect(issuersOf({ public_key_url: 'https://idp.example.com/keys', issuer: 'people' })).toEqual([])
    const issuer = { disable_audience_validation: true }
    expect(issuersOf({ issuers: ['https://a', 'https://b'].map((url) => ({ ...issuer, issuer: url })) })).toEqual([
      ...['https://a', 'https://b'],
    ])
  })

  it('tells keys from tokens', () => {
    const { reader } = readerOf({ public_key_url: 'https://idp.example.com/keys' })
    const header = encoded({ alg: 'ES256' })
    expect([`${header}.e30.c2ln`, `${header}.e30.`].map(reader.isToken)).toEqual([true, true])
    const keys = [
      'sk-1234',
      'a.b.c',
      `${header}.e30`,
      `${header}.e30.c2ln.x`,
      `${encoded([])}.a.b`,
      `${encoded('{"alg":1}')}.a.b`,
    ]
    expect([...keys, '', '..', `${header}.e 30.c`, `é.${header}.b`].some(reader.isToken)).toBe(false)
  })
})

describe('a token is refused, in words that help and without itself in them,', () => {
  it('when it has expired, but for half a minute', async () => {
    const { provider, reader } = await trusting()
    await expect(reader.read(await provider.sign({ exp: now - 30 }))).rejects.toEqual(
      refused('token_expired', /Get a new/),
    )
    expect(await reader.read(await provider.sign({ exp: now - 29 }))).toMatchObject({ userId: 'ada' })
  })

  it.each([
    [{ exp: undefined }, 'token_claim_missing', /`exp`/],
    [{ exp: '9999999999' }, 'token_claim_invalid', /`exp`/],
    [{ exp: -1e300 }, 'token_expired', /expired/],
    [{ nbf: now + 31 }, 'token_not_yet_valid', /clock/],
    [{ nbf: 'soon' }, 'token_claim_invalid', /`nbf`/],
    [{ aud: 'another' }, 'token_wrong_audience', /`aud`/],
    [{ aud: ['another', 'third'] }, 'token_wrong_audience', /`aud`/],
    [{ aud: { us: true } }, 'token_wrong_audience', /`aud`/],
    [{ aud: undefined }, 'token_claim_missing', /`aud`/],
    [{ iss: 'https://evil.example.com' }, 'token_wrong_issuer', /`iss`/],
    [{ iss: undefined }, 'token_claim_missing', /`iss`/],
  ])('when its claims are %j', async (claims, code, message) => {
    const provider = await identityProvider()
    const { reader } = readerOf({ public_key_url: provider.keysUrl, audience: ['us', 'too'], issuer: provider.url })
    expect(await reader.read(await provider.sign({ aud: ['x', 'us'] }))).toBeDefined()
    await expect(reader.read(await provider.sign({ aud: 'us', ...claims }))).rejects.toEqual(refused(code, message))
  })

  it('when it is signed with nothing', async () => {
    const { provider, reader } = await trusting()
    const token = new UnsecuredJWT({ sub: 'ada', exp: now + 60 }).encode()
    const spelt = ['None', 'NONE', 'nOnE', ''].map(
      (alg) => `${encoded({ alg })}.${encoded({ sub: 'ada', exp: now + 60 })}.`,
    )
    for (const each of [token, ...spelt])
      await expect(reader.read(each)).rejects.toEqual(refused('token_algorithm_not_allowed'))
    expect(provider.asked).toEqual([])
  })

  it('when it is signed with a public key as a secret', async () => {
    const { provider, reader } = await trusting()
    const key = await signingKey('rsa', 'RS256')
    provider.keys = [key]
    const secret = new TextEncoder().encode(await exportSPKI((await importJWK(key.jwk, 'RS256')) as CryptoKey))
    const token = await new SignJWT({ sub: 'ada', exp: now + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
      .sign(secret)
    await expect(reader.read(token)).rejects.toEqual(refused('token_algorithm_not_allowed', /RS, PS or ES/))
  })

  it('when its secret is among the keys', async () => {
    const { provider, reader } = await trusting()
    const [key] = provider.keys
    provider.keys = [{ ...key!, jwk: { kty: 'oct', k: encoded('a secret that everybody can read'), kid: 'first' } }]
    await expect(reader.read(await provider.sign({}))).rejects.toEqual(refused('token_unknown_key'))
  })

  it.each(['../../etc/passwd', '__proto__', "' OR 1=1 --", '\u0000', 'x'.repeat(5_000)])(
    'when its kid is %j',
    async (kid) => {
      const { provider, reader } = await trusting()
      await expect(reader.read(await provider.sign({}, { kid }))).rejects.toEqual(refused('token_unknown_key'))
      expect(provider.asked.filter((path) => path !== '/keys')).toEqual([])
    },
  )

  it('when it brings its own key, wherever it says the key is', async () => {
    const { reader } = await trusting()
    const evil = await identityProvider('evil')
    const [own] = evil.keys
    const headers = [{ jwk: own!.jwk }, { jku: evil.keysUrl }, { x5u: evil.keysUrl }, { x5c: ['MIIB'] }]
    for (const header of headers) {
      const token = (kid: string) => sign(own!, { sub: 'ada', exp: now + 60 }, { ...header, kid })
      await expect(reader.read(await token('evil'))).rejects.toEqual(refused('token_unknown_key'))
      await expect(reader.read(await token('first'))).rejects.toEqual(refused('token_bad_signature'))
    }
    expect(evil.asked).toEqual([])
  })

  it('when its header wants something that nobody understands', async () => {
    const { provider, reader } = await trusting()
    const [, payload, signature] = (await provider.sign({})).split('.')
    const header = encoded({ alg: 'ES256', kid: 'first', crit: ['exp'], exp: 1 })
    await expect(reader.read(`${header}.${payload}.${signature}`)).rejects.toEqual(refused('token_malformed'))
  })

  it('when it is longer than 16 KiB, unread', async () => {
    const { provider, reader } = await trusting()
    const token = await provider.sign({ filler: 'x'.repeat(16 * 1024) })
    await expect(reader.read(token)).rejects.toEqual(refused('token_too_long'))
    expect(provider.asked).toEqual([])
  })

  it.each(['', '.', '..', 'a.b.c', 'sk-1234', `${encoded('null')}.e30.x`, `${encoded({ alg: 'ES256' })}.e30`])(
    'when it is %j',
    async (token) => {
      const { reader } = await trusting()
      await expect(reader.read(token)).rejects.toEqual(refused('token_malformed'))
    },
  )

  it('when it is signed with a key that is too short', async () => {
    const { provider, reader } = await trusting()
    const weak = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign', 'verify'],
    )
    const jwk = { ...(await crypto.subtle.exportKey('jwk', weak.publicKey)), kid: 'weak', key_ops: ['verify'] }
    provider.keys = [{ alg: 'RS256', secret: weak.privateKey, jwk: jwk as never }]
    const body = `${encoded({ alg: 'RS256', kid: 'weak' })}.${encoded({ sub: 'ada', exp: now + 60 })}`
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', weak.privateKey, new TextEncoder().encode(body))
    const token = `${body}.${Buffer.from(signature).toString('base64url')}`
    await expect(reader.read(token)).rejects.toEqual(refused('token_unknown_key'))
  })

  it('whatever is changed about it', async () => {
    const { provider, reader } = await trusting()
    const token = await provider.sign({ team: 'a', scope: 'read' })
    await reader.read(token)
    // Some bits of the last letter stand for nothing.
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 2), fc.constantFrom(...'AZaz09-_.=é'), async (index, letter) => {
        const changed = token.slice(0, index) + letter + token.slice(index + 1)
        fc.pre(changed !== token)
        const error = await reader.read(changed).then(
          () => undefined,
          (cause: unknown) => cause,
        )
        expect(error).toMatchObject({ kind: 'invalid_api_key' })
        expect(String(error)).not.toContain(token.slice(0, 20))
      }),
      { numRuns: 300 },
    )
  })

  it('whatever payload is put in the place of its own', async () => {
    const { provider, reader } = await trusting()
    const [header, , signature] = (await provider.sign({})).split('.')
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        async (payload) => {
          const read = reader.read(`${header}.${encoded(payload)}.${signature}`)
          await expect(read).rejects.toMatchObject({ kind: 'invalid_api_key' })
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a verified token', () => {
  it('is remembered by all of it: one that begins alike is another', async () => {
    const { provider, reader } = await trusting()
    const tokens = await Promise.all(['ada', 'bob'].map((sub) => provider.sign({ sub })))
    expect(tokens[0]!.slice(0, 40)).toBe(tokens[1]!.slice(0, 40))
    expect((await reader.read(tokens[0]!)).userId).toBe('ada')
    expect((await reader.read(tokens[1]!)).userId).toBe('bob')
    const [header, payload] = tokens[0]!.split('.')
    await expect(reader.read(`${header}.${payload}.${tokens[1]!.split('.')[2]}`)).rejects.toEqual(
      refused('token_bad_signature'),
    )
  })

  it('is remembered for five minutes, though its key is gone', async () => {
    const { provider, reader, clock } = await trusting({ public_key_ttl: 60 })
    const token = await provider.sign({})
    const facts = await reader.read(token)
    provider.keys = [await signingKey('second')]
    clock.time += 5 * 60_000 - 1
    expect(await reader.read(token)).toBe(facts)
    clock.time += 1
    await expect(reader.read(token)).rejects.toEqual(refused('token_unknown_key'))
  })

  it('is not remembered beyond its own end', async () => {
    const { provider, reader, clock } = await trusting()
    const token = await provider.sign({ exp: now + 60 })
    await reader.read(token)
    clock.time += 90_000
    await expect(reader.read(token)).rejects.toEqual(refused('token_expired'))
  })
})
