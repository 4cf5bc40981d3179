import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readConfig } from '@tianjillm/config'
import { clientBy, ways } from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { readServers } from '../src/mcp/read-servers.ts'
import { MASTER_KEY, startGateway } from './support.ts'

function read(entry: string) {
  const file = '/etc/tianji/proxy_config.yaml'
  const { config } = readConfig(`mcp_servers:\n  pets: ${entry}`, { file, env: () => undefined })
  const { servers, problems } = readServers(config!, { env: () => undefined })
  return { transport: servers[0]?.settings.transport, problems: problems.map(({ message }) => message) }
}

test.each([
  ['{spec_path: pets.yaml}', { document: '/etc/tianji/pets.yaml', url: undefined, headers: {}, auth: undefined }],
  [
    '{spec_path: /srv/pets.json, url: "http://pets.internal", static_headers: {x-a: b}}',
    { document: '/srv/pets.json', url: 'http://pets.internal', headers: { 'x-a': 'b' } },
  ],
  [
    '{spec_path: "https://a/openapi.json", auth_type: api_key, auth_value: k}',
    { document: 'https://a/openapi.json', auth: { type: 'api_key', value: 'k' } },
  ],
])('%s is a server by its document', (entry, expected) => {
  expect(read(entry)).toMatchObject({ transport: { type: 'openapi', ...expected }, problems: [] })
})

test.each([
  ['{spec_path: 7}', 'spec_path must be the path of a file, or an https URL'],
  ['{spec_path: "http://a.test/openapi.json"}', 'spec_path must be an https URL'],
  ['{spec_path: a.json, url: "file:///etc"}', 'url must be where the API is'],
  ['{spec_path: a.json, command: npx}', 'it is either a command or a spec_path'],
])('%s is left out', (entry, why) => {
  expect(read(entry)).toEqual({ transport: undefined, problems: [`${why}; this server is left out`] })
})

const document = {
  swagger: '2.0',
  basePath: '/v1',
  paths: {
    '/pets/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, type: 'integer' }],
      get: { operationId: 'showPet', summary: 'Shows a pet.' },
      delete: { operationId: 'removePet' },
    },
  },
}

const arrived: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = []
const api = createServer(({ method, url = '', headers }, outgoing) => {
  arrived.push({ line: `${method} ${url}`, headers })
  const status = url === '/v1/pets/404' ? 404 : 200
  const said = url === '/openapi.json' ? document : status === 404 ? { no: 'such pet' } : { pet: 'Rex' }
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
})
let gateway: Started

beforeAll(async () => {
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  const { port } = api.address() as AddressInfo
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}}
mcp_servers:
  pets:
    spec_path: http://127.0.0.1:${port}/openapi.json
    auth_type: bearer_token
    auth_value: secret-of-the-api
    disallowed_tools: [removePet]
`)
})

afterAll(async () => {
  await gateway.stop(1_000)
  api.close()
})

test.each(ways)('the operations of an API are tools (%s)', async (way) => {
  const client = await clientBy(way, gateway.url, { authorization: `Bearer ${MASTER_KEY}` })
  const { tools } = await client.listTools()
  expect(tools).toMatchObject([
    { name: 'pets-showPet', description: 'Shows a pet.', annotations: { readOnlyHint: true } },
  ])
  expect(await client.callTool('pets-showPet', { id: 7 })).toMatchObject({
    content: [{ type: 'text', text: '{"pet":"Rex"}' }],
    structuredContent: { pet: 'Rex' },
  })
  expect(arrived.at(-1)).toMatchObject({
    line: 'GET /v1/pets/7',
    headers: { authorization: 'Bearer secret-of-the-api' },
  })
  expect(await client.callTool('pets-showPet', { id: 404 })).toMatchObject({
    isError: true,
    content: [{ text: 'The API pets answered with status 404.\n{"no":"such pet"}' }],
    _meta: { code: 'not_found', status: 404, retryable: false },
  })
  expect(await client.callTool('pets-showPet', { id: 'seven' })).toMatchObject({
    isError: true,
    content: [{ text: 'The arguments do not fit: arguments/id must be integer.' }],
  })
  await client.close()
})
