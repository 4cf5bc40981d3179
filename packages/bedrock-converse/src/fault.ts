import { awsErrorName } from '@tianjillm/aws'
import { type ErrorKind, type FailedReply, type Fault, isJsonObject } from '@tianjillm/core'

/** Exceptions whose meaning their status does not tell. https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html */
const kinds: Readonly<Record<string, ErrorKind>> = {
  accessdeniedexception: 'upstream_auth_failed',
  internalserverexception: 'upstream_error',
  modelerrorexception: 'upstream_error',
  modelnotreadyexception: 'overloaded',
  modelstreamerrorexception: 'upstream_error',
  modeltimeoutexception: 'upstream_timeout',
  resourcenotfoundexception: 'model_not_found',
  servicequotaexceededexception: 'quota_exceeded',
  serviceunavailableexception: 'overloaded',
  throttlingexception: 'rate_limited',
  validationexception: 'invalid_request',
}

/** What Bedrock Runtime meant by a failed answer, by the exception's name. */
export function bedrockFault(reply: FailedReply): Fault | undefined {
  return exceptionFault(awsErrorName(reply), reply.body)
}

/** What an exception means, whether it came as an answer or within a stream, where its name begins in lower case. */
export function exceptionFault(name: string | undefined, body: unknown): Fault | undefined {
  const kind = kinds[name?.toLowerCase() ?? '']
  return kind && { kind: kind === 'invalid_request' && isTooLong(body) ? 'context_length_exceeded' : kind }
}

function isTooLong(body: unknown): boolean {
  const message = isJsonObject(body) ? (body.message ?? body.Message) : undefined
  return typeof message === 'string' && /too long|too many (input )?tokens|context (length|window)/i.test(message)
}
