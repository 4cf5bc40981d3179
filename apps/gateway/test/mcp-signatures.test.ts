import { clientBy, type HttpServer, listen, newerHttp, olderHttp, olderSse, shut } from '@tianjillm/testing-mcp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { awsDoor, fakeSts, type Identity, type Service } from './fake-aws.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const SECRET = 'secret/of+the+gateway'
const TOKEN = 'token/of+the+session=='
const region = 'eu-west-1'
const own = new Map<string, Identity>([['AKIAOFTHEGATEWAY', { secret: SECRET }]])
const agentCore: Service = { name: 'bedrock-agentcore', region, identities: own }
const keys = `aws_access_key_id: AKIAOFTHEGATEWAY, aws_secret_access_key: ${SECRET}`

async function running(server: Promise<HttpServer>): Promise<HttpServer> {
  const running = await server
  onTestFinished(() => running.die())
  return running
}

/** A gateway in front of one server, `cloud`, with these keys besides its type of authentication. */
async function gatewayTo(entry: string, { env = {}, general = '' } = {}) {
  const gateway = await startGateway(
    `
general_settings: {master_key: ${MASTER_KEY}${general}}
mcp_servers: {cloud: {auth_type: aws_sigv4, ${entry}}}
environment_variables: ${JSON.stringify(env)}
`,
  )
  onTestFinished(() => gateway.stop(1_000))
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // What routes answer is told by the tests below.
    return { status: response.status, body: JSON.parse(await response.text()) as Answer }
  }
  const connect = async () => {
    const client = await clientBy('sdk 2 with sessions', gateway.url, { authorization: `Bearer ${MASTER_KEY}` })
    onTestFinished(() => client.close())
    return client
  }
  return { ...gateway, ask, connect }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Answer = any

const echoed = (text: string) => ({ content: [{ type: 'text', text }] })

describe('a server that wants signatures', () => {
  it.each([
    ['Streamable HTTP up to 2025-11-25', olderHttp],
    ['HTTP with server-sent events', olderSse],
    ['Streamable HTTP of 2026-07-28', newerHttp],
  ])('gets one with each request (%s)', async (_, start) => {
    const door = await awsDoor((await running(start())).url, agentCore)
    const { connect } = await gatewayTo(`url: "${door.url}", aws_region_name: ${region}, ${keys}`)
    const client = await connect()
    for (const text of ['grüß 👍', 'two'])
      expect(await client.callTool('cloud-echo', { text })).toMatchObject(echoed(text))
    expect(door.knocks.length).toBeGreaterThan(3)
    expect(door.knocks.every(({ headers }) => headers.authorization?.startsWith('AWS4-HMAC-SHA256 '))).toBe(true)
  })

  it('may be any service, asked with keys for a session, by the environment', async () => {
    const identities = new Map([['ASIAOFASESSION', { secret: SECRET, token: TOKEN }]])
    const door = await awsDoor((await running(newerHttp())).url, { name: 'execute-api', region, identities })
    const { connect } = await gatewayTo(`url: "${door.url}", aws_service_name: execute-api`, {
      env: {
        ...{ AWS_ACCESS_KEY_ID: 'ASIAOFASESSION', AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: TOKEN },
        AWS_REGION: region,
      },
    })
    expect(await (await connect()).callTool('cloud-echo', { text: 'hi' })).toMatchObject(echoed('hi'))
  })

  it('gets the static headers as well, but for what a signature is made of', async () => {
    const door = await awsDoor((await running(newerHttp())).url, agentCore)
    const headers = '{authorization: Bearer mine, X-Amz-Date: yesterday, X-Tenant: seven, X-Amzn-Session: "a  b"}'
    const { connect } = await gatewayTo(
      `url: "${door.url}", aws_region_name: ${region}, ${keys}, static_headers: ${headers}`,
    )
    expect(await (await connect()).callTool('cloud-echo', { text: 'hi' })).toMatchObject(echoed('hi'))
    expect(door.knocks.at(-1)?.headers).toMatchObject({ 'x-tenant': 'seven', 'x-amzn-session': 'a  b' })
  })

  it('is asked as a role, which is assumed once', async () => {
    const identities = new Map(own)
    const sts = await fakeSts(region, identities)
    const door = await awsDoor((await running(newerHttp())).url, { ...agentCore, identities })
    const role = `aws_role_name: "arn:aws:iam::1:role/mcp", aws_session_name: gateway, aws_external_id: 77`
    const { connect } = await gatewayTo(
      `url: "${door.url}", aws_region_name: ${region}, ${keys}, ${role}, aws_sts_endpoint: "${sts.url}"`,
    )
    const client = await connect()
    await Promise.all(['a', 'b'].map((text) => client.callTool('cloud-echo', { text })))
    expect(sts.asked.map((form) => Object.fromEntries(form))).toEqual([
      {
        ...{ Action: 'AssumeRole', Version: '2011-06-15', RoleArn: 'arn:aws:iam::1:role/mcp' },
        ...{ RoleSessionName: 'gateway', ExternalId: '77' },
      },
    ])
    expect(door.knocks.every(({ headers }) => headers['x-amz-security-token'] === 'token-of-the-role')).toBe(true)
  })
})

it('an API that wants signatures gets them, over its path and query too', async () => {
  const document = {
    swagger: '2.0',
    paths: {
      '/pets/{id}': {
        parameters: [
          { name: 'id', in: 'path', required: true, type: 'string' },
          { name: 'note', in: 'query', type: 'string' },
        ],
        get: { operationId: 'showPet' },
      },
    },
  }
  const { server, port } = await listen(({ url }, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify(url === '/openapi.json' ? document : { url }))
  })
  onTestFinished(() => shut(server))
  const door = await awsDoor(`http://127.0.0.1:${port}/`, { ...agentCore, name: 'execute-api' })
  const { connect } = await gatewayTo(
    `spec_path: ${door.url}openapi.json, url: "${door.url}", aws_service_name: execute-api, aws_region_name: ${region}, ${keys}`,
  )
  const given = { id: "Rex:7 (it's)", note: 'a b=ü&*' }
  expect(await (await connect()).callTool('cloud-showPet', given)).toMatchObject({
    structuredContent: { url: expect.stringMatching(/^\/pets\/Rex%3A7/) },
  })
  expect(door.knocks.map(({ path }) => path.split('?')[0])).toContain('/openapi.json')
})

describe('a refusal of AWS', () => {
  const health = async (entry: string, options?: { readonly env: Record<string, string> }) => {
    const { ask } = await gatewayTo(entry, options)
    const { body } = await ask('GET', '/v1/mcp/server/health')
    return body[0].health_check_error
  }

  it.each<[string, string, Partial<Service>, RegExp]>([
    [
      'a wrong secret',
      'aws_access_key_id: AKIAOFTHEGATEWAY, aws_secret_access_key: another-secret',
      {},
      /^The MCP server cloud: AWS refuses the gateway's request \(403\), the signature is not what it works out: look at aws_secret_access_key, at aws_region_name \(eu-west-1 was signed\) and at aws_service_name \(bedrock-agentcore was signed\)\.$/,
    ],
    ['another service', keys, { name: 'execute-api' }, /look at .*aws_service_name/],
    ['an unknown key', `aws_access_key_id: AKIAOFNOBODY, aws_secret_access_key: ${SECRET}`, {}, /aws_access_key_id/],
    [
      'a clock that is wrong',
      keys,
      { now: () => Date.now() + 600_000 },
      /the clock of this machine is (599|600|601) s slow/,
    ],
  ])('for %s is told in words that help', async (_, given, changes, words) => {
    const door = await awsDoor((await running(newerHttp())).url, { ...agentCore, ...changes })
    const told = await health(`url: "${door.url}", aws_region_name: ${region}, ${given}`)
    expect(told).toMatch(words)
    expect(told).not.toMatch(/another-secret|AKIA/)
  })

  it('to give a role is told', async () => {
    const sts = await fakeSts(region, new Map())
    const door = await awsDoor((await running(newerHttp())).url, agentCore)
    const role = `aws_role_name: "arn:aws:iam::1:role/mcp", aws_sts_endpoint: "${sts.url}"`
    expect(await health(`url: "${door.url}", aws_region_name: ${region}, ${keys}, ${role}`)).toBe(
      'The MCP server cloud: STS, asked for the role arn:aws:iam::1:role/mcp, gave no credentials but answered 403 SignatureDoesNotMatch.',
    )
    expect(door.knocks).toEqual([])
  })

  it('is not waited for when there are no keys', async () => {
    const door = await awsDoor((await running(newerHttp())).url, agentCore)
    const env = { AWS_ACCESS_KEY_ID: 'AKIAOFHALFAPAIR' }
    expect(await health(`url: "${door.url}", aws_region_name: ${region}`, { env })).toBe(
      'The MCP server cloud: AWS_ACCESS_KEY_ID comes without its other half. Set AWS_SECRET_ACCESS_KEY.',
    )
    expect(door.knocks).toEqual([])
  })
})

describe('a stored server that wants signatures', () => {
  const stored = (more: object) => ({ server_name: 'stored', auth_type: 'aws_sigv4', ...more })
  const database = {
    general: ', database_url: "sqlite::memory:"',
    env: { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' },
  }

  it('has its keys sealed, shown as marks, and keeps them when the marks come back', async () => {
    const identities = new Map([['ASIAOFASESSION', { secret: SECRET, token: TOKEN }]])
    const door = await awsDoor((await running(newerHttp())).url, { ...agentCore, identities })
    const { ask, connect } = await gatewayTo('url: "https://mcp.eu-west-1.amazonaws.com"', database)
    const credentials = {
      ...{ aws_access_key_id: 'ASIAOFASESSION', aws_secret_access_key: SECRET, aws_session_token: TOKEN },
      aws_region_name: region,
    }
    const { status, body } = await ask('POST', '/v1/mcp/server', stored({ url: door.url, credentials }))
    const mark = '[redacted]'
    const shown = {
      aws_access_key_id: mark,
      aws_secret_access_key: mark,
      aws_session_token: mark,
      aws_region_name: region,
    }
    expect({ status, body }).toMatchObject({ status: 200, body: shown })
    expect(JSON.stringify((await ask('GET', '/v1/mcp/server')).body)).not.toMatch(/ASIA|secret\/of|token\/of/)
    const client = await connect()
    expect(await client.callTool('stored-echo', { text: 'hi' })).toMatchObject(echoed('hi'))
    await ask('PUT', `/v1/mcp/server/${body.server_id}`, { description: 'Echoes.', credentials: shown })
    expect(await client.callTool('stored-echo', { text: 'again' })).toMatchObject(echoed('again'))
    const path = `/v1/mcp/server/${body.server_id}`
    await ask('PUT', path, { credentials: { ...shown, aws_secret_access_key: 'another-secret' } })
    await ask('GET', '/v1/mcp/server/health')
    expect((await ask('GET', path)).body.health_check_error).toContain('look at aws_secret_access_key')
  })

  it('can be tried out', async () => {
    const door = await awsDoor((await running(newerHttp())).url, agentCore)
    const { ask } = await gatewayTo('url: "https://mcp.eu-west-1.amazonaws.com"', database)
    const credentials = {
      aws_access_key_id: 'AKIAOFTHEGATEWAY',
      aws_secret_access_key: SECRET,
      aws_region_name: region,
    }
    const tryOut = async (more: object) =>
      JSON.stringify(
        (await ask('POST', '/mcp-rest/test/tools/list', stored({ url: door.url, credentials, ...more }))).body,
      )
    expect(await tryOut({})).toContain('"echo"')
    const told = await tryOut({ credentials: { ...credentials, aws_secret_access_key: 'another-secret' } })
    expect(told).toContain('look at aws_secret_access_key')
    expect(told).not.toContain('another-secret')
  })

  it.each<[string, object, string]>([
    ['without keys, for it may not be the gateway', { aws_region_name: region }, 'auth_type'],
    ['with half a pair', { aws_region_name: region, aws_access_key_id: 'A' }, 'aws_access_key_id'],
    ['without a region', { aws_access_key_id: 'A', aws_secret_access_key: 'S' }, 'auth_type'],
    [
      'with an STS in a private network',
      {
        ...{ aws_region_name: region, aws_access_key_id: 'A', aws_secret_access_key: 'S', aws_role_name: 'r' },
        aws_sts_endpoint: 'https://10.0.0.1',
      },
      'aws_sts_endpoint',
    ],
  ])('is refused %s', async (_, credentials, param) => {
    const { ask } = await gatewayTo('url: "https://mcp.eu-west-1.amazonaws.com"', {
      ...database,
      env: { ...database.env, AWS_REGION: region },
    })
    expect(await ask('POST', '/v1/mcp/server', stored({ url: 'https://mcp.example/mcp', credentials }))).toMatchObject({
      status: 400,
      body: { error: { param } },
    })
  })
})
