import { GatewayError, isGatewayError } from '@tianjillm/core'

const CODE = 'sign_in_required'

/** Somebody has to sign in to this server, with this scope if it is known. */
export function signInNeeded(server: string, scope?: string): GatewayError {
  return new GatewayError('permission_denied', `The MCP server ${server} needs its user to sign in.`, {
    code: CODE,
    details: { server, ...(scope !== undefined && { scope }) },
  })
}

/** Whether this is `signInNeeded`. */
export function isSignInNeeded(error: unknown): error is GatewayError {
  return isGatewayError(error) && error.facts.code === CODE
}
