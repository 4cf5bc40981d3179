import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { innerNetworkOf } from '@tianjillm/core'
import { expect, it, onTestFinished } from 'vitest'
import { readEntry } from '../src/mcp/stored-servers.ts'
import { MASTER_KEY, startGateway } from './support.ts'

async function gatewayWith(general = '') {
  const gateway = await startGateway(
    `general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'${general}}`,
  )
  onTestFinished(() => gateway.stop(1_000))
  return async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
      redirect: 'manual',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return response.text()
  }
}

/** A server on this machine to which users sign in, at this authorization server. */
async function signingInAt(authority: string): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume()
    const resource = `http://${incoming.headers.host}/mcp`
    if (incoming.method === 'GET')
      return void outgoing
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ resource, authorization_servers: [authority] }))
    const metadata = `http://${incoming.headers.host}/.well-known/oauth-protected-resource`
    outgoing.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${metadata}"` }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

it.each([
  ['https://10.1.2.3', 'An address leads to a private network'],
  ['https://169.254.169.254', 'An address leads to the local link'],
  ['https://[64:ff9b::a00:1]', 'An address leads to a private network'],
])('a server of the database cannot have users sign in at %s', async (authority, why) => {
  const ask = await gatewayWith()
  const url = await signingInAt(authority)
  await ask('POST', '/v1/mcp/server', { server_name: 'wiki', url, auth_type: 'oauth2' })
  const { url: link } = JSON.parse(await ask('GET', '/v1/mcp/server/wiki/authorize'))
  const cookie = (await fetch(link)).headers.getSetCookie().map((text) => text.split(';')[0])
  const headers = { cookie: cookie.join('; '), origin: new URL(link).origin }
  const page = await fetch(link, { method: 'POST', redirect: 'manual', headers })
  expect(await page.text()).toContain(why)
})

const found = await lookup(hostname(), { all: true }).catch(() => [])
const isInside = found.some(({ address }) => innerNetworkOf(address) !== undefined)

it.skipIf(!isInside)('a name that leads inside is not asked, and its address not told', async () => {
  const ask = await gatewayWith()
  const url = `https://${hostname()}:4443/mcp`
  const answer = await ask('POST', '/mcp-rest/test/connection', { transport: 'http', url })
  expect(answer).toContain(`The MCP server the server cannot be reached: ${hostname()} leads to `)
  for (const { address } of found) expect(answer).not.toContain(address)
})

it('the operator can let them be anywhere', () => {
  const reachOf = (entry: object, allowsPrivate: boolean) =>
    readEntry('wiki', { ...entry }, { commands: undefined, allowsPrivate }).reach
  expect(reachOf({ url: 'https://wiki.example/mcp' }, false)).toBe('public')
  expect(reachOf({ url: 'http://localhost:3000/mcp' }, false)).toBe('public_or_this_machine')
  expect(reachOf({ url: 'https://10.0.0.1/mcp' }, true)).toBeUndefined()
})
