import { type FailedReply, isJsonObject } from '@tianjillm/core'

/**
 * Name of the exception a service of AWS answered with, e.g. `ThrottlingException`: from `x-amzn-errortype`, else
 * from `__type` of the body. https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
 */
export function awsErrorName({ headers, body }: FailedReply): string | undefined {
  const type = headers.get('x-amzn-errortype') ?? (isJsonObject(body) ? body.__type : undefined)
  // Either may be wrapped: `namespace#Name:http://…`.
  return typeof type === 'string' ? /^(?:[^#:]*#)?([^#:]+)/.exec(type)?.[1] : undefined
}
