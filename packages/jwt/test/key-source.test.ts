import { describe, expect, it } from 'vitest'
import { identityProvider, now, readerOf, sign, signingKey } from './identity-provider.ts'

const SECOND = 1_000
const unreachable = expect.objectContaining({
  kind: 'overloaded',
  status: 503,
  facts: expect.objectContaining({ code: 'identity_provider_unreachable', retryAfter: 5 }),
})
const codeOf = (code: string) => expect.objectContaining({ facts: expect.objectContaining({ code }) })

async function trusting(settings: Readonly<Record<string, unknown>> = {}) {
  const provider = await identityProvider()
  return { provider, ...readerOf({ public_key_url: provider.keysUrl, ...settings }) }
}

describe('keys of an identity provider', () => {
  it('are found where its discovery document says, which also says who issues', async () => {
    const provider = await identityProvider()
    const { reader } = readerOf({}, { JWT_PUBLIC_KEY_URL: provider.discoveryUrl })
    expect(await reader.read(await provider.sign({}))).toBeDefined()
    expect(provider.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
    await expect(reader.read(await provider.sign({ iss: 'https://else' }))).rejects.toEqual(
      codeOf('token_wrong_issuer'),
    )
  })

  it('of one that speaks for many issuers are taken from any', async () => {
    const { provider, reader } = await trusting()
    provider.answer = (path, response) =>
      response.end(
        JSON.stringify(
          path === '/keys' && provider.asked.length === 1
            ? { issuer: 'https://login.example.com/{tenantid}/v2.0', jwks_uri: `${provider.url}/keys` }
            : { keys: provider.keys.map(({ jwk }) => jwk) },
        ),
      )
    expect(await reader.read(await provider.sign({ iss: 'https://login.example.com/7/v2.0' }))).toBeDefined()
  })

  it('that are new are looked for, but not twice in half a minute', async () => {
    const { provider, reader, clock } = await trusting()
    await reader.read(await provider.sign({}))
    provider.keys = [await signingKey('second')]
    const token = await provider.sign({})
    await expect(reader.read(token)).rejects.toEqual(codeOf('token_unknown_key'))
    expect(provider.asked).toHaveLength(1)
    clock.time += 30 * SECOND
    await Promise.all(Array.from({ length: 50 }, () => reader.read(token)))
    expect(provider.asked).toHaveLength(2)
    const strangers = Array.from({ length: 50 }, (_, index) => provider.sign({}, { kid: `stranger-${index}` }))
    for (const stranger of await Promise.all(strangers))
      await expect(reader.read(stranger)).rejects.toEqual(codeOf('token_unknown_key'))
    expect(provider.asked).toHaveLength(2)
  })

  it('that the provider has taken back are forgotten after `public_key_ttl`', async () => {
    const { provider, reader, clock } = await trusting({ public_key_ttl: '60' })
    const [stolen] = provider.keys
    await reader.read(await provider.sign({}))
    provider.keys = [await signingKey('second')]
    const token = (jti: string) => sign(stolen!, { jti, exp: now + 3600 })
    clock.time += 60 * SECOND - 1
    await reader.read(await token('1'))
    clock.time += 1
    await expect(reader.read(await token('2'))).rejects.toEqual(codeOf('token_unknown_key'))
  })

  it('go on while the provider is down, and it is asked every half minute', async () => {
    const { provider, reader, clock, lines } = await trusting()
    await reader.read(await provider.sign({}))
    provider.answer = (_path, response) => response.writeHead(500).end()
    for (const jti of ['1', '2', '3']) {
      clock.time += 601 * SECOND
      for (const part of ['a', 'b', 'c'])
        expect(await reader.read(await provider.sign({ jti: jti + part }))).toBeDefined()
    }
    expect(provider.asked.length).toBeLessThanOrEqual(4)
    expect(lines.slice(1)).toEqual(['warn: The keys of the identity provider cannot be read.'])
    provider.answer = undefined
    const asked = provider.asked.length
    clock.time += 30 * SECOND
    await reader.read(await provider.sign({ jti: 'last' }))
    await expect.poll(() => lines.at(-1)).toBe('info: The identity provider answers again.')
    expect(provider.asked.length).toBe(asked + 1)
  })

  it('that cannot be had at all are an error of their own, and are asked for once a second', async () => {
    const { provider, reader, clock } = await trusting()
    provider.answer = (_path, response) => response.writeHead(503).end()
    const token = await provider.sign({})
    for (let time = 0; time < 10; time++) await expect(reader.read(token)).rejects.toEqual(unreachable)
    expect(provider.asked).toHaveLength(1)
    provider.answer = undefined
    clock.time += SECOND
    expect(await reader.read(token)).toBeDefined()
  })

  it('are no error of a token that is not known while the provider is down', async () => {
    const { provider, reader, clock } = await trusting()
    await reader.read(await provider.sign({}))
    provider.answer = (_path, response) => void response.destroy()
    clock.time += 30 * SECOND
    await expect(reader.read(await provider.sign({}, { kid: 'new' }))).rejects.toEqual(unreachable)
  })

  it.each([
    ['redirects', 302, { location: 'http://127.0.0.1:9/keys' }, ''],
    ['says no JSON', 200, {}, '<html>'],
    ['says a list', 200, {}, '[]'],
    ['says nothing of keys', 200, {}, '{}'],
    ['has keys that are none', 200, {}, '{"keys":[null]}'],
    ['has too many keys', 200, {}, JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) })],
    ['leads to an address that is not safe', 200, {}, '{"jwks_uri":"http://169.254.169.254/keys"}'],
    ['leads to a file', 200, {}, '{"jwks_uri":"file:///etc/passwd"}'],
    ['never ends', 200, {}, ' '.repeat(600 * 1024)],
  ])('of one that %s are not taken', async (_what, status, headers, body) => {
    const { provider, reader } = await trusting()
    provider.answer = (_path, response) => response.writeHead(status, headers).end(body)
    await expect(reader.read(await provider.sign({}))).rejects.toEqual(unreachable)
    expect(provider.asked).toHaveLength(1)
  })

  it('of one that does not answer are waited for five seconds', async () => {
    const { provider, reader } = await trusting()
    provider.answer = (_path, response) => response.flushHeaders()
    await expect(reader.read(await provider.sign({}))).rejects.toEqual(unreachable)
  })

  it('that cannot be used leave the others as they are', async () => {
    const { provider, reader } = await trusting()
    const good = provider.keys[0]!
    const broken = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' }
    provider.keys = [good, { ...good, jwk: broken }, { ...good, jwk: { kid: 'odd' } as never }]
    expect(await reader.read(await provider.sign({}))).toBeDefined()
    await expect(reader.read(await provider.sign({}, { kid: 'broken' }))).rejects.toEqual(codeOf('token_unknown_key'))
  })

  it('are not kept for ever by a clock that is set back', async () => {
    const { provider, reader, clock } = await trusting()
    await reader.read(await provider.sign({}))
    clock.time -= 1e9
    await reader.read(await provider.sign({ jti: '2' }))
    expect(provider.asked).toHaveLength(2)
  })
})

describe('keys of several providers', () => {
  it('count alike where their addresses are listed, even when they have the same names', async () => {
    const [one, two, evil] = [await identityProvider(), await identityProvider('other'), await identityProvider('evil')]
    two.keys = [{ ...two.keys[0]!, jwk: { ...two.keys[0]!.jwk, kid: 'first' } }]
    const { reader } = readerOf({}, { JWT_PUBLIC_KEY_URL: `${one.keysUrl}, ${two.keysUrl}` })
    expect(await reader.read(await one.sign({}))).toBeDefined()
    expect(await reader.read(await two.sign({}))).toBeDefined()
    await expect(reader.read(await evil.sign({}))).rejects.toEqual(codeOf('token_unknown_key'))
    await expect(reader.read(await two.sign({ exp: 1 }))).rejects.toEqual(codeOf('token_expired'))
    one.answer = (_path, response) => void response.destroy()
    expect(await reader.read(await two.sign({ jti: '2' }))).toBeDefined()
  })

  it('count for their own issuer alone where issuers are listed, each with its claims', async () => {
    const [one, two] = [await identityProvider('one'), await identityProvider('two')]
    const { reader } = readerOf({
      user_id_jwt_field: 'sub',
      issuers: [
        { issuer: one.url, audience: 'us' },
        { issuer: two.url, jwks_url: two.keysUrl, disable_audience_validation: true, user_id_jwt_field: 'oid' },
      ],
    })
    expect(await reader.read(await one.sign({ aud: 'us' }))).toMatchObject({ userId: 'ada' })
    expect(await reader.read(await two.sign({ oid: '7' }))).toMatchObject({ userId: '7' })
    await expect(reader.read(await two.sign({ iss: one.url, aud: 'us' }))).rejects.toEqual(codeOf('token_unknown_key'))
    await expect(reader.read(await one.sign({}))).rejects.toEqual(codeOf('token_claim_missing'))
    for (const iss of ['https://else', undefined, '__proto__', { url: one.url }])
      await expect(reader.read(await one.sign({ iss }))).rejects.toEqual(codeOf('token_wrong_issuer'))
  })
})
