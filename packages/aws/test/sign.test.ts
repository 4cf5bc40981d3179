import { createHash, createHmac } from 'node:crypto'
import type { UpstreamRequest } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { type AwsCredentials, type SigningFacts, signRequest } from '../src/index.ts'

const credentials: AwsCredentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const now = Date.UTC(2015, 7, 30, 12, 36)
const facts: SigningFacts = { service: 'service', region: 'us-east-1', credentials, now }

describe("AWS' published test suite", () => {
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html, "get-vanilla" and its neighbours.
  it.each([
    ['get-vanilla', 'GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ] as const)('%s', async (_title, method, path, signature) => {
    const signed = await signRequest({ method, url: `https://example.amazonaws.com${path}`, headers: {} }, facts)
    expect(signed.headers.authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    )
  })
})

describe('signRequest', () => {
  const bedrock = 'https://bedrock-runtime.us-east-1.amazonaws.com/model'
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2'
  const post = (url: string, body: string | Uint8Array): UpstreamRequest => ({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body,
  })

  it.each<[string, UpstreamRequest]>([
    ['a model id with a colon', post(`${bedrock}/${encodeURIComponent('a.claude-v2:0')}/converse`, '{"a":1}')],
    ['an ARN in the path', post(`${bedrock}/${encodeURIComponent(arn)}/invoke`, '{"a":1}')],
    ['a body of more than ASCII', post('https://polly.eu-west-1.amazonaws.com/v1/speech', '{"Text":"grüß 👍"}')],
    ['a body of bytes', post('https://polly.eu-west-1.amazonaws.com/v1/speech', new Uint8Array([0, 255, 13, 10]))],
    ['an empty body', post('https://sts.amazonaws.com/', '')],
    ['a port', post('http://localhost:4566/model/m/invoke', '{}')],
    ['characters that only RFC 3986 escapes', post("https://example.amazonaws.com/a'b(c)*!/~d", '{}')],
    [
      'a query out of order',
      { method: 'GET', url: 'https://example.amazonaws.com/x?b=2&a=%20%2F&a=1&c', headers: { 'x-amz-a': ' x   y ' } },
    ],
  ])('signs %s as the algorithm says', async (_title, request) => {
    const signed = await signRequest(request, { ...facts, service: 'bedrock' })
    expect(signed.headers.authorization).toBe(independentAuthorization(signed, 'bedrock'))
    expect(signed.body).toBe(request.body)
  })

  it('escapes the escaped path once more', async () => {
    const { url } = await signRequest(post(`${bedrock}/a.claude-v2%3A0/converse`, '{}'), facts)
    expect(url).toBe(`${bedrock}/a.claude-v2%3A0/converse`)
    expect(canonicalPath(url)).toBe('/model/a.claude-v2%253A0/converse')
  })

  it('sends and signs the token of temporary credentials', async () => {
    const signing = { ...facts, credentials: { ...credentials, sessionToken: 'AQoDYXdz+/=' } }
    const signed = await signRequest(post(`${bedrock}/m/converse`, '{}'), signing)
    expect(signed.headers).toEqual({
      authorization: independentAuthorization(signed, 'service'),
      'content-type': 'application/json',
      'x-amz-date': '20150830T123600Z',
      'x-amz-security-token': 'AQoDYXdz+/=',
    })
    expect(signed.headers.authorization).toContain('content-type;host;x-amz-date;x-amz-security-token')
  })

  it('sends, but does not sign, headers that a proxy may change', async () => {
    const request = post(`${bedrock}/m/converse`, '{}')
    const headers = { ...request.headers, 'user-agent': 'me', 'x-amzn-trace-id': 't', traceparent: 'p' }
    const plain = await signRequest(request, facts)
    const signed = await signRequest({ ...request, headers }, facts)
    expect(signed.headers).toEqual({ ...plain.headers, ...headers })
  })

  it('leaves out what is of another signature', async () => {
    const request = post(`${bedrock}/m/converse`, '{}')
    const other = { 'x-amz-date': 'x', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-security-token': 't' }
    const headers = { ...request.headers, ...other, authorization: 'Bearer t' }
    expect(await signRequest({ ...request, headers }, facts)).toEqual(await signRequest(request, facts))
  })

  it('signs each day and each identity with keys of its own', async () => {
    const request = post(`${bedrock}/m/converse`, '{}')
    const tomorrow = { ...facts, now: now + 24 * 3600_000 }
    const other = { ...facts, credentials: { ...credentials, secretAccessKey: 'other' } }
    for (const signing of [facts, tomorrow, facts, other]) {
      const signed = await signRequest(request, signing)
      expect(signed.headers.authorization).toBe(
        independentAuthorization(signed, 'service', signing.credentials.secretAccessKey),
      )
    }
  })

  it('refuses a form, whose bytes are not known yet', async () => {
    const request = { method: 'POST' as const, url: bedrock, headers: {}, body: new FormData() }
    await expect(signRequest(request, facts)).rejects.toThrow('multipart')
  })
})

/** The signature worked out step by step with node's own cryptography, over the headers named in `authorization`. */
function independentAuthorization(
  { method, url, headers, body }: UpstreamRequest,
  service: string,
  secret = credentials.secretAccessKey,
): string {
  const { host, searchParams } = new URL(url)
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization!)![1]!
  const query = [...searchParams]
    .map(([name, value]) => `${escape3986(name)}=${escape3986(value)}`)
    .sort()
    .join('&')
  const lines = names.split(';').map((name) => {
    const value = name === 'host' ? host : headers[name]!
    return `${name}:${value.trim().replace(/\s+/g, ' ')}\n`
  })
  const canonical = [method, canonicalPath(url), query, lines.join(''), names, sha256(body ?? '')].join('\n')
  const date = headers['x-amz-date']!
  const scope = `${date.slice(0, 8)}/us-east-1/${service}/aws4_request`
  const key = scope.split('/').reduce<string | Buffer>((chain, part) => hmac(chain, part), `AWS4${secret}`)
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`
}

function canonicalPath(url: string): string {
  return new URL(url).pathname.split('/').map(escape3986).join('/')
}

function escape3986(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) => (/[A-Za-z0-9_.~-]/.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase()}`))
    .join('')
}

function sha256(content: UpstreamRequest['body']): string {
  return createHash('sha256')
    .update(content as string | Uint8Array)
    .digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
