import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AuthorizationServer,
  authorizationServer,
  clientBy,
  type ProtectedServer,
  protectedServer,
} from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }
const provider = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })))
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token of this user's, good for a minute. */
function tokenOf(sub: string): string {
  const exp = Math.floor(Date.now() / 1000) + 60
  const body = `${encoded({ alg: 'ES256', kid: 'one' })}.${encoded({ iss: 'https://people.example', sub, aud: 'us', exp })}`
  const signature = sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${body}.${signature.toString('base64url')}`
}

let authority: AuthorizationServer
let server: ProtectedServer
let gateway: Started
beforeAll(async () => {
  authority = await authorizationServer({ refreshes: false })
  server = await protectedServer(authority)
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  gateway = await startGateway(`
general_settings:
  master_key: ${MASTER_KEY}
  enable_jwt_auth: true
  litellm_jwtauth:
    public_key_url: http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys
    audience: us
    issuer: https://people.example
    user_id_jwt_field: sub
mcp_servers:
  docs:
    url: ${server.url}
    auth_type: oauth2_token_exchange
    token_exchange_endpoint: ${authority.url}/token
    audience: the docs
    client_id: known
    client_secret: known secret
    scopes: [read]
`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([server.close(), authority.close()])
  provider.close()
})

async function whoami(key: string) {
  const client = await clientBy('sdk 2 without sessions', gateway.url, { authorization: `Bearer ${key}` })
  const { tools } = await client.listTools()
  const result = await client.callTool('docs-whoami')
  await client.close()
  return { tools: tools.map(({ name }) => name), result }
}

test('each user of an identity provider is themselves to the server, by a token for it alone', async () => {
  const [ada, bob] = [tokenOf('ada'), tokenOf('bob')]
  expect(await whoami(ada)).toMatchObject({
    tools: ['docs-whoami', 'docs-of_ada'],
    result: { content: [{ text: 'ada' }] },
  })
  expect(await whoami(bob)).toMatchObject({ result: { content: [{ text: 'bob' }] } })
  expect(await whoami(ada)).toMatchObject({ result: { content: [{ text: 'ada' }] } })
  expect(authority.seen.map(({ at }) => at)).toEqual(['POST /token', 'POST /token'])
  expect(authority.seen[0]?.params).toMatchObject({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: ada,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'the docs',
    scope: 'read',
  })
  expect(server.tokens).not.toContain(ada)
})

test('who comes with a key is told to come with a token', async () => {
  expect((await whoami(MASTER_KEY)).result).toMatchObject({
    isError: true,
    content: [
      { text: 'To use the MCP server docs, come with a token of your identity provider and call the tool again.' },
    ],
  })
})

test('a token that cannot be exchanged is no way in', async () => {
  authority.behaviour.down = 503
  expect((await whoami(tokenOf('cyd'))).result).toMatchObject({
    isError: true,
    content: [{ text: 'The MCP server docs: the token exchange answered with status 503.' }],
  })
  authority.behaviour.down = undefined
})

test('clients learn of the identity provider where they can sign in', async () => {
  const response = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp`)
  expect(await response.json()).toMatchObject({ authorization_servers: ['https://people.example'] })
})
