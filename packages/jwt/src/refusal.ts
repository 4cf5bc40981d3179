import { GatewayError } from '@tianjillm/core'
import { JOSEError, JWTClaimValidationFailed, JWTExpired } from 'jose/errors'

/** Why a token is refused, and what to say of it. */
const words = {
  token_too_long: 'The token is too long.',
  token_malformed: 'The token is not well-formed.',
  token_algorithm_not_allowed:
    'The token is signed with an algorithm that is not taken here. Use RS, PS or ES with 256, 384 or 512, or EdDSA.',
  token_unknown_key: 'The token is signed with a key that the identity provider does not have.',
  token_bad_signature: 'The signature of the token is not right.',
  token_expired: 'The token has expired. Get a new one from the identity provider.',
  token_not_yet_valid: 'The token is not valid yet. Is the clock of the identity provider right?',
  token_wrong_audience: 'The token is meant for another audience (`aud`) than this gateway.',
  token_wrong_issuer: 'The token is of an issuer (`iss`) that this gateway does not trust.',
} as const

type Reason = keyof typeof words

/** A token that is refused for what it is: GatewayError `invalid_api_key` with a code of its own. */
export function refusal(reason: Reason, cause?: unknown): GatewayError {
  return new GatewayError('invalid_api_key', words[reason], { code: reason, cause })
}

/** A token whose claims do not say what they have to; `claim` is named as the configuration names it. */
export function claimRefusal(claim: string, isMissing: boolean, wanted = ''): GatewayError {
  const code = isMissing ? 'token_claim_missing' : 'token_claim_invalid'
  const message = isMissing ? `The token has no claim \`${claim}\`.` : `The claim \`${claim}\` of the token ${wanted}.`
  return new GatewayError('invalid_api_key', message, { code })
}

/** A good token of somebody who is not let in: GatewayError `permission_denied`. */
export function denial(code: string, message: string): GatewayError {
  return new GatewayError('permission_denied', message, { code })
}

/** Keys are not to be had, so nobody can say whether the token is good: GatewayError `overloaded`. */
export function unreachable(cause: unknown): GatewayError {
  const message = 'The gateway cannot reach the identity provider to check this token. Try again in a few seconds.'
  return new GatewayError('overloaded', message, { code: 'identity_provider_unreachable', retryAfter: 5, cause })
}

const reasonOfClaim: Readonly<Record<string, Reason>> = {
  aud: 'token_wrong_audience',
  iss: 'token_wrong_issuer',
  nbf: 'token_not_yet_valid',
}

/** What jose found, in our words; an error that is not jose's is given back as it is. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof JWTExpired) return refusal('token_expired', error)
  if (error instanceof JWTClaimValidationFailed) {
    const { claim, reason } = error
    if (reason === 'missing') return claimRefusal(claim, true)
    const known = Object.hasOwn(reasonOfClaim, claim) ? reasonOfClaim[claim] : undefined
    return reason === 'check_failed' && known ? refusal(known, error) : claimRefusal(claim, false, 'must be a number')
  }
  return error instanceof JOSEError ? refusal('token_malformed', error) : error
}
