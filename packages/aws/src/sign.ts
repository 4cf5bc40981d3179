import type { UpstreamRequest } from '@tianjillm/core'
import { AwsV4Signer } from 'aws4fetch'

/** Keys of an AWS identity. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Only with temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** What a signature is made for. */
export interface SigningFacts {
  /** As AWS names it in signatures: `bedrock`, `polly`, `sts`. */
  readonly service: string
  readonly region: string
  readonly credentials: AwsCredentials
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Signing keys hold for a day; they are forgotten together with the credentials they come from. */
const signingKeys = new WeakMap<AwsCredentials, Map<string, ArrayBuffer>>()

/**
 * The request with its AWS Signature Version 4, in place of whatever looks like one. The path must be encoded as it is
 * sent; the body must be sent as it is.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function signRequest(
  request: UpstreamRequest,
  { service, region, credentials, now }: SigningFacts,
): Promise<UpstreamRequest> {
  if (request.body instanceof FormData) throw new Error('A multipart body cannot be signed: its bytes are not written.')
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !ofSignatures.has(name)))
  const signer = new AwsV4Signer({
    method: request.method,
    url: request.url,
    headers: Object.entries(headers).filter(([name]) => isSigned(name)),
    // A view of bytes is a body; lib.dom asks for one that is surely not shared memory.
    body: (request.body ?? null) as BodyInit | null,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    service,
    region,
    datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    cache: keysOf(credentials),
    allHeaders: true,
  })
  const signed = await signer.sign()
  return { ...request, url: signed.url.href, headers: { ...headers, ...Object.fromEntries(signed.headers) } }
}

/** Of another signature they would spoil this one. */
const ofSignatures: ReadonlySet<string> = new Set([
  'authorization',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
])

/** Other headers may be changed on their way by a proxy. */
function isSigned(name: string): boolean {
  return name === 'content-type' || (name.startsWith('x-amz') && name !== 'x-amzn-trace-id')
}

function keysOf(credentials: AwsCredentials): Map<string, ArrayBuffer> {
  const keys = signingKeys.get(credentials) ?? new Map<string, ArrayBuffer>()
  signingKeys.set(credentials, keys)
  return keys
}
