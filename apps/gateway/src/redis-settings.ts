import { readFileSync } from 'node:fs'
import type { Config, Problem } from '@tianjillm/config'
import { GatewayError, type Host, isGatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { RedisSettings, RedisTls } from '@tianjillm/redis'
import * as v from 'valibot'

/**
 * Where Redis is: as `router_settings` says, else the `cache_params` of a cache that is in Redis; what is missing there is
 * taken from the environment. Undefined when the configuration asks for no Redis, for the environment alone is no
 * reason to use one. Throws GatewayError `misconfigured`.
 */
export function redisSettingsOf({ router, settings, cache }: Config, env: Host['env']): RedisSettings | undefined {
  const { cache_params } = settings.rest
  const ofCache = cache?.type.startsWith('redis') && isJsonObject(cache_params) ? cache_params : {}
  const ofRouter = fromRouter(router.rest)
  if (Object.keys(ofRouter).length > 0)
    return settingsOf({ ...(ofRouter.host === ofCache.host && ofCache), ...ofRouter }, env)
  const isInCache = cache?.type.startsWith('redis') && (hasAddress(ofCache) || hasAddress(fromEnvironment(env)))
  return isInCache ? settingsOf(ofCache, env) : undefined
}

/** Whether the configuration asks for Redis; what is wrong with its settings becomes a problem. */
export function asksForRedis(config: Config, host: Host, problems: Problem[]): boolean {
  try {
    return redisSettingsOf(config, (name) => host.env(name)) !== undefined
  } catch (error) {
    if (!isGatewayError(error)) throw error
    const setting = String(error.facts.details?.setting ?? 'host')
    const isRouters = Object.hasOwn(config.router.rest, `redis_${setting}`)
    const path = isRouters ? ['router_settings', `redis_${setting}`] : ['litellm_settings', 'cache_params', setting]
    problems.push({ severity: 'error', ...config.positionOf(path), path: path.join('.'), message: error.message })
    return true
  }
}

const text = v.pipe(v.union([v.string(), v.number()]), v.transform(String))
const number = v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.integer())
const flag = v.pipe(
  v.union([v.string(), v.boolean()]),
  v.transform((value) => /^(true|yes|on|1)$/i.test(String(value))),
)
const address = v.union([
  v.pipe(
    v.looseObject({ host: v.string(), port: number }),
    v.transform(({ host, port }) => ({ host, port })),
  ),
  v.pipe(
    v.tuple([v.string(), number]),
    v.transform(([host, port]) => ({ host, port })),
  ),
])
const url = v.pipe(v.string(), v.regex(/^rediss?:\/\//), v.url())

/** The keys of `cache_params` that are about Redis; the others are the cache's own. */
const schema = v.object({
  url: v.optional(url),
  host: v.optional(v.string()),
  port: v.optional(number),
  username: v.optional(text),
  password: v.optional(text),
  db: v.optional(number),
  namespace: v.optional(text),
  ssl: v.optional(flag),
  ssl_cert_reqs: v.optional(text),
  ssl_check_hostname: v.optional(flag),
  ssl_ca_certs: v.optional(v.string()),
  redis_startup_nodes: v.optional(v.array(address)),
  sentinel_nodes: v.optional(v.array(address)),
  sentinel_password: v.optional(text),
  service_name: v.optional(text),
})

function settingsOf(written: JsonObject, env: Host['env']): RedisSettings {
  const { password, username, ssl, ...ofEnvironment } = fromEnvironment(env)
  const all = { password, username, ssl, ...(!hasAddress(written) && ofEnvironment), ...withoutNulls(written) }
  const { output, success, issues } = v.safeParse(schema, all)
  if (!success) {
    const [{ path }] = issues
    const setting = String(path?.[0].key)
    const where = path?.map(({ key }) => key).join('.')
    throw new GatewayError('misconfigured', `Redis: the setting ${where} is wrong.`, { details: { setting } })
  }
  const { redis_startup_nodes: nodes, sentinel_nodes: addresses, service_name: service = 'mymaster', ...rest } = output
  return {
    ...{ url: rest.url, host: rest.host, port: rest.port, username: rest.username, password: rest.password },
    ...{ db: rest.db, namespace: rest.namespace, nodes, tls: tlsOf(output) },
    sentinels: addresses && { addresses, service, password: rest.sentinel_password },
  }
}

function tlsOf(settings: v.InferOutput<typeof schema>): RedisTls | undefined {
  const { url, ssl = url?.startsWith('rediss:'), ssl_cert_reqs, ssl_check_hostname = true, ssl_ca_certs } = settings
  if (!ssl) return undefined
  return {
    verifies: !/^(cert_)?none$/i.test(ssl_cert_reqs ?? ''),
    checksHostName: ssl_check_hostname,
    ca: ssl_ca_certs === undefined ? undefined : certificateFile(ssl_ca_certs),
  }
}

function certificateFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new GatewayError('misconfigured', `Redis: the certificates in ${path} cannot be read.`, {
      details: { setting: 'ssl_ca_certs' },
      cause,
    })
  }
}

/** `router_settings.redis_host` is `host`. */
function fromRouter(rest: JsonObject): JsonObject {
  const written = Object.entries(withoutNulls(rest)).filter(([key]) => key.startsWith('redis_'))
  return Object.fromEntries(written.map(([key, value]) => [key.slice('redis_'.length), value]))
}

function fromEnvironment(env: Host['env']): JsonObject {
  const names = ['url', 'host', 'port', 'db', 'username', 'password', 'ssl']
  return withoutNulls(Object.fromEntries(names.map((name) => [name, env(`REDIS_${name.toUpperCase()}`)])))
}

function hasAddress(settings: JsonObject): boolean {
  return ['url', 'host', 'redis_startup_nodes', 'sentinel_nodes'].some((name) => settings[name] != null)
}

function withoutNulls(settings: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== undefined))
}
