import {
  type FakeUpstream,
  fakeUpstream,
  needsRedis,
  redisProgram,
  startRedis,
  type TestRedis,
} from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { folderWith, type Tianji, tianji } from './tianji.ts'

const MASTER_KEY = 'sk-master-of-the-tests'
const CLIENT_KEY = 'sk-client-of-the-tests'
const REDIS_PASSWORD = 'redis-password-of-the-tests'

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await fakeUpstream()
})

afterAll(() => upstream.close())

const answer = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'gpt',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
}

const configuration = ({ port }: TestRedis, more = '') => `
model_list:
  - { model_name: mock, litellm_params: { model: mock/any } }
  - { model_name: gpt, litellm_params: { model: openai/one, api_base: ${upstream.url}/v1, api_key: sk-vendor, order: 1 } }
  - { model_name: gpt, litellm_params: { model: openai/two, api_base: ${upstream.url}/v1, api_key: sk-vendor, order: 2 } }
  - { model_name: limited, litellm_params: { model: mock/any, rpm: 20 } }
general_settings: { master_key: ${MASTER_KEY} }
router_settings:
  { redis_host: 127.0.0.1, redis_port: ${port}, redis_password: ${REDIS_PASSWORD}, cooldown_time: 60,
    optional_pre_call_checks: [enforce_model_rate_limits] }
keys: [{ key: ${CLIENT_KEY}, rpm_limit: 30 }]
${more}
`

async function redis(): Promise<TestRedis> {
  const server = await startRedis({ password: REDIS_PASSWORD })
  onTestFinished(() => server.stop())
  return server
}

function startGateway(yaml: string, ...args: readonly string[]): Tianji {
  return tianji(['start', '--port', '0', '--host', '127.0.0.1', ...args], {
    folder: folderWith({ 'proxy_config.yaml': yaml }),
    env: { TIANJI_STOP_TIMEOUT: '5' },
  })
}

function ask(url: string, body: object, key = MASTER_KEY): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
  })
}

/** How many of so many calls at each of the gateways the limit lets through, and how many may have flowed in meanwhile. */
async function burst(urls: readonly string[], each: number) {
  const begun = performance.now()
  const calls = Array.from({ length: each }, () => urls.map((url) => ask(url, { model: 'mock' }, CLIENT_KEY))).flat()
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  const flowed = ((performance.now() - begun) * 30) / 60_000
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  return { allowed: statuses.filter((status) => status === 200).length, flowed: Math.ceil(flowed) }
}

/** Until so many processes hear of each other's cooldowns, which is when they can ask as well. */
async function connected(server: TestRedis, processes: number): Promise<void> {
  const listeners = () => server.say('PUBSUB', 'NUMSUB', 'tianji:cooldowns')
  await expect.poll(listeners).toContain(`cooldowns\r\n:${processes}\r\n`)
}

async function twoGateways(server: TestRedis, more?: string) {
  const gateways = [startGateway(configuration(server, more)), startGateway(configuration(server, more))]
  const urls = await Promise.all(gateways.map(({ url }) => url))
  await connected(server, 2)
  return { gateways, urls: urls as [string, string] }
}

describe.skipIf(!redisProgram())(needsRedis('gateways that share a Redis'), () => {
  it('keep to the limit of a key together', async () => {
    const server = await redis()
    const { urls } = await twoGateways(server)
    const { allowed, flowed } = await burst(urls, 40)
    expect(allowed).toBeGreaterThanOrEqual(30)
    expect(allowed).toBeLessThanOrEqual(30 + flowed)
  })

  it('keep to it with all their workers', async () => {
    const server = await redis()
    const gateways = [startGateway(configuration(server), '--workers', '2'), startGateway(configuration(server))]
    const urls = await Promise.all(gateways.map(({ url }) => url))
    await connected(server, 3)
    const { allowed, flowed } = await burst(urls, 40)
    expect(allowed).toBeGreaterThanOrEqual(30)
    expect(allowed).toBeLessThanOrEqual(30 + flowed)
    gateways[0]!.signal('SIGTERM')
    expect(await gateways[0]!.exit).toBe(0)
  })

  it('answer on with limits of their own when it is killed, and share again when it is back', async () => {
    const server = await redis()
    const { gateways, urls } = await twoGateways(server)
    await server.kill()
    const alone = await burst(urls, 40)
    expect(alone.allowed).toBeGreaterThanOrEqual(60)
    expect(alone.allowed).toBeLessThanOrEqual(60 + 2 * alone.flowed)
    await server.restart()
    await connected(server, 2)
    const back = () => gateways.every(({ output }) => output().includes('Redis answers again'))
    await expect.poll(back).toBe(true)
    const again = await burst(urls, 40)
    expect(again.allowed).toBeGreaterThanOrEqual(30)
    expect(again.allowed).toBeLessThanOrEqual(30 + again.flowed)
    for (const { output } of gateways) {
      expect(output().match(/Redis does not answer/g)).toHaveLength(1)
      expect(output()).not.toContain(REDIS_PASSWORD)
    }
    gateways[0]!.signal('SIGTERM')
    expect(await gateways[0]!.exit).toBe(0)
  })

  it('wait for nobody when it hangs', async () => {
    const server = await redis()
    const { urls } = await twoGateways(server)
    server.freeze()
    const statuses = (await Promise.all(urls.map((url) => ask(url, { model: 'mock' }, CLIENT_KEY)))).map(
      ({ status }) => status,
    )
    expect(statuses).toEqual([200, 200])
    server.thaw()
  })

  it('leave a deployment alone that failed in another', async () => {
    const server = await redis()
    const { urls } = await twoGateways(server)
    upstream.script(({ text }) =>
      JSON.parse(text).model === 'one' ? { status: 429, body: { error: { message: 'slow down' } } } : { body: answer },
    )
    expect((await ask(urls[0], { model: 'gpt' })).status).toBe(200)
    await expect.poll(() => server.say('ZCARD', 'tianji:cooldowns')).toContain(':1\r\n')
    const asked = () => upstream.arrived.map(({ text }) => JSON.parse(text).model)
    expect(asked()).toEqual(['one', 'two'])
    expect((await ask(urls[1], { model: 'gpt' })).status).toBe(200)
    expect(asked()).toEqual(['one', 'two', 'two'])
    const late = startGateway(configuration(server))
    const url = await late.url
    await connected(server, 3)
    expect((await ask(url, { model: 'gpt' })).status).toBe(200)
    expect(asked()).toEqual(['one', 'two', 'two', 'two'])
  })

  it("keep to a deployment's minute together", async () => {
    const server = await redis()
    const { urls } = await twoGateways(server)
    // All of it has to be in one minute of the clock.
    await expect.poll(() => Date.now() % 60_000, { timeout: 16_000 }).toBeLessThan(45_000)
    const status = async (url: string) => (await ask(url, { model: 'limited' })).status
    for (let count = 0; count < 20; count++) expect(await status(urls[0])).toBe(200)
    // They tell each other once a second; by itself the other one would answer twenty.
    const answers: number[] = []
    const refused = async () => answers.push(await status(urls[1])) && answers.at(-1)
    await expect.poll(refused, { interval: 500, timeout: 9_000 }).toBe(429)
    expect(answers.length).toBeLessThan(20)
  })

  it('give answers that another has kept', async () => {
    const server = await redis()
    const cache = `cache_params: { type: redis, host: 127.0.0.1, port: ${server.port}, password: ${REDIS_PASSWORD} }`
    const { urls } = await twoGateways(server, `litellm_settings: { cache: true, ${cache} }`)
    upstream.script({ body: answer })
    const texts: string[] = []
    for (const url of urls) {
      const response = await ask(url, { model: 'gpt' })
      texts.push(((await response.json()) as typeof answer).choices[0]!.message.content)
      await expect.poll(() => server.say('KEYS', 'tianji:cache:*')).toContain('*1\r\n')
    }
    expect(texts).toEqual(['Hello', 'Hello'])
    expect(upstream.arrived).toHaveLength(1)
  })
})
