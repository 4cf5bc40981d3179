import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NOW, stubLog } from '@tianjillm/testing'
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { onTestFinished } from 'vitest'
import { createTokenReader, type TokenReader } from '../src/index.ts'

/** A key of an identity provider, and what of it is public. */
export interface SigningKey {
  readonly alg: string
  readonly secret: CryptoKey
  readonly jwk: JWK
}

/** A real server that gives out its keys, as long as it is up. */
export interface IdentityProvider {
  readonly url: string
  readonly keysUrl: string
  readonly discoveryUrl: string
  /** Paths that were asked for. */
  readonly asked: readonly string[]
  keys: readonly SigningKey[]
  /** In place of the usual answer. */
  answer: ((path: string, response: ServerResponse) => void) | undefined
  /** A token of somebody, good for an hour, signed with its first key. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Partial<JWTHeaderParameters>): Promise<string>
}

const pairs = new Map<string, Promise<SigningKey>>()

/** A key pair; the same for the same name, for they take a while to make. */
export function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const name = `${alg} ${kid}`
  const made = pairs.get(name) ?? makeKey(kid, alg)
  pairs.set(name, made)
  return made
}

async function makeKey(kid: string, alg: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, secret: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** Seconds since 1970 at the moment that all tests live in. */
export const now: number = NOW / 1000

/** A provider on loopback with one key. */
export async function identityProvider(kid = 'first'): Promise<IdentityProvider> {
  const asked: string[] = []
  const server = createServer(({ url: path = '' }, response) => {
    asked.push(path)
    if (provider.answer !== undefined) return provider.answer(path, response)
    const keys = { keys: provider.keys.map(({ jwk }) => jwk) }
    const discovery = { issuer: provider.url, jwks_uri: provider.keysUrl }
    response.end(JSON.stringify(path === '/keys' ? keys : discovery))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider: IdentityProvider = {
    url,
    keysUrl: `${url}/keys`,
    discoveryUrl: `${url}/.well-known/openid-configuration`,
    asked,
    keys: [await signingKey(kid)],
    answer: undefined,
    sign(claims, header) {
      const [key] = provider.keys
      return sign(key!, { iss: url, sub: 'ada', exp: now + 3600, ...claims }, header)
    },
  }
  return provider
}

/** A token with these claims and no others. */
export function sign(
  { secret, alg, jwk }: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, kid: jwk.kid!, ...header }).sign(secret)
}

/** A part of a token that nobody has signed. */
export function encoded(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A reader whose clock a test moves, and that is told these variables. */
export function readerOf(
  settings: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): { readonly reader: TokenReader; readonly clock: { time: number }; readonly lines: readonly string[] } {
  const clock = { time: NOW }
  const log = stubLog()
  const host = { fetch: globalThis.fetch, now: () => clock.time, log, env: (name: string) => env[name] }
  return { reader: createTokenReader(settings, host), clock, lines: log.lines }
}
