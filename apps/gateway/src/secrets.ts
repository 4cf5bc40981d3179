import type { Config } from '@tianjillm/config'
import { isJsonObject, type JsonObject } from '@tianjillm/core'

const secretName = /key$|access_key|secret|token|passw|credential|authorization|^auth_value$|^database_url$/i

/** Whether a name speaks of a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name)
}

/** All values of a configuration and an environment that nobody must see. */
export function secretsOf(
  { models, guardrails, callbacks, searchTools, keys, environment, general, router, settings, sections }: Config,
  processEnvironment: Readonly<Record<string, string | undefined>>,
): ReadonlySet<string> {
  const secrets = new Set<string>()
  gather(
    [...models, ...guardrails, ...callbacks, ...searchTools].map(({ options }) => options),
    secrets,
  )
  gather(
    models.map(({ extraHeaders }) => extraHeaders),
    secrets,
  )
  gather(
    [Object.fromEntries(environment), { ...processEnvironment }, general.rest, router.rest, settings.rest.cache_params],
    secrets,
  )
  gather(
    keys.map(({ metadata }) => metadata),
    secrets,
  )
  gather([sections.prompts, sections.mcp_servers], secrets)
  gather([general.masterKey, general.databaseUrl, router.rest.redis_url, ...keys.map(({ key }) => key)], secrets, true)
  return secrets
}

/** Of an entry of `mcp_servers`, whose headers and variables are secrets whatever they are called. */
export function secretsInEntry({ static_headers, env, ...entry }: JsonObject): ReadonlySet<string> {
  const secrets = new Set<string>()
  gather(entry, secrets)
  gather([static_headers, env], secrets, true)
  return secrets
}

/** Texts under a name that speaks of a secret, and all that is below one. */
function gather(value: unknown, secrets: Set<string>, isSecret = false): void {
  if (typeof value === 'string') {
    if (isSecret) secrets.add(value)
  } else if (Array.isArray(value)) {
    for (const item of value) gather(item, secrets, isSecret)
  } else if (isJsonObject(value)) {
    for (const [name, inner] of Object.entries(value)) gather(inner, secrets, isSecret || isSecretName(name))
  }
}
