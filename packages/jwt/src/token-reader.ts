import { hash } from 'node:crypto'
import { type GatewayError, type Host, isGatewayError, isSafeUrl, type JsonObject, putLatest } from '@tianjillm/core'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JWSSignatureVerificationFailed } from 'jose/errors'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import { factsOf } from './facts-of.ts'
import { createKeySource, type KeySource, type SignatureHeader } from './key-source.ts'
import { refusal, refusalOf } from './refusal.ts'
import { DISCOVERY, type ProviderRules, readRules, type TokenRules } from './settings.ts'
import type { TokenFacts } from './token-facts.ts'

/** Reads the tokens of identity providers. */
export interface TokenReader {
  /** The providers whose tokens it reads, by their URLs, as far as they are written down. */
  readonly issuers: readonly string[]
  /** Whether a key has the shape of a token: three parts, of which the first names an algorithm. */
  isToken(key: string): boolean
  /**
   * What a token says, once it is verified; the same object again for the same token, for up to five minutes. Rejects
   * with GatewayError: `invalid_api_key` when it is not good, `permission_denied` when it is and its sender is not let
   * in, `overloaded` when the identity provider cannot be asked for its keys.
   */
  read(token: string): Promise<TokenFacts>
}

/** Those that are signed with a secret are not among them: to us every key is public. */
const ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]
const LONGEST_TOKEN = 16 * 1024
/** Seconds that clocks may differ. */
const CLOCK_TOLERANCE = 30
/** Milliseconds that a verified token is remembered. */
const LONGEST_MEMORY = 5 * 60_000
const MOST_REMEMBERED = 10_000

/**
 * A reader of tokens as `litellm_jwtauth` describes them, `role_permissions` among it. Nothing is fetched before the
 * first token. Throws GatewayError `misconfigured`. https://docs.litellm.ai/docs/proxy/token_auth
 */
export function createTokenReader(
  settings: JsonObject,
  { fetch, now, log, env }: Pick<Host, 'fetch' | 'now' | 'log' | 'env'>,
): TokenReader {
  const rules = readRules(settings, env)
  // Nothing else of the host is kept: a reader may live longer than the configuration it was made for.
  const host = { fetch, now, log }
  if (rules.providers.some(({ audiences }) => audiences.length === 0))
    log.warn('Tokens are taken that were meant for others than this gateway. Set JWT_AUDIENCE.')
  const providers = rules.providers.map((provider) => ({
    ...provider,
    sources: provider.urls.map((url) => createKeySource({ url, ttl: rules.keyTtl, host })),
  }))
  const remembered = new Map<string, Remembered>()
  const underWay = new Map<string, Promise<TokenFacts>>()
  const readAnew = async (token: string, tokenHash: string): Promise<TokenFacts> => {
    const facts = await verifiedFacts(token, tokenHash, providers, rules, now)
    const until = Math.min(facts.expires, now() + LONGEST_MEMORY)
    putLatest(remembered, tokenHash, { facts: Promise.resolve(facts), until }, MOST_REMEMBERED)
    return facts
  }
  return {
    issuers: issuersIn(rules.providers),
    isToken,
    read(token) {
      if (token.length > LONGEST_TOKEN) return Promise.reject(refusal('token_too_long'))
      // Of the whole token: a part of it may be the same in tokens of others.
      const tokenHash = hash('sha256', token)
      const known = remembered.get(tokenHash)
      if (known !== undefined && now() < known.until) return known.facts
      remembered.delete(tokenHash)
      const reading = underWay.get(tokenHash) ?? readAnew(token, tokenHash).finally(() => underWay.delete(tokenHash))
      underWay.set(tokenHash, reading)
      return reading
    },
  }
}

/** A discovery document is at a place below its issuer. */
function issuersIn(providers: readonly ProviderRules[]): readonly string[] {
  const all = providers.flatMap(({ issuers, urls }) =>
    issuers.length > 0
      ? issuers
      : urls.filter((url) => url.endsWith(DISCOVERY)).map((url) => url.slice(0, -DISCOVERY.length)),
  )
  return [...new Set(all.filter((issuer) => isSafeUrl(issuer)))]
}

interface Remembered {
  readonly facts: Promise<TokenFacts>
  /** Milliseconds since 1970. */
  readonly until: number
}

interface Provider extends ProviderRules {
  readonly sources: readonly KeySource[]
}

const shape = /^[\w-]+\.[\w-]+\.[\w-]*$/

function isToken(key: string): boolean {
  return shape.test(key) && headerOf(key) !== undefined
}

function headerOf(token: string): SignatureHeader | undefined {
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    if (typeof alg !== 'string') return undefined
    return typeof kid === 'string' ? { alg, kid } : { alg }
  } catch {
    return undefined
  }
}

async function verifiedFacts(
  token: string,
  tokenHash: string,
  providers: readonly Provider[],
  rules: TokenRules,
  now: () => number,
): Promise<TokenFacts> {
  const header = shape.test(token) ? headerOf(token) : undefined
  if (header === undefined) throw refusal('token_malformed')
  if (!ALGORITHMS.includes(header.alg)) throw refusal('token_algorithm_not_allowed')
  const provider = providerOf(token, providers)
  const attempts = provider.sources.map((source) => verify(token, header, provider, source, now))
  const claims = await Promise.any(attempts).catch(({ errors }: AggregateError) => {
    throw mostTelling(errors)
  })
  const facts = factsOf(claims, provider.fields, rules)
  const subject = claims.sub ?? claims.client_id ?? claims.azp ?? tokenHash
  return Object.freeze({ id: hash('sha256', JSON.stringify(['token', claims.iss, subject])), ...facts })
}

/** Whose token it says it is; whether it is true is seen when it is verified. */
function providerOf(token: string, providers: readonly Provider[]): Provider {
  const [only, second] = providers
  if (only !== undefined && second === undefined) return only
  const issuer = unverifiedIssuer(token)
  const provider = providers.find(({ issuers }) => issuers.some((name) => name === issuer))
  if (provider === undefined) throw refusal('token_wrong_issuer')
  return provider
}

function unverifiedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch (error) {
    throw refusal('token_malformed', error)
  }
}

async function verify(
  token: string,
  header: SignatureHeader,
  { issuers, audiences }: ProviderRules,
  source: KeySource,
  now: () => number,
): Promise<JsonObject> {
  const { keys, issuer } = await source.find(header)
  const known = issuers.length > 0 || issuer === undefined ? issuers : [issuer]
  const options = {
    algorithms: [...ALGORITHMS],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE,
    currentDate: new Date(now()),
    ...(known.length > 0 && { issuer: [...known] }),
    ...(audiences.length > 0 && { audience: [...audiences] }),
  }
  for (const key of keys)
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof JWSSignatureVerificationFailed)) throw refusalOf(error)
    }
  throw refusal(keys.length === 0 ? 'token_unknown_key' : 'token_bad_signature')
}

/** What was found out about a token of several providers; the later in this list, the less. */
const lessTelling = ['identity_provider_unreachable', 'token_bad_signature', 'token_unknown_key']

function mostTelling(errors: readonly unknown[]): unknown {
  const rank = (error: unknown) =>
    isGatewayError(error) ? lessTelling.indexOf((error as GatewayError).facts.code ?? '') : -1
  return errors.toSorted((one, other) => rank(one) - rank(other))[0]
}
