import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalLimiter } from '@tianjillm/limits'
import { freePort, needsRedis, redisProgram } from '@tianjillm/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRedisLimiter, createRedisStore, type RedisSettings, shareCooldowns } from '../src/index.ts'
import { createLines, open, openUp, redisServer } from './surroundings.ts'

/** Everything that is shared works over such a connection. */
async function expectSharing(settings: RedisSettings): Promise<void> {
  const [one, other] = [await openUp(settings), await openUp(settings)]
  const limiters = [one, other].map((redis) =>
    createRedisLimiter(
      redis,
      createLocalLimiter(() => 0),
    ),
  )
  expect(await limiters[0]!.take('key', { perMinute: 2 })).toMatchObject({ remaining: 1 })
  expect(await limiters[1]!.take('key', { perMinute: 2 })).toMatchObject({ remaining: 0 })
  const stores = [one, other].map((redis) => createRedisStore(redis))
  for (const key of ['a', 'b', 'c', 'd']) await stores[0]!.set(key, 'value', 60_000)
  expect(await stores[1]!.get('a')).toBe('value')
  await stores[1]!.clear()
  expect(await stores[0]!.get('d')).toBeUndefined()
  const heard: string[] = []
  shareCooldowns(other, (id) => heard.push(id))
  shareCooldowns(one, () => {}).tell('id', one.now() + 60_000)
  await expect.poll(() => heard).toContain('id')
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tianji-redis-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe.skipIf(!redisProgram())(needsRedis('Redis is reached'), () => {
  it('by host and port', async () => {
    const { port } = await redisServer()
    await expectSharing({ host: '127.0.0.1', port })
  })

  it('by a URL with user, password and database', async () => {
    const { port, client } = await redisServer({ password: 'other' })
    await client.acl('SETUSER', 'gat@way', 'on', '>p@ss/word', '~*', '&*', '+@all')
    await expectSharing({ url: `redis://gat%40way:p%40ss%2Fword@127.0.0.1:${port}/3` })
    await client.select(3)
    expect(await client.dbsize()).toBeGreaterThan(0)
  })

  it('as a cluster', async () => {
    const { port, client } = await redisServer({
      more: [
        '--cluster-enabled',
        'yes',
        '--cluster-announce-ip',
        '127.0.0.1',
        '--cluster-port',
        String(await freePort()),
      ],
    })
    await client.cluster('ADDSLOTSRANGE', 0, 16_383)
    await expect.poll(() => client.cluster('INFO')).toContain('cluster_state:ok')
    await expectSharing({ nodes: [{ host: '127.0.0.1', port }] })
  })

  it('through sentinels', async () => {
    const { port } = await redisServer()
    const [path, sentinelPort] = [folder(), await freePort()]
    const config = join(path, 'sentinel.conf')
    writeFileSync(
      config,
      `port ${sentinelPort}\nbind 127.0.0.1\ndir ${path}\nsentinel monitor main 127.0.0.1 ${port} 1\n`,
    )
    const sentinel = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' })
    onTestFinished(() => void sentinel.kill('SIGKILL'))
    await expectSharing({ sentinels: { addresses: [{ host: '127.0.0.1', port: sentinelPort }], service: 'main' } })
  })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const title = needsRedis(`Redis over TLS${hasOpenssl ? '' : ' (skipped: openssl is not installed)'}`)

describe.skipIf(!redisProgram() || !hasOpenssl)(title, () => {
  async function startTls(): Promise<{ readonly port: number; readonly ca: string }> {
    const path = folder()
    const [key, certificate] = [join(path, 'key.pem'), join(path, 'certificate.pem')]
    const names = ['-subj', '/CN=redis.test', '-addext', 'subjectAltName=DNS:redis.test']
    const files = ['-keyout', key, '-out', certificate]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2']
    execFileSync('openssl', ['req', '-x509', '-nodes', ...kind, ...files, ...names], { stdio: 'ignore' })
    const port = await freePort()
    const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key]
    await redisServer({ more: [...tls, '--tls-auth-clients', 'no'] })
    return { port, ca: readFileSync(certificate, 'utf8') }
  }

  it('is trusted when its certificate is, and its name is right or does not matter', async () => {
    const { port, ca } = await startTls()
    await expectSharing({ url: `rediss://127.0.0.1:${port}`, tls: { verifies: true, checksHostName: false, ca } })
    const lines = createLines()
    open({ port, tls: { verifies: true, checksHostName: true, ca } }, lines)
    await expect.poll(() => lines.text()).toContain("does not match certificate's altnames")
  })

  it('is not trusted when its certificate is not, unless nobody checks', async () => {
    const { port } = await startTls()
    const lines = createLines()
    open({ url: `rediss://127.0.0.1:${port}` }, lines)
    await expect.poll(() => lines.text()).toContain('self-signed certificate')
    await expectSharing({ port, tls: { verifies: false, checksHostName: true } })
  })
})
