import { type Host, leadsAstray, type Reach } from '@tianjillm/core'
import { expect, it } from 'vitest'
import { createUpstream } from '../../src/upstream/create.ts'
import { createNamedFetch } from '../../src/upstream/named-fetch.ts'
import { createSafeFetch } from '../../src/upstream/oauth/safe-fetch.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A host for which these names lead inside, and what was asked of it by which fetch. */
function hostWith(inside: readonly string[], answer: (url: string) => Response = () => new Response('here')) {
  const asked: string[] = []
  const fetchBy =
    (how: Reach | 'anywhere'): Host['fetch'] =>
    async (input) => {
      const { hostname } = new URL(String(input))
      const isInside = inside.includes(hostname)
      if (how !== 'anywhere' && (how === 'private') !== isInside)
        throw leadsAstray(hostname, isInside ? 'a private network' : undefined)
      asked.push(`${how} ${hostname}`)
      return answer(String(input))
    }
  return { asked, host: { fetch: fetchBy('anywhere'), fetchWithin: fetchBy, now: Date.now, log } }
}

const NAMED = 'https://login.example/token'

it('what a server on the internet names is asked on the internet', async () => {
  const { host, asked } = hostWith([])
  await createNamedFetch({ home: 'https://mcp.example/mcp' }, host)(NAMED)
  expect(asked).toEqual(['public login.example'])
})

it.each([NAMED, 'https://10.0.0.1/', 'https://[::ffff:169.254.169.254]/', 'https://localhost/'])(
  'a server on the internet cannot name what is inside: %s',
  async (url) => {
    const { host, asked } = hostWith(['login.example', '10.0.0.1', '[::ffff:a9fe:a9fe]', 'localhost'])
    await expect(createNamedFetch({ home: 'https://mcp.example/mcp' }, host)(url)).rejects.toThrow(
      / leads to (a private network|the local link|this machine)$/,
    )
    expect(asked).toEqual([])
  },
)

it('a server that answers from inside by its certificate can', async () => {
  const { host, asked } = hostWith(['login.example', 'mcp.example'])
  await createNamedFetch({ home: 'https://mcp.example/mcp' }, host)(NAMED)
  expect(asked).toEqual(['private mcp.example', 'anywhere login.example'])
})

it('one without a certificate cannot, for anybody may have a name that leads inside', async () => {
  const { host } = hostWith(['login.example', 'mcp.example'])
  await expect(createNamedFetch({ home: 'http://mcp.example/mcp' }, host)(NAMED)).rejects.toThrow('login.example leads')
})

it.each(['http://127.0.0.1:3000/mcp', 'https://10.0.0.7/mcp', 'http://localhost/mcp'])(
  'one that its operator has written down as inside can: %s',
  async (home) => {
    const { host, asked } = hostWith(['login.example'])
    await createNamedFetch({ home }, host)(NAMED)
    expect(asked).toEqual(['anywhere login.example'])
  },
)

it('addresses of the operator are asked wherever they lead', async () => {
  const { host, asked } = hostWith(['login.example', 'mcp.example'])
  const fetch = createNamedFetch({ home: 'https://mcp.example/mcp', known: [undefined, NAMED] }, host)
  await fetch('https://mcp.example/other')
  await fetch('https://login.example/other')
  expect(asked).toEqual(['anywhere mcp.example', 'anywhere login.example'])
})

it('a host that looks no names up judges addresses as they are written', async () => {
  const { host, asked } = hostWith(['login.example'])
  const fetch = createNamedFetch({ home: 'https://mcp.example/mcp' }, { fetch: host.fetch })
  await fetch(NAMED)
  await expect(fetch('https://10.0.0.1/')).rejects.toThrow('An address leads to a private network')
  expect(asked).toEqual(['anywhere login.example'])
})

it('whoever signs in is told which name leads where, and what to do', async () => {
  const { host } = hostWith(['login.example'])
  const of = { server: 'docs', serverUrl: 'https://mcp.example/mcp', known: [] }
  await expect(createSafeFetch(of, host)(NAMED)).rejects.toMatchObject({
    kind: 'upstream_auth_failed',
    message:
      'The MCP server docs names an address for signing in that is not safe: login.example leads to a private network; if it is right, set authorization_url and token_url.',
  })
})

const api = (document: object, inside: readonly string[], url?: string) => {
  const { host, asked } = hostWith(inside, () => Response.json(document))
  const transport = { type: 'openapi', document: 'https://docs.example/api.json', url, headers: {}, auth: undefined }
  return { asked, upstream: createUpstream({ name: 'pets', transport: { ...transport, type: 'openapi' } }, host) }
}
const described = { openapi: '3.1.0', paths: { '/pets': { get: { operationId: 'list' } } } }
const nobody = { capabilities: {}, request: undefined, notify: undefined }

it('a document from the internet cannot have its API inside', async () => {
  const { upstream, asked } = api({ ...described, servers: [{ url: 'https://api.example' }] }, ['api.example'])
  const conversation = await upstream.open(nobody)
  await expect(conversation.request('tools/call', { name: 'list' })).rejects.toThrow(
    'The MCP server pets cannot be reached: api.example leads to a private network.',
  )
  expect(asked).toEqual(['anywhere docs.example'])
  await upstream.close()
})

it('its API is where it is itself, or where the operator says, wherever that is', async () => {
  for (const [url, at] of [
    [undefined, 'docs.example'],
    ['https://api.example', 'api.example'],
  ] as const) {
    const { upstream, asked } = api(described, ['api.example', 'docs.example'], url)
    const conversation = await upstream.open(nobody)
    await conversation.request('tools/call', { name: 'list' })
    expect(asked.at(-1)).toBe(`anywhere ${at}`)
    await upstream.close()
  }
})
