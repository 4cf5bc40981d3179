import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import {
  type AuthorizationServer,
  authorizationServer,
  clientBy,
  type ProtectedServer,
  protectedServer,
  type Way,
  ways,
} from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { asked, model } from './tool-scripts.ts'

let models: FakeUpstream
let authority: AuthorizationServer
let server: ProtectedServer
let gateway: Started

beforeAll(async () => {
  models = await fakeUpstream()
  authority = await authorizationServer()
  server = await protectedServer(authority, { scopes: ['read'] })
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, use_x_forwarded_for: true, mcp_trusted_proxy_ranges: [127.0.0.0/8]}
keys:
  - {key: sk-ada, user_id: ada}
  - {key: sk-eve, metadata: {mcp: {servers: [nothing]}}}
  - {key: sk-old, expires: 2020-01-01}
  - {key: sk-shut, blocked: true}
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${models.url}, api_key: sk-secret}}
mcp_servers:
  docs: {url: "${server.url}", auth_type: oauth_delegate, alias: papers}
  open: {url: "${server.url}", auth_type: true_passthrough}
  hidden: {url: "${server.url}", auth_type: true_passthrough, available_on_public_internet: false}
  away: {url: "http://127.0.0.1:1/mcp", auth_type: oauth_delegate}
  other: {url: "${server.url}", auth_type: bearer_token, auth_value: nothing, tool_tags: {whoami: [open-too]}}
  local:
    command: ${process.execPath}
    args: ["${join(import.meta.dirname, 'fixtures/tells-its-variables.mjs')}"]
    env: {WHO: "\${X-Who}", PLACE: "\${X-Place}", FIXED: here}
`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([server.close(), authority.close(), models.close()])
})

const admitted = { 'x-litellm-api-key': 'Bearer sk-ada' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** By the path of its name, as the way has it. */
async function at(name: string, headers: Record<string, string>, way: Way = 'sdk 2 without sessions') {
  const client = await clientBy(way, gateway.url, headers, name === '' ? undefined : `/mcp/${name}`)
  return {
    ...client,
    names: async () => (await client.listTools()).tools.map((tool) => tool.name),
    text: async (tool: string) => {
      const { content, isError } = await client.callTool(tool)
      return `${isError ? 'error: ' : ''}${(content as readonly { readonly text: string }[])[0]?.text}`
    },
  }
}

function post(path: string, headers: Record<string, string>, method = 'tools/list'): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }),
  })
}

describe('a server whose users bring its tokens, and a key of the gateway besides', () => {
  test.each(ways.filter((way) => way !== 'sdk 1 over sse'))('knows each of them by their token: %s', async (way) => {
    for (const user of ['ada', 'bob']) {
      const client = await at('docs', { ...admitted, ...bearer(authority.tokenFor(user)) }, way)
      expect(await client.names()).toEqual(['papers-whoami', `papers-of_${user}`])
      expect(await client.text('papers-whoami')).toBe(user)
      await client.close()
    }
  })

  test('takes one of its own by its name and by its alias, among others as well', async () => {
    const token = `Bearer ${authority.tokenFor('cyd')}`
    for (const name of ['docs', 'papers']) {
      const client = await at('', { ...bearer('sk-ada'), [`x-mcp-${name}-authorization`]: token })
      expect(await client.names()).toEqual(expect.arrayContaining(['papers-of_cyd', 'open-sign_in']))
      expect(await client.text('papers-whoami')).toBe('cyd')
      await client.close()
    }
  })

  test('takes one with a tool of a chat, and with a request to the agent', async () => {
    const own = { 'x-mcp-docs-authorization': `Bearer ${authority.tokenFor('kim')}` }
    const send = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer('sk-ada'), ...headers },
        body: JSON.stringify(body),
      })
    models.script(model({ calls: [['papers-whoami']] }), model({ says: 'Kim.' }))
    const tools = [{ type: 'mcp', server_url: 'litellm_proxy/mcp/docs', require_approval: 'never', headers: own }]
    const messages = [{ role: 'user', content: 'Who am I?' }]
    const chat = await send('/v1/chat/completions', { model: 'gpt', messages, tools })
    expect(chat.status).toBe(200)
    expect(asked(models.arrived.at(-1)!.text).messages.at(-1)).toMatchObject({
      role: 'tool',
      content: expect.stringContaining('kim'),
    })
    models.script(model({ calls: [['papers-whoami']] }), model({ says: 'Kim.' }))
    const query = await send('/api/query', { content: 'Who am I?', model: 'gpt' }, own)
    expect(JSON.stringify(await query.json())).toContain('kim')
  })

  test('is told to nobody who lacks it, in words and by a challenge that clients follow', async () => {
    for (const path of ['/mcp/docs', '/docs/mcp', '/mcp/papers']) {
      const response = await post(path, bearer('sk-ada'))
      expect(response.status).toBe(401)
      const [, url = ''] = /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
      expect(new URL(url).pathname).toBe(`/.well-known/oauth-protected-resource${path}`)
      expect(await response.text()).toContain('x-litellm-api-key')
      // In the words of the server, where clients get tokens that it takes.
      expect(await (await fetch(url)).json()).toEqual({
        resource: server.url,
        authorization_servers: [authority.url],
        scopes_supported: ['read'],
      })
    }
    const client = await at('', bearer('sk-ada'))
    expect(await client.text('papers-whoami')).toContain('x-mcp-docs-authorization')
    await client.close()
  })

  test('never sees the key of the gateway, whichever header it comes in', async () => {
    const before = server.tokens.length
    expect((await post('/mcp/docs', bearer('sk-ada'))).status).toBe(401)
    expect((await post('/mcp/open', bearer('sk-ada'))).status).toBe(401)
    expect((await post('/mcp/docs', { 'x-api-key': 'sk-ada' })).status).toBe(401)
    for (const key of ['sk-old', 'sk-shut']) {
      const response = await post('/mcp/open', bearer(key))
      expect([response.status, await response.text()]).toEqual([401, expect.stringMatching(/expired|blocked/)])
    }
    const seen = server.tokens.slice(before)
    expect(seen.filter((token) => token.includes('sk-'))).toEqual([])
  })

  test('is not asked about a token that it has refused as if it were the gateway that is refused', async () => {
    expect((await post('/mcp/docs', { ...admitted, ...bearer('made-up') })).status).toBe(401)
    const health = await fetch(`${gateway.url}/v1/mcp/server/health`, { headers: bearer(MASTER_KEY) })
    const states = (await health.json()) as readonly { readonly server_name: string }[]
    expect(states.find((state) => state.server_name === 'docs')).toMatchObject({ health_check_error: null })
  })

  test('lets go of a token that has ended, so that clients get another', async () => {
    const token = authority.tokenFor('dan')
    const client = await at('docs', { ...admitted, ...bearer(token) })
    expect(await client.text('papers-whoami')).toBe('dan')
    authority.revoke('access')
    expect(await client.text('papers-whoami')).toMatch(/^error: .*x-mcp-docs-authorization/)
    expect((await post('/mcp/docs', { ...admitted, ...bearer(token) })).status).toBe(401)
    await client.close()
  })

  test('is nothing to keys that may not see it', async () => {
    const before = server.tokens.length
    const response = await post('/mcp/docs', {
      'x-litellm-api-key': 'sk-eve',
      ...bearer(authority.tokenFor('eve')),
    })
    expect(response.status).not.toBe(401)
    expect(await response.text()).not.toContain('whoami')
    expect(server.tokens.slice(before)).toEqual([])
  })

  test('that is away is said to be away', async () => {
    const client = await at('away', { ...admitted, ...bearer('any') })
    await expect(client.text('away-whoami')).rejects.toThrow('away')
    await client.close()
  })
})

describe('a server that judges everybody itself', () => {
  test('takes its own tokens in place of a key', async () => {
    const client = await at('open', bearer(authority.tokenFor('fay')))
    expect(await client.names()).toEqual(['open-whoami', 'open-of_fay'])
    expect(await client.text('open-whoami')).toBe('fay')
    await client.close()
  })

  test.each(['made-up', ''])('challenges whoever comes with the token "%s"', async (token) => {
    const response = await post('/mcp/open', token === '' ? {} : bearer(token))
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('oauth-protected-resource/mcp/open')
  })

  test('opens nothing else', async () => {
    const headers = bearer(authority.tokenFor('gil'))
    const paths = ['/mcp', '/mcp/docs', '/mcp/open,docs', '/mcp/open,open-too', '/mcp/nothing', '/v1/chat/completions']
    for (const path of paths) expect([path, (await post(path, headers)).status]).toEqual([path, 401])
    for (const path of ['/mcp-rest/tools/list', '/v1/mcp/server', '/key/list', '/v1/models', '/sse'])
      expect([path, (await fetch(`${gateway.url}${path}`, { headers })).status]).toEqual([path, 401])
  })

  test('keeps sessions of strangers apart', async () => {
    const session = await post('/mcp/open', bearer(authority.tokenFor('hal')), 'initialize')
    const id = session.headers.get('mcp-session-id')
    const other = bearer(authority.tokenFor('ida'))
    expect((await post('/mcp/open', { ...other, ...(id && { 'mcp-session-id': id }) })).status).not.toBe(200)
  })

  test('is not there for the public internet when it is told not to be', async () => {
    const from = async (address: string) => {
      const headers = { ...bearer(authority.tokenFor('jo')), 'x-forwarded-for': address }
      const { status } = await post('/mcp/hidden', headers, 'initialize')
      return status
    }
    expect(await from('203.0.113.9')).toBe(401)
    expect(await from('10.0.0.9')).not.toBe(401)
    const metadata = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp/hidden`, {
      headers: { 'x-forwarded-for': '203.0.113.9' },
    })
    expect(await metadata.text()).not.toContain(authority.url)
  })
})

test('tokens of other identity providers than the gateway’s are for the server to judge', async () => {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${encoded({ alg: 'ES256', kid: 'theirs' })}.${encoded({ iss: 'https://theirs.example', sub: 'lea' })}.c2lnbmVk`
  const lea = { user: 'lea', scope: undefined, resource: undefined, clientId: 'any' }
  const judge = await protectedServer({ ...authority, given: (given) => (given === token ? lea : undefined) })
  const keys = createServer((_request, response) => response.end('{"keys": []}'))
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
  const careful = await startGateway(`
general_settings:
  master_key: ${MASTER_KEY}
  enable_jwt_auth: true
  litellm_jwtauth: {public_key_url: "http://127.0.0.1:${(keys.address() as AddressInfo).port}/", issuer: "https://ours.example", audience: us}
mcp_servers:
  open: {url: "${judge.url}", auth_type: true_passthrough}
`)
  onTestFinished(async () => {
    await careful.stop(1_000)
    await judge.close()
    keys.close()
  })
  const client = await clientBy('sdk 2 without sessions', careful.url, bearer(token), '/mcp/open')
  expect((await client.callTool('open-whoami')).content).toMatchObject([{ text: 'lea' }])
  await client.close()
})

describe('a process with variables of its users', () => {
  test('is another for each of them, and has what was configured besides', async () => {
    const says = async (who: string) => {
      const client = await at('local', { ...bearer('sk-ada'), 'X-Who': who, 'x-place': '$(id) `ls` "a b"' })
      const text = await client.text('local-variables')
      await client.close()
      return JSON.parse(text) as Record<string, string>
    }
    const [ada, bob] = [await says('ada'), await says('bob')]
    expect(ada).toMatchObject({ WHO: 'ada', PLACE: '$(id) `ls` "a b"', FIXED: 'here' })
    expect(bob).toMatchObject({ WHO: 'bob' })
    expect(bob.pid).not.toBe(ada.pid)
    expect((await says('ada')).pid).toBe(ada.pid)
  })

  test('is not started for whoever lacks one of them', async () => {
    const client = await at('local', { ...bearer('sk-ada'), 'x-who': 'cyd' })
    expect(await client.names()).toEqual(['local-sign_in'])
    expect(await client.text('local-sign_in')).toBe(
      'error: To use the MCP server local, send these headers: x-who, x-place and call the tool again.',
    )
    await client.close()
  })
})
