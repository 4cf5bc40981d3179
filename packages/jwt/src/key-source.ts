import { type Host, inTime, isJsonObject, isSafeUrl, parseJson } from '@tianjillm/core'
import { JWKSMultipleMatchingKeys } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { unreachable } from './refusal.ts'

/** Where the keys of an identity provider come from, and how long they are good. */
export interface KeySourceSettings {
  /** Of a key set (JWKS), or of an OpenID discovery document that names one. */
  readonly url: string
  /** Milliseconds. */
  readonly ttl: number
  readonly host: Pick<Host, 'fetch' | 'now' | 'log'>
}

/** The keys of one identity provider. */
export interface KeySource {
  /**
   * Keys that a token with this header may be signed with. One that is not known is looked for anew, at most every 30
   * seconds. Rejects with GatewayError `overloaded` when the provider cannot be asked.
   */
  find(header: SignatureHeader): Promise<FoundKeys>
}

/** What a token's header says of its signature. Nothing else in a header is looked at, least of all keys. */
export interface SignatureHeader {
  readonly alg: string
  readonly kid?: string
}

export interface FoundKeys {
  readonly keys: readonly CryptoKey[]
  /** Whom the provider says it is; undefined when only keys are known. */
  readonly issuer: string | undefined
}

const DEADLINE = 5_000
/** Milliseconds between two questions to a provider. */
const PAUSE = 30_000
/** The same, as long as it has never answered. */
const FIRST_PAUSE = 1_000
const LARGEST_DOCUMENT = 512 * 1024
const MOST_KEYS = 100

/** Keys that are fetched when they are first needed, and again when they are old. Old ones do while the provider is down. */
export function createKeySource({ url, ttl, host: { fetch, now, log } }: KeySourceSettings): KeySource {
  let known: KnownKeys | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let reading: Promise<void> | undefined
  // A clock that was set back must not keep keys for ever.
  const isOver = (since: number, span: number) => now() - since >= span || now() < since
  const read = async () => {
    askedAt = now()
    try {
      known = await readKeys(url, fetch)
      readAt = askedAt
      if (failure !== undefined) log.info('The identity provider answers again.', { url: shown(url) })
      failure = undefined
    } catch (cause) {
      const facts = { url: shown(url), reason: cause instanceof Error ? cause.message : String(cause) }
      if (failure === undefined) log.warn('The keys of the identity provider cannot be read.', facts)
      failure = cause
    }
  }
  const ask = () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
  }
  return {
    async find(header) {
      if (known === undefined ? isOver(askedAt, FIRST_PAUSE) : isOver(readAt, ttl) && isOver(askedAt, PAUSE)) ask()
      if (known === undefined || failure === undefined) await reading
      if (known === undefined) throw unreachable(failure)
      const found = await matching(known, header)
      if (found.keys.length > 0) return found
      if (isOver(askedAt, PAUSE)) ask()
      await reading
      if (failure !== undefined) throw unreachable(failure)
      return matching(known, header)
    },
  }
}

interface KnownKeys {
  readonly set: ReturnType<typeof createLocalJWKSet>
  readonly issuer: string | undefined
}

async function matching({ set, issuer }: KnownKeys, header: SignatureHeader): Promise<FoundKeys> {
  const keys = await candidates(set, header)
  return { keys: keys.filter(isLongEnough), issuer }
}

async function candidates(set: KnownKeys['set'], header: SignatureHeader): Promise<readonly CryptoKey[]> {
  try {
    return [await set({ ...header })]
  } catch (error) {
    // A key of the set that cannot be used is as good as none.
    return error instanceof JWKSMultipleMatchingKeys ? Array.fromAsync(error) : []
  }
}

/** The least that RSA signatures are allowed: https://datatracker.ietf.org/doc/html/rfc7518#section-3.3 */
function isLongEnough({ algorithm }: CryptoKey): boolean {
  const { modulusLength } = algorithm as Partial<RsaHashedKeyAlgorithm>
  return modulusLength === undefined || modulusLength >= 2048
}

function readKeys(url: string, fetch: Host['fetch']): Promise<KnownKeys> {
  return inTime(DEADLINE, async (signal) => {
    const document = await readDocument(url, fetch, signal)
    if (Array.isArray(document.keys)) return { set: keySet(document.keys), issuer: undefined }
    const { jwks_uri, issuer } = document
    if (typeof jwks_uri !== 'string' || !isSafeUrl(jwks_uri))
      throw new Error('it is neither a key set nor does it name one by an https address.')
    const { keys } = await readDocument(jwks_uri, fetch, signal)
    // Some providers speak for many issuers, and say it with a template: `https://…/{tenantid}/v2.0`.
    const isIssuer = typeof issuer === 'string' && !issuer.includes('{')
    return { set: keySet(keys), issuer: isIssuer ? issuer : undefined }
  })
}

function keySet(keys: unknown): KnownKeys['set'] {
  if (!Array.isArray(keys) || keys.length > MOST_KEYS)
    throw new Error(`a key set has a list of at most ${MOST_KEYS} keys.`)
  return createLocalJWKSet({ keys })
}

async function readDocument(
  url: string,
  fetch: Host['fetch'],
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  // Whoever redirects decides whose keys are trusted.
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`it answered ${response.status}; redirects are not followed.`)
  }
  const document = parseJson(await boundedText(response))
  if (!isJsonObject(document)) throw new Error('it did not answer with a JSON object.')
  return document
}

async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true })
    if (text.length > LARGEST_DOCUMENT) throw new Error('its answer is too large.')
  }
  return text + decoder.decode()
}

/** An address as a log may show it: a query may hold a secret. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
