import { type Call, GatewayError, type Host } from '@tianjillm/core'
import { expectSent, type FakeUpstream, fakeUpstream, NOW, type Scripted, stubHost } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AwsOptions, awsEndpoint, awsErrorName, awsRegion, credentialSource } from '../src/index.ts'

const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' }
const role = 'arn:aws:iam::123456789012:role/models'
const hour = 3600_000

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

function source(options: AwsOptions, env: Readonly<Record<string, string>> = {}) {
  return credentialSource('bedrock', options, stubHost(upstream, env), 'us-east-1', {
    alternative: 'AWS_BEARER_TOKEN_BEDROCK',
  })
}

function call(changes: Partial<Call> = {}): Call {
  const host: Host = stubHost(upstream)
  const { signal } = new AbortController()
  return { ...host, id: 'c', operation: 'chat', model: 'm', signal, caller: {}, metadata: {}, ...changes }
}

/** STS' answer with credentials that hold for an hour from `start`. */
function assumed(action: string, id = 'ASIA1', start = NOW): Scripted {
  const expiration = new Date(start + hour).toISOString()
  return {
    headers: { 'content-type': 'text/xml' },
    body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>s/1+</SecretAccessKey><SessionToken>t//1==</SessionToken><Expiration>${expiration}</Expiration></Credentials></${action}Result></${action}Response>`,
  }
}

/** The metadata services' answer. */
const issued = {
  Code: 'Success',
  AccessKeyId: 'ASIA2',
  SecretAccessKey: 's2',
  Token: 't2',
  Expiration: new Date(NOW + hour).toISOString(),
}

describe('keys', () => {
  it('come from the options', async () => {
    const options = { awsAccessKeyId: 'A', awsSecretAccessKey: 'S', awsSessionToken: 'T' }
    expect(await source(options, keys)(call())).toEqual({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' })
  })

  it('come from the environment', async () => {
    const env = { ...keys, AWS_SESSION_TOKEN: 'T' }
    expect(await source({}, env)(call())).toEqual({ accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'T' })
  })

  it("of the options do not get the environment's session token", async () => {
    const options = { awsAccessKeyId: 'A', awsSecretAccessKey: 'S' }
    const found = await source(options, { ...keys, AWS_SESSION_TOKEN: 'T' })(call())
    expect(found).toEqual({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: undefined })
  })

  it.each<[string, AwsOptions, Record<string, string>, RegExp]>([
    [
      'nothing',
      {},
      {},
      /^bedrock: no credentials\. Set AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or litellm_params\.aws_access_key_id and aws_secret_access_key\.$/,
    ],
    ['half a pair of options', { awsAccessKeyId: 'A' }, keys, /Set litellm_params\.aws_secret_access_key/],
    ['half a pair of variables', {}, { AWS_SECRET_ACCESS_KEY: 's' }, /Set AWS_ACCESS_KEY_ID/],
    ['a profile', { awsProfileName: 'dev' }, {}, /profile dev cannot be used.*Set AWS_ACCESS_KEY_ID/],
    ["a profile of the environment's", {}, { AWS_PROFILE: 'ops' }, /profile ops cannot be used/],
    ['a role without an identity', { awsRoleName: role }, {}, /no credentials/],
    ['a token without a role', { awsWebIdentityToken: 'jwt' }, keys, /Set litellm_params\.aws_role_name/],
  ])('are missed at once with %s', (_title, options, env, message) => {
    const error = thrownBy(() => source(options, env))
    expect(error.kind).toBe('misconfigured')
    expect(error.message).toMatch(message)
  })
})

describe('a role', () => {
  it('is assumed with keys, by a signed request', async () => {
    upstream.script(assumed('AssumeRole'))
    const options = { awsRoleName: role, awsSessionName: 'me', awsExternalId: 'x-1' }
    expect(await source(options, keys)(call())).toEqual({
      accessKeyId: 'ASIA1',
      secretAccessKey: 's/1+',
      sessionToken: 't//1==',
      expiresAt: NOW + hour,
    })
    await expectSent(upstream.arrived[0], {
      url: 'https://sts.us-east-1.amazonaws.com/',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        authorization: /^AWS4-HMAC-SHA256 Credential=AKID\/20260102\/us-east-1\/sts\/aws4_request/,
      },
      bytes: `Action=AssumeRole&ExternalId=x-1&Version=2011-06-15&RoleArn=${encodeURIComponent(role)}&RoleSessionName=me`,
    })
  })

  it('is assumed with a web identity token, unsigned, where the options say', async () => {
    upstream.script(assumed('AssumeRoleWithWebIdentity'))
    const options = { awsRoleName: role, awsWebIdentityToken: 'j.w.t', awsStsEndpoint: 'https://sts.example.test/' }
    expect(await source(options)(call())).toMatchObject({ accessKeyId: 'ASIA1' })
    await expectSent(upstream.arrived[0], {
      url: 'https://sts.example.test/',
      headers: { authorization: null },
      bytes: `Action=AssumeRoleWithWebIdentity&WebIdentityToken=j.w.t&Version=2011-06-15&RoleArn=${encodeURIComponent(role)}&RoleSessionName=tianjillm`,
    })
  })

  it('is assumed once for calls at the same time, and anew five minutes before the end', async () => {
    upstream.script({ ...assumed('AssumeRole'), delay: 10 }, assumed('AssumeRole', 'ASIA9', NOW + hour))
    const find = source({ awsRoleName: role }, keys)
    const ids = async (...times: readonly number[]) =>
      (await Promise.all(times.map((time) => find(call({ now: () => time }))))).map(({ accessKeyId }) => accessKeyId)
    expect(await ids(NOW, NOW, NOW)).toEqual(['ASIA1', 'ASIA1', 'ASIA1'])
    expect(await ids(NOW + hour - 300_001)).toEqual(['ASIA1'])
    expect(upstream.arrived.length).toBe(1)
    expect(await ids(NOW + hour - 300_000)).toEqual(['ASIA9'])
    expect(upstream.arrived.length).toBe(2)
  })

  it('is kept apart for each provider', async () => {
    upstream.script(assumed('AssumeRole', 'ASIA1'), assumed('AssumeRole', 'ASIA9'))
    const [first, second] = [source({ awsRoleName: role }, keys), source({ awsRoleName: role }, keys)]
    expect(await first(call())).toMatchObject({ accessKeyId: 'ASIA1' })
    expect(await second(call())).toMatchObject({ accessKeyId: 'ASIA9' })
  })

  it('is still assumed for others when the first caller hangs up', async () => {
    upstream.script({ ...assumed('AssumeRole'), delay: 20 })
    const find = source({ awsRoleName: role }, keys)
    const controller = new AbortController()
    const leaving = Promise.resolve(find(call({ signal: controller.signal })))
    const staying = find(call())
    controller.abort()
    await expect(leaving).rejects.toMatchObject({ kind: 'client_closed' })
    expect(await staying).toMatchObject({ accessKeyId: 'ASIA1' })
    expect(upstream.arrived.length).toBe(1)
  })

  it.each<[string, Scripted, string, RegExp]>([
    [
      'refuses',
      { status: 403, body: '<Error><Code>AccessDenied</Code><Message>User x may not</Message></Error>' },
      'upstream_auth_failed',
      /^bedrock: STS, asked for the role .*models, gave no credentials but answered 403 AccessDenied\.$/,
    ],
    ['is throttled', { status: 429, body: '' }, 'upstream_error', /429/],
    ['fails', { status: 500, body: 'oops' }, 'upstream_error', /500/],
    ['talks nonsense', { body: '<html></html>' }, 'upstream_invalid_response', /without credentials/],
    ['dies', { pieces: ['<'], dies: true }, 'upstream_unreachable', /cannot be reached/],
  ])('is told when STS %s, and asked for again', async (_title, reply, kind, message) => {
    upstream.script(reply, assumed('AssumeRole'))
    const find = source({ awsRoleName: role }, keys)
    await expect(find(call())).rejects.toMatchObject({ kind, message: expect.stringMatching(message) })
    expect(await find(call())).toMatchObject({ accessKeyId: 'ASIA1' })
  })
})

describe('the surroundings', () => {
  const temporary = { accessKeyId: 'ASIA2', secretAccessKey: 's2', sessionToken: 't2', expiresAt: NOW + hour }

  it("give the container's role", async () => {
    upstream.script({ body: issued })
    const find = source({}, { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/u' })
    expect(await find(call())).toEqual(temporary)
    expect(await find(call())).toEqual(temporary)
    expect(upstream.arrived.map(({ method, url }) => [method, url])).toEqual([
      ['GET', 'http://169.254.170.2/v2/credentials/u'],
    ])
  })

  it("give the container's role at a full address, with a token", async () => {
    upstream.script({ body: issued })
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic x',
    }
    expect(await source({}, env)(call())).toEqual(temporary)
    await expectSent(upstream.arrived[0], {
      method: 'GET',
      url: 'http://169.254.170.23/v1/credentials',
      headers: { authorization: 'Basic x' },
    })
  })

  it("give the instance's role when the environment names the service", async () => {
    upstream.script({ body: 'token' }, { body: 'models\n' }, { body: issued })
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://169.254.169.254/' }
    expect(await source({}, env)(call())).toEqual(temporary)
    const base = 'http://169.254.169.254/latest'
    const roles = `${base}/meta-data/iam/security-credentials/`
    const headers = { 'x-aws-ec2-metadata-token': 'token' }
    await expectSent(upstream.arrived[0], {
      method: 'PUT',
      url: `${base}/api/token`,
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
    await expectSent(upstream.arrived[1], { method: 'GET', url: roles, headers })
    await expectSent(upstream.arrived[2], { method: 'GET', url: `${roles}models`, headers })
  })
})

describe('awsRegion', () => {
  const region = (options: AwsOptions, env: Record<string, string> = {}) =>
    awsRegion('polly', options, stubHost(upstream, env))

  it('looks in the options, then in the environment', () => {
    expect(region({ awsRegionName: 'eu-west-1' }, { AWS_REGION_NAME: 'x' })).toBe('eu-west-1')
    expect(region({}, { AWS_REGION_NAME: 'eu-west-2', AWS_REGION: 'x' })).toBe('eu-west-2')
    expect(region({}, { AWS_REGION: 'eu-west-3' })).toBe('eu-west-3')
    expect(region({})).toBe('us-east-1')
  })

  it('refuses what would lead to another host', () => {
    expect(() => region({ awsRegionName: 'evil.test/' })).toThrow('polly: "evil.test/" is no AWS region')
  })
})

describe('awsEndpoint', () => {
  it("knows China's domain", () => {
    expect(awsEndpoint('polly', 'eu-west-1')).toBe('https://polly.eu-west-1.amazonaws.com')
    expect(awsEndpoint('polly', 'cn-north-1')).toBe('https://polly.cn-north-1.amazonaws.com.cn')
  })
})

describe('awsErrorName', () => {
  const named = (header: string | undefined, body: unknown = {}) =>
    awsErrorName({ status: 400, headers: { get: (name) => (name === 'x-amzn-errortype' ? header : undefined) }, body })

  it.each([
    ['ThrottlingException', {}],
    ['ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.service/', {}],
    ['com.amazon.coral#ThrottlingException', {}],
    [undefined, { __type: 'com.amazon.coral#ThrottlingException' }],
  ])('finds the name in %s', (header, body) => {
    expect(named(header, body)).toBe('ThrottlingException')
  })

  it('finds none in other bodies', () => {
    expect(named(undefined, { message: 'x' })).toBeUndefined()
    expect(named(undefined, '<html>')).toBeUndefined()
  })
})

function thrownBy(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError)
    return error as GatewayError
  }
  throw new Error('Nothing was thrown.')
}
