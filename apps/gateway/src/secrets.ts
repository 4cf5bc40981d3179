import type { Config } from '@tianjillm/config'
import { type Host, isJsonObject } from '@tianjillm/core'

const secretName = /key|secret|token|password|credential|authorization/i

/** All values of a configuration and its environment that nobody must see. */
export function secretsOf(config: Config, host?: Host): ReadonlySet<string> {
  const secrets = new Set<string>()
  gather(
    config.models.map(({ options }) => options),
    secrets,
  )
  gather(
    config.models.map(({ extraHeaders }) => extraHeaders),
    secrets,
  )
  gather(
    config.guardrails.map(({ options }) => options),
    secrets,
  )
  gather(
    config.callbacks.map(({ options }) => options),
    secrets,
  )
  gather(
    config.searchTools.map(({ options }) => options),
    secrets,
  )
  gather(Object.fromEntries(config.environment), secrets)
  gather(
    { ...config.general.rest, masterKey: config.general.masterKey, databaseUrlSecret: config.general.databaseUrl },
    secrets,
  )
  if (host) gather({ ...process.env }, secrets)
  return secrets
}

function gather(value: unknown, secrets: Set<string>, isSecret = false): void {
  if (typeof value === 'string') {
    if (isSecret && value !== '') secrets.add(value)
  } else if (Array.isArray(value)) for (const item of value) gather(item, secrets, isSecret)
  else if (isJsonObject(value))
    for (const [name, inner] of Object.entries(value)) gather(inner, secrets, secretName.test(name))
}
