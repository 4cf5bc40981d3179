import { once } from 'node:events'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchModels, readModels } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'tianji-models-'))
const file = join(folder, 'models.json')

let answer: (response: ServerResponse) => void
const server = createServer((_request, response) => answer(response))
let url: string
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // Of a server that listens on a port.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  rmSync(folder, { recursive: true })
  server.close()
})

const entry = { litellm_provider: 'acme', mode: 'chat', input_cost_per_token: 1e-6 }

function mapOf(count: number): Readonly<Record<string, object>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, entry]))
}

describe('a file of models', () => {
  it('may be as small as one model, and what makes no sense in it is left out', async () => {
    writeFileSync(file, JSON.stringify({ sample_spec: {}, good: entry, bad: { input_cost_per_token: -1 } }))
    expect(await readModels(file)).toEqual({ good: entry })
  })

  it.each([
    ['{"a":', 'it is no JSON'],
    ['[]', 'it is no map of models'],
    ['{"a": {"input_cost_per_token": "free"}}', 'it has 0 models that make sense'],
  ])('is refused when it is %s', async (text, reason) => {
    writeFileSync(file, text)
    await expect(readModels(file)).rejects.toThrow(reason)
  })

  it('is not read when it is too large, or not there', async () => {
    truncateSync(file, 33 * 1024 * 1024)
    await expect(readModels(file)).rejects.toThrow('more than 32 MiB')
    await expect(readModels(join(folder, 'none'))).rejects.toThrow('ENOENT')
  })
})

describe('models from a URL', () => {
  it('are those of the map there', async () => {
    answer = (response) => response.end(JSON.stringify(mapOf(60)))
    expect(Object.keys(await fetchModels(url, { fetch }))).toHaveLength(60)
  })

  it.each<readonly [string, (response: ServerResponse) => void, string]>([
    ['49 models', (response) => response.end(JSON.stringify(mapOf(49))), 'should have 50'],
    ['half of what was there, less one', (response) => response.end(JSON.stringify(mapOf(99))), 'had 200 before'],
    ['an error', (response) => response.writeHead(500).end('secret'), 'its server answered 500'],
    ['a page', (response) => response.end('<html>'), 'it is no JSON'],
    ['elsewhere', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1' }).end(), 'fetch failed'],
    ['without end', (response) => response.end('x'.repeat(33 * 1024 * 1024)), 'more than 32 MiB'],
    ['gone half way', (response) => response.write('{"a":', () => response.destroy()), 'terminated'],
  ])('are refused when what is there is %s', async (_what, answering, reason) => {
    answer = answering
    await expect(fetchModels(url, { fetch, before: 200 })).rejects.toThrow(reason)
  })

  it.each(['http://example.com/m.json', 'ftp://example.com', 'file:///etc/passwd', 'nonsense'])(
    'are not asked for at %s',
    async (other) => {
      const never = () => Promise.reject(new Error('asked'))
      await expect(fetchModels(other, { fetch: never })).rejects.toThrow('it must be fetched with https')
    },
  )
})
