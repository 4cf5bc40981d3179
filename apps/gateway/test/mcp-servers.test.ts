import { readConfig } from '@tianjillm/config'
import { expect, test } from 'vitest'
import { readServers } from '../src/mcp/read-servers.ts'

function read(entries: string, variables: Readonly<Record<string, string>> = {}) {
  const { config } = readConfig(`mcp_servers:\n${entries}`, { env: () => undefined })
  const { servers, problems } = readServers(config!, { env: (name) => variables[name] })
  return { servers, problems: problems.map(({ line, path, message }) => `${line} ${path}: ${message}`) }
}

const transportOf = (entry: string) => read(`  s: ${entry}`).servers[0]?.settings.transport

test.each([
  ['{url: "https://a/mcp"}', { type: 'auto', url: 'https://a/mcp', headers: {}, auth: undefined }],
  [
    '{url: "https://a/sse", transport: sse, static_headers: {x-tenant: 7}, auth_type: none}',
    { type: 'sse', url: 'https://a/sse', headers: { 'x-tenant': '7' }, auth: undefined },
  ],
  [
    '{url: "https://a", transport: http, auth_type: bearer_token, auth_value: t}',
    { type: 'http', url: 'https://a', headers: {}, auth: { type: 'bearer_token', value: 't' } },
  ],
  [
    '{url: "https://a", auth_type: oauth2, client_id: i, client_secret: s, token_url: "https://t", scopes: [x]}',
    {
      ...{ type: 'auto', url: 'https://a', headers: {} },
      auth: { type: 'client_credentials', clientId: 'i', clientSecret: 's', tokenUrl: 'https://t', scopes: ['x'] },
    },
  ],
  [
    '{transport: stdio, command: npx, args: [-y, 1], env: {PORT: 1}, cwd: /data}',
    { type: 'stdio', command: 'npx', args: ['-y', '1'], env: { PORT: '1' }, cwd: '/data' },
  ],
  ['{command: uvx}', { type: 'stdio', command: 'uvx', args: [], env: {} }],
])('%s says how a server is reached', (entry, expected) => {
  expect(transportOf(entry)).toEqual(expected)
})

test.each([
  ['{}', 'it needs a url, or a command'],
  ['{url: "file:///etc/passwd"}', 'it needs a url, or a command'],
  ['{url: "https://a", transport: carrier_pigeon}', 'the transport "carrier_pigeon" is not known'],
  ['{transport: stdio}', 'a stdio server needs a command'],
  ['{url: "https://a", auth_type: api_key}', 'auth_type api_key needs an auth_value'],
  ['{url: "https://a", auth_type: aws_sigv4}', 'auth_type aws_sigv4 needs an aws_region_name'],
  [
    '{url: "https://a", auth_type: aws_sigv4, aws_region_name: evil.test/}',
    'aws_region_name "evil.test/" is no region of AWS',
  ],
  [
    '{url: "https://a", auth_type: aws_sigv4, aws_access_key_id: i}',
    'aws_access_key_id comes without aws_secret_access_key',
  ],
  [
    '{url: "https://a", auth_type: aws_sigv4, aws_session_token: t}',
    'aws_session_token comes without aws_access_key_id and aws_secret_access_key',
  ],
  [
    '{url: "https://a", auth_type: aws_sigv4, aws_web_identity_token: t}',
    'aws_web_identity_token needs an aws_role_name',
  ],
  [
    '{url: "https://a", auth_type: aws_sigv4, aws_sts_endpoint: "http://sts.example"}',
    'aws_sts_endpoint must be https',
  ],
  [
    '{url: "https://a", auth_type: oauth2, oauth2_flow: client_credentials, client_id: i}',
    'oauth2_flow client_credentials needs client_id, client_secret and token_url',
  ],
  ['{url: "https://a", auth_type: oauth2, oauth2_flow: device_code}', 'oauth2_flow device_code is not known'],
  ['{url: "https://a", auth_type: oauth2, token_url: "http://b"}', 'token_url must be https'],
  [
    '{url: "https://a", auth_type: oauth2_token_exchange}',
    'auth_type oauth2_token_exchange needs a token_exchange_endpoint',
  ],
  [
    `{command: npx, env: {TOKEN: "\${X-LiteLLM-API-Key}"}}`,
    'env.TOKEN cannot be x-litellm-api-key, which has keys of the gateway',
  ],
  ['7', 'expected a map'],
])('%s is left out with a warning, and the others are there', (entry, message) => {
  const { servers, problems } = read(`  s: ${entry}\n  good: {url: "https://a"}`)
  expect(servers.map(({ settings }) => settings.name)).toEqual(['good'])
  expect(problems).toEqual([expect.stringContaining(`2 mcp_servers.s: ${message}`)])
})

test('keys that nobody knows, or that have no effect yet, are told with their lines', () => {
  expect(read('  s:\n    url: https://a\n    allowed_tool: [x]\n    spec_version: 2025-11-25').problems).toEqual([
    '4 mcp_servers.s.allowed_tool: unknown key, without effect. Did you mean allowed_tools?',
    '5 mcp_servers.s.spec_version: has no effect here yet.',
  ])
})

test('what an operator says of a server and its tools', () => {
  const { servers } = read(`
  s:
    url: https://a
    timeout: 5
    alias: a
    access_groups: [g]
    allow_all_keys: true
    tags: [t]
    tool_tags: {find: [risky]}
    allowed_tools: [find]
    allowed_params: {find: [query]}
    tool_name_to_display_name: {find: Find}
    extra_headers: [X-Tenant]
    mcp_info: {logo_url: l}
    description: d
`)
  expect(servers).toMatchObject([
    {
      settings: { name: 's', timeout: 5_000 },
      about: {
        ...{
          prefix: 'a',
          groups: ['g', '*', '**'],
          tags: ['t'],
          toolTags: { find: ['risky'] },
          allowedTools: ['find'],
        },
        ...{ allowedArguments: { find: ['query'] }, titles: { find: 'Find' }, forwardedHeaders: ['x-tenant'] },
        about: { logo_url: 'l', description: 'd' },
      },
    },
  ])
})

test.each([
  ['auth_type: oauth2', { type: 'authorization_code', scopes: [] }],
  [
    'auth_type: oauth2, client_id: i, client_secret: s, token_url: "https://t", authorization_url: "https://a", scopes: x',
    {
      ...{ type: 'authorization_code', clientId: 'i', clientSecret: 's', scopes: ['x'] },
      ...{ tokenUrl: 'https://t', authorizationUrl: 'https://a' },
    },
  ],
  ['auth_type: oauth2, oauth2_flow: authorization_code, client_id: i', { type: 'authorization_code', clientId: 'i' }],
  [
    'auth_type: oauth2_token_exchange, token_exchange_endpoint: "https://t", audience: a',
    {
      ...{ type: 'token_exchange', endpoint: 'https://t', audience: 'a', scopes: [] },
      subjectTokenType: 'urn:ietf:params:oauth:token-type:access_token',
    },
  ],
])('a server with %s knows each user', (keys, expected) => {
  const { servers, problems } = read(`  s: {url: "https://a", ${keys}}`)
  expect(problems).toEqual([])
  expect(servers[0]?.settings.personal).toMatchObject(expected)
})

const ofAgents = '"https://x.gateway.bedrock-agentcore.us-west-2.amazonaws.com/mcp"'

test.each<[string, Record<string, string>, string]>([
  [`url: ${ofAgents}, aws_region_name: eu-west-1`, { AWS_REGION: 'eu-west-2' }, 'eu-west-1'],
  [`url: ${ofAgents}`, { AWS_REGION: 'eu-west-2' }, 'us-west-2'],
  ['url: "https://x.lambda-url.us-gov-west-1.on.aws"', {}, 'us-gov-west-1'],
  ['url: "https://x.execute-api.cn-north-1.amazonaws.com.cn"', {}, 'cn-north-1'],
  ['url: "https://mcp.example"', { AWS_REGION: 'eu-west-2', AWS_REGION_NAME: 'eu-west-3' }, 'eu-west-3'],
  ['url: "https://us-west-2.amazonaws.com.example"', { AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-2'],
])('with %s, and %o in the environment, requests are signed for %s', (keys, variables, region) => {
  const { servers, problems } = read(`  s: {auth_type: aws_sigv4, ${keys}}`, variables)
  expect(problems).toEqual([])
  expect(servers[0]?.signing).toEqual({ awsRegionName: region })
})

const ofEnvironment = { AWS_ACCESS_KEY_ID: 'I', AWS_SECRET_ACCESS_KEY: 'S', AWS_SESSION_TOKEN: 'T', AWS_REGION: 'r' }

test.each([
  ['', { awsAccessKeyId: 'I', awsSecretAccessKey: 'S', awsSessionToken: 'T' }],
  [
    ', aws_access_key_id: i, aws_secret_access_key: s, aws_service_name: execute-api',
    { awsAccessKeyId: 'i', awsSecretAccessKey: 's', service: 'execute-api' },
  ],
  [', aws_role_name: r, aws_web_identity_token: t', { awsRoleName: 'r', awsWebIdentityToken: 't' }],
  [
    ', aws_role_name: r, aws_external_id: 7',
    { awsAccessKeyId: 'I', awsSecretAccessKey: 'S', awsSessionToken: 'T', awsRoleName: 'r', awsExternalId: '7' },
  ],
])('the keys of an entry never mix with those of the environment (%s)', (keys, expected) => {
  const { servers } = read(`  s: {url: "https://a", auth_type: aws_sigv4${keys}}`, ofEnvironment)
  expect(servers[0]?.signing).toEqual({ ...expected, awsRegionName: 'r' })
})
