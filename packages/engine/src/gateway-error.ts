import { GatewayError, isGatewayError } from '@tianjillm/core'

/** The error a client is told, whatever went wrong; our own mistakes are told without their words. */
export function asGatewayError(error: unknown): GatewayError {
  return isGatewayError(error) ? error : new GatewayError('internal', 'The gateway made a mistake.', { cause: error })
}
