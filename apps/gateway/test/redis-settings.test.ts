import { readConfig } from '@tianjillm/config'
import { describe, expect, it } from 'vitest'
import { redisSettingsOf } from '../src/redis-settings.ts'
import { folderWith, tianji } from './tianji.ts'

/** The settings of Redis that are not left to their defaults. */
function settingsIn(yaml: string, environment: Readonly<Record<string, string>> = {}) {
  const env = (name: string) => environment[name]
  const { config } = readConfig(yaml, { env })
  const settings = redisSettingsOf(config!, env)
  return settings && Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

describe('a configuration asks for Redis', () => {
  it('by router_settings', () => {
    expect(
      settingsIn('router_settings: { redis_host: here, redis_port: "6380", redis_password: 1234, redis_db: 2 }'),
    ).toEqual({
      host: 'here',
      port: 6380,
      password: '1234',
      db: 2,
    })
    const url = 'rediss://user:password@here:6379/1'
    expect(settingsIn(`router_settings: { redis_url: "${url}" }`)).toEqual({
      url,
      tls: { verifies: true, checksHostName: true },
    })
  })

  it('by a cache that is in Redis', () => {
    const yaml = (more: string) => `litellm_settings: { cache: true, cache_params: { ttl: 60, ${more} } }`
    expect(settingsIn(yaml('type: redis, host: here, namespace: team, ssl: true, ssl_cert_reqs: none'))).toEqual({
      host: 'here',
      namespace: 'team',
      tls: { verifies: false, checksHostName: true },
    })
    expect(settingsIn(yaml('type: redis-semantic, host: here, similarity_threshold: 0.8'))).toEqual({ host: 'here' })
    expect(settingsIn(yaml('type: local, host: here'))).toBeUndefined()
    expect(settingsIn(yaml('host: here'))).toEqual({ host: 'here' })
    expect(settingsIn(yaml('type: redis, port: 6379'))).toBeUndefined()
    expect(settingsIn('litellm_settings: { cache: false, cache_params: { type: redis, host: here } }')).toBeUndefined()
  })

  it('by a cache without parameters, when the environment says where Redis is', () => {
    const environment = { REDIS_HOST: 'there', REDIS_PORT: '6380', REDIS_PASSWORD: 'password', REDIS_SSL: 'True' }
    const settings = { host: 'there', port: 6380, password: 'password', tls: { verifies: true, checksHostName: true } }
    expect(settingsIn('litellm_settings: { cache: true }', environment)).toEqual(settings)
    expect(settingsIn('litellm_settings: { cache: true }')).toBeUndefined()
    expect(settingsIn('{}', environment)).toBeUndefined()
  })

  it('and takes what it does not say from the environment, but no address beside its own', () => {
    const environment = {
      REDIS_URL: 'redis://there',
      REDIS_HOST: 'there',
      REDIS_PORT: '6380',
      REDIS_PASSWORD: 'password',
    }
    expect(settingsIn('router_settings: { redis_host: here }', environment)).toEqual({
      host: 'here',
      password: 'password',
    })
    expect(settingsIn('litellm_settings: { cache: true, cache_params: { type: redis } }', environment)).toMatchObject({
      url: 'redis://there',
    })
  })

  it('in two places: those of the router come first, and those of the cache only say more of the same Redis', () => {
    const yaml = (host: string) => `
router_settings: { redis_host: here, redis_port: 1 }
litellm_settings: { cache: true, cache_params: { type: redis, host: ${host}, port: 2, password: secret, namespace: team } }
`
    expect(settingsIn(yaml('here'))).toEqual({ host: 'here', port: 1, password: 'secret', namespace: 'team' })
    expect(settingsIn(yaml('elsewhere'))).toEqual({ host: 'here', port: 1 })
  })

  it('that is a cluster, or known by sentinels', () => {
    const yaml = (more: string) => `litellm_settings: { cache: true, cache_params: { type: redis, ${more} } }`
    expect(settingsIn(yaml('redis_startup_nodes: [{ host: one, port: "7001" }, { host: two, port: 7002 }]'))).toEqual({
      nodes: [
        { host: 'one', port: 7001 },
        { host: 'two', port: 7002 },
      ],
    })
    const sentinels = 'sentinel_nodes: [[one, 26379]], service_name: main, sentinel_password: secret'
    expect(settingsIn(yaml(sentinels))).toEqual({
      sentinels: { addresses: [{ host: 'one', port: 26379 }], service: 'main', password: 'secret' },
    })
  })

  it.each([
    ['redis_port: many', 'port'],
    ['redis_url: "http://user:password@here"', 'url'],
    ['redis_db: 1.5', 'db'],
  ])('wrongly (%s), and is told which setting is wrong', (written, name) => {
    expect(() => settingsIn(`router_settings: { ${written} }`)).toThrow(`Redis: the setting ${name} is wrong.`)
  })
})

describe('tianji check', () => {
  const models = 'model_list: [{ model_name: mock, litellm_params: { model: mock/any } }]'
  const check = (yaml: string) =>
    tianji(['check'], { folder: folderWith({ 'proxy_config.yaml': `${models}\n${yaml}` }) })

  it('tells what is wrong with the settings of Redis', async () => {
    const { exit, errors } = check('router_settings: { redis_host: here, redis_port: many }')
    expect(await exit).toBe(1)
    expect(errors()).toContain(
      'proxy_config.yaml:2:38: error: router_settings.redis_port: Redis: the setting port is wrong.',
    )
  })

  it('asks no Redis, and misses none that the configuration names', async () => {
    const { exit, errors } = check(
      'litellm_settings: { cache: true, cache_params: { type: redis, host: here.invalid } }',
    )
    expect(await exit).toBe(0)
    expect(errors()).toBe('')
  })
})
