import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { isLedAstray } from '@tianjillm/core'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createFetchWithin, type LookUp } from '../src/node.ts'

/** Names and, one after the other, what they lead to; the last one stays. */
function resolver(answers: Readonly<Record<string, readonly (readonly string[])[]>>) {
  const asked: string[] = []
  const lookup: LookUp = (hostname, _options, done) => {
    const all = answers[hostname] ?? []
    const addresses = all[Math.min(asked.filter((name) => name === hostname).length, all.length - 1)] ?? []
    asked.push(hostname)
    if (addresses.length === 0) return done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), [])
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return { lookup, asked }
}

/** A server on this machine, and the requests that it has seen. */
async function serving(answer: RequestListener = (_, outgoing) => void outgoing.end('here')) {
  const seen: IncomingMessage[] = []
  let connections = 0
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming)
    answer(incoming, outgoing)
  })
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, seen, port: (server.address() as AddressInfo).port, connections: () => connections }
}

/** Nobody is there: addresses for documents. https://www.rfc-editor.org/rfc/rfc5737 */
const PUBLIC = '203.0.113.7'

const failureOf = (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    (error: Error) => error,
  )

it('a name that leads inside is not asked, and the error tells the name and the kind of network', async () => {
  const { port, connections } = await serving()
  const { lookup } = resolver({ 'wiki.example': [['127.0.0.1']], 'lake.example': [['10.1.2.3']] })
  const fetch = createFetchWithin(lookup)('public')
  const error = await failureOf(fetch(`http://wiki.example:${port}/`))
  expect(isLedAstray(error)).toBe(true)
  expect(error?.message).toBe('wiki.example leads to this machine')
  expect(await failureOf(fetch('https://lake.example/'))).toMatchObject({
    message: 'lake.example leads to a private network',
  })
  expect(connections()).toBe(0)
})

it.each([[['127.0.0.1', PUBLIC]], [[PUBLIC, '127.0.0.1']], [['::ffff:127.0.0.1']], [['64:ff9b::7f00:1']]])(
  'one address inside is enough: %j',
  async (addresses) => {
    const { port, connections } = await serving()
    const { lookup } = resolver({ 'wiki.example': [addresses] })
    const error = await failureOf(createFetchWithin(lookup)('public')(`http://wiki.example:${port}/`))
    expect(isLedAstray(error)).toBe(true)
    expect(connections()).toBe(0)
  },
)

it('a name that leads elsewhere the second time is followed neither time to where it may not', async () => {
  const { port, connections } = await serving()
  const { lookup, asked } = resolver({ 'wiki.example': [[PUBLIC], ['127.0.0.1']] })
  const fetchPublic = (init?: RequestInit) => createFetchWithin(lookup)('public')(`http://wiki.example:${port}/`, init)
  const leave = new AbortController()
  const first = failureOf(fetchPublic({ signal: leave.signal }))
  await expect.poll(() => asked).toEqual(['wiki.example'])
  // What was looked up once is where the connection goes, which nobody takes there.
  leave.abort()
  expect(isLedAstray(await first)).toBe(false)
  expect(isLedAstray(await failureOf(fetchPublic()))).toBe(true)
  expect(asked.length).toBe(2)
  expect(connections()).toBe(0)
})

it.each([...['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '0177.0.0.1', '[::ffff:127.0.0.1]', '127.1', '0.0.0.0']])(
  'an address that is written out is judged as well: %s',
  async (host) => {
    const { port, connections } = await serving()
    const error = await failureOf(createFetchWithin()('public')(`http://${host}:${port}/`))
    expect(isLedAstray(error)).toBe(true)
    expect(error?.message).toMatch(/^An address leads to /)
    expect(connections()).toBe(0)
  },
)

it('localhost is looked up for real, and is this machine', async () => {
  const { port, connections } = await serving()
  const fetchWithin = createFetchWithin()
  expect(await failureOf(fetchWithin('public')(`http://localhost:${port}/`))).toMatchObject({
    message: 'localhost leads to this machine',
  })
  expect(connections()).toBe(0)
  expect(await (await fetchWithin('public_or_this_machine')(`http://localhost:${port}/`)).text()).toBe('here')
})

it.each([
  ['http://10.0.0.1/', 'An address leads to a private network'],
  ['http://169.254.169.254/latest/meta-data', 'An address leads to the local link'],
  ['http://lake.example/', 'lake.example leads to a private network'],
])('a redirect to %s is not followed', async (location, message) => {
  const { port } = await serving((_, outgoing) => void outgoing.writeHead(307, { location }).end())
  const { lookup } = resolver({ 'lake.example': [['192.168.0.9']] })
  const fetch = createFetchWithin(lookup)('public_or_this_machine')
  expect(await failureOf(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ message })
})

it('within private networks what is on the internet is not asked', async () => {
  const { port, seen } = await serving()
  const { lookup } = resolver({ 'wiki.example': [['127.0.0.1']], 'far.example': [[PUBLIC]] })
  const fetch = createFetchWithin(lookup)('private')
  const answer = await fetch(`http://wiki.example:${port}/page?a=b`, { headers: { 'x-a': '1' } })
  expect([answer.status, await answer.text(), answer instanceof Response]).toEqual([200, 'here', true])
  expect(seen[0]).toMatchObject({ url: '/page?a=b', headers: { host: `wiki.example:${port}`, 'x-a': '1' } })
  expect(await failureOf(fetch('http://far.example/'))).toMatchObject({ message: 'far.example leads to the internet' })
})

it('what goes out and comes back is what fetch would have sent and got', async () => {
  const { port } = await serving(async (incoming, outgoing) => {
    const body = (await incoming.toArray()).join('')
    outgoing
      .writeHead(201, { 'content-type': incoming.headers['content-type'], 'set-cookie': ['a=1', 'b=2'] })
      .end(body)
  })
  const fetch = createFetchWithin()('public_or_this_machine')
  const form = new FormData()
  form.set('file', new Blob(['of a file']), 'a.txt')
  const answer = await fetch(new URL(`http://127.0.0.1:${port}/`), { method: 'POST', body: form })
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([201, ['a=1', 'b=2']])
  expect(await ((await answer.formData()).get('file') as File).text()).toBe('of a file')
})

it('a name that is not known, and a server that is not there, are told as fetch tells them', async () => {
  const { server, port } = await serving()
  server.close()
  await once(server, 'close')
  const fetch = createFetchWithin(resolver({}).lookup)('public_or_this_machine')
  expect(await failureOf(fetch('http://nobody.example/'))).toMatchObject({ cause: { code: 'ENOTFOUND' } })
  expect(await failureOf(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ cause: { code: 'ECONNREFUSED' } })
})

it('behind a proxy, which looks names up itself, they are judged before it is asked', async () => {
  const { port, seen } = await serving()
  const proxied: string[] = []
  const proxy = await serving((incoming, outgoing) => {
    proxied.push(incoming.url ?? '')
    outgoing.end('by the proxy')
  })
  proxy.server.on('connect', (incoming, socket) => {
    proxied.push(incoming.url ?? '')
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const one of [onward, socket]) one.on('error', () => {})
  })
  vi.stubEnv('NODE_USE_ENV_PROXY', '1')
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${proxy.port}`)
  vi.stubEnv('http_proxy', undefined)
  vi.stubEnv('no_proxy', '')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { lookup } = resolver({ 'far.example': [[PUBLIC]], 'wiki.example': [['10.0.0.1']] })
  const fetch = createFetchWithin(lookup)('public')
  expect(await (await fetch('http://far.example/')).text()).toMatch(/here|by the proxy/)
  expect(proxied.join()).toContain('far.example')
  const before = proxied.length
  for (const [url, message] of [
    [`http://wiki.example:${port}/`, 'wiki.example leads to a private network'],
    [`http://127.0.0.1:${port}/`, 'An address leads to this machine'],
  ] as const)
    expect(await failureOf(fetch(url))).toMatchObject({ message })
  expect([proxied.length, seen.filter(({ headers }) => headers.host !== 'far.example')]).toEqual([before, []])
})
