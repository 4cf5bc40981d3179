import { parseJson } from '@tianjillm/core'
import { awsErrorName } from './error-name.ts'
import type { SigningFacts } from './sign.ts'

/** What AWS answered to a signed request. */
export interface Refusal {
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  /** The beginning of its body. */
  readonly text: string
}

/** Milliseconds by which clocks may differ. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const TOLERANCE = 5 * 60_000

type Words = (refusal: Refusal, facts: Omit<SigningFacts, 'credentials'>) => string

/** The first that fits counts. AWS' own words may repeat what was signed, session token included. */
const reasons: readonly (readonly [RegExp, Words])[] = [
  [/RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|Signature expired|Signature not yet current/, clockWords],
  [
    /ExpiredToken|security token included in the request is expired/,
    () => 'its temporary keys have expired: give new ones, or a role in aws_role_name, whose keys are renewed',
  ],
  [
    /UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|security token included in the request is invalid/,
    () => 'it does not know the keys: look at aws_access_key_id and, of temporary keys, at aws_session_token',
  ],
  [/InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|request signature we calculated/, signatureWords],
  [/^AccessDenied/, accessWords],
]

/**
 * Why AWS refused a request, and what its operator can do, in words without a secret: `its temporary keys have expired:
 * …`; undefined when it does not say.
 */
export function explainRefusal(refusal: Refusal, facts: Omit<SigningFacts, 'credentials'>): string | undefined {
  const { status, headers, text } = refusal
  const reply = { status, headers: { get: (name: string) => headers.get(name) ?? undefined }, body: parseJson(text) }
  const name = awsErrorName(reply) ?? /<Code>([\w.]+)<\/Code>/.exec(text)?.[1] ?? ''
  return reasons.find(([mark]) => mark.test(`${name}\n${text}`))?.[1](refusal, facts)
}

function clockWords(refusal: Refusal, { now }: { readonly now: number }): string {
  const ahead = aheadOf(refusal, now)
  const by =
    ahead === undefined ? 'not right' : `${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'fast' : 'slow'}`
  return `the clock of this machine is ${by}: set it, for a signature holds for minutes`
}

function signatureWords(...[refusal, facts]: Parameters<Words>): string {
  if (Math.abs(aheadOf(refusal, facts.now) ?? 0) > TOLERANCE) return clockWords(refusal, facts)
  return `the signature is not what it works out: look at aws_secret_access_key, at aws_region_name (${facts.region} was signed) and at aws_service_name (${facts.service} was signed)`
}

/** Milliseconds by which our clock is ahead of who answered. */
function aheadOf({ headers }: Refusal, now: number): number | undefined {
  const theirs = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(theirs) ? undefined : now - theirs
}

function accessWords({ text }: Refusal): string {
  const action = /\bperform: ([\w-]+:\w+)/.exec(text)?.[1] ?? 'this'
  return `it knows the identity, which may not do ${action}: allow it in IAM`
}
