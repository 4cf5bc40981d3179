import { createHash, createHmac } from 'node:crypto'
import type { Arrived } from '@tianjillm/testing'

/** Whose signature is checked. */
export interface Signatory {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly service: string
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()

/**
 * The `authorization` a request must have, worked out from what arrived as AWS does it. Only for paths without a query.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function expectedAuthorization({ method, path, headers, body }: Arrived, signatory: Signatory): string {
  const { accessKeyId, secretAccessKey, region, service } = signatory
  const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
  const time = headers['x-amz-date'] ?? ''
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const canonicalPath = path.split('/').map(encodeURIComponent).join('/')
  const canonicalHeaders = names.split(';').map((name) => `${name}:${headers[name]?.trim()}\n`)
  const canonical = [method, canonicalPath, '', canonicalHeaders.join(''), names, sha256(body)].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const signingKey = [region, service, 'aws4_request'].reduce(
    (key, part) => hmac(key, part),
    hmac(`AWS4${secretAccessKey}`, time.slice(0, 8)),
  )
  const signature = hmac(signingKey, toSign).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}
