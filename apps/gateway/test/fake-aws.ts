import { createHash, createHmac } from 'node:crypto'
import { type Door, doorTo, type Knock, listen, shut, type TurnedAway } from '@tianjillm/testing-mcp'
import { onTestFinished } from 'vitest'

/** Somebody that AWS knows. */
export interface Identity {
  readonly secret: string
  /** Of temporary keys. */
  readonly token?: string
}

/** What a service of AWS goes by. */
export interface Service {
  readonly name: string
  readonly region: string
  /** By their key ids. */
  readonly identities: ReadonlyMap<string, Identity>
  /** Milliseconds since the epoch; default: what the time is. */
  readonly now?: () => number
}

/** How far clocks may be apart, in milliseconds. */
const TOLERANCE = 5 * 60_000

/**
 * A door that lets in what is signed with Signature Version 4, and refuses all else in AWS' words. It works signatures out
 * by itself, step by step: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function awsDoor(target: string, service: Service): Promise<Door> {
  const door = await doorTo(target, (knock) => judge(knock, service))
  onTestFinished(() => door.close())
  return door
}

/** AWS' refusal of a request, undefined for one that is signed as it should be. */
export function judge(knock: Knock, { name, region, identities, now = Date.now }: Service): TurnedAway | undefined {
  const { headers } = knock
  const refuse = (type: string, message: string): TurnedAway => ({
    status: 403,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.coral.service/`,
      date: new Date(now()).toUTCString(),
    },
    body: JSON.stringify({ message }),
  })
  const [, id = '', scope = '', list = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? []
  if (signature === undefined) return refuse('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const identity = identities.get(id)
  if (identity === undefined || headers['x-amz-security-token'] !== identity.token)
    return refuse('UnrecognizedClientException', 'The security token included in the request is invalid.')
  const date = String(headers['x-amz-date'])
  if (Math.abs(now() - timeOf(date)) > TOLERANCE)
    return refuse('InvalidSignatureException', `Signature expired: ${date} is now earlier than it may be.`)
  const names = list.split(';')
  const mustBeSigned = Object.keys(headers).filter((header) => /^(host|content-type|x-amz.*)$/.test(header))
  const unsigned = mustBeSigned.filter((header) => !names.includes(header))
  const canonical = canonicalRequest(knock, names)
  const expected = scopeOf(date, region, name)
  if (unsigned.length > 0 || scope !== expected || signature !== sign(canonical, date, expected, identity.secret))
    return refuse(
      'InvalidSignatureException',
      `The request signature we calculated does not match the signature you provided. The Canonical String for this request should have been\n'${canonical}'`,
    )
  return undefined
}

/** The Security Token Service: gives keys of a role to who signs as one of these, and knows those then. */
export async function fakeSts(
  region: string,
  identities: Map<string, Identity>,
): Promise<{ readonly url: string; readonly asked: readonly URLSearchParams[] }> {
  const asked: URLSearchParams[] = []
  const { server, port } = await listen(async (incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming
    const body = Buffer.concat(await Array.fromAsync(incoming))
    if (judge({ method, path, headers, body }, { name: 'sts', region, identities }) !== undefined) {
      outgoing.writeHead(403).end('<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>')
      return
    }
    asked.push(new URLSearchParams(body.toString()))
    const [id, identity] = [
      `ASIAOFTHEROLE${asked.length}`,
      { secret: 'secret-of-the-role', token: 'token-of-the-role' },
    ]
    identities.set(id, identity)
    const ends = new Date(Date.now() + 3_600_000).toISOString()
    const credentials = `<AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${identity.secret}</SecretAccessKey><SessionToken>${identity.token}</SessionToken><Expiration>${ends}</Expiration>`
    outgoing
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(`<AssumeRoleResponse><Credentials>${credentials}</Credentials></AssumeRoleResponse>`)
  })
  onTestFinished(() => shut(server))
  return { url: `http://127.0.0.1:${port}`, asked }
}

function timeOf(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function scopeOf(date: string, region: string, service: string): string {
  return `${date.slice(0, 8)}/${region}/${service}/aws4_request`
}

function canonicalRequest({ method, path, headers, body }: Knock, names: readonly string[]): string {
  const [pathname = '', query = ''] = path.split('?')
  const parameters = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=').map(decodeURIComponent)
      return `${escape3986(name)}=${escape3986(value)}`
    })
  return [
    method,
    pathname.split('/').map(escape3986).join('/'),
    parameters.toSorted().join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    createHash('sha256').update(body).digest('hex'),
  ].join('\n')
}

function sign(canonical: string, date: string, scope: string, secret: string): string {
  const toSign = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = scope.split('/').reduce<string | Buffer>((chain, part) => hmac(chain, part), `AWS4${secret}`)
  return hmac(key, toSign).toString('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function escape3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
