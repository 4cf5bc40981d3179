import type { Config, Problem } from '@tianjillm/config'
import { type Host, isGatewayError } from '@tianjillm/core'
import type { TokenReader } from '@tianjillm/jwt'
import { type Carry, createCarry } from './carry.ts'

/** What the configuration leaves out of whose tokens are taken. */
const variables = ['JWT_PUBLIC_KEY_URL', 'JWT_AUDIENCE', 'JWT_ISSUER']

/**
 * Reads tokens of identity providers, when the configuration wants them; undefined when it does not. The one before goes
 * on with the keys it knows as long as nothing about it changes. Rejects with GatewayError `misconfigured`.
 */
export async function tokenReaderOf(
  { general: { jwtAuth } }: Config,
  host: Host,
  carry: Carry = createCarry(),
): Promise<TokenReader | undefined> {
  if (jwtAuth === undefined) return undefined
  const { createTokenReader } = await import('@tianjillm/jwt')
  const facts = ['jwt', jwtAuth, variables.map((name) => host.env(name))]
  return carry.take(facts, () => createTokenReader(jwtAuth, host))
}

/** The same, with what is wrong as a problem at its place in the file. */
export async function openTokens(
  config: Config,
  host: Host,
  carry?: Carry,
): Promise<{ readonly tokens: TokenReader | undefined; readonly problem?: Problem }> {
  try {
    return { tokens: await tokenReaderOf(config, host, carry) }
  } catch (error) {
    if (!isGatewayError(error)) throw error
    const path = ['general_settings', 'enable_jwt_auth']
    const place = { ...config.positionOf(path), path: path.join('.') }
    return { tokens: undefined, problem: { severity: 'error', ...place, message: error.message } }
  }
}
