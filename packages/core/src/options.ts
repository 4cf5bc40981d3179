import * as v from 'valibot'
import type { Host } from './call.ts'
import { GatewayError } from './errors.ts'

/** Options that nearly every vendor has: `api_key` and `api_base` of a configuration. */
export interface ApiOptions {
  /** Default: the vendor's environment variable. */
  readonly apiKey?: string | undefined
  /** Replaces the vendor's base URL; a trailing slash does not matter. */
  readonly apiBase?: string | undefined
}

/** Schema entries for `ApiOptions`, to be spread into a plugin's own schema. */
export const apiOptions: {
  readonly apiKey: v.OptionalSchema<v.StringSchema<undefined>, undefined>
  readonly apiBase: v.OptionalSchema<v.StringSchema<undefined>, undefined>
} = { apiKey: v.optional(v.string()), apiBase: v.optional(v.string()) }

/** The given value, else the first environment variable that is set, else undefined. */
export function setting(given: string | undefined, host: Host, ...names: readonly string[]): string | undefined {
  if (given) return given
  for (const name of names) {
    const value = host.env(name)
    if (value) return value
  }
  return undefined
}

/** As `setting`, but throws GatewayError `misconfigured` naming the plugin, the variable and the config key (in `section`, by default `litellm_params`). */
export function requiredSetting(
  plugin: string,
  what: { readonly title: string; readonly option: string; readonly section?: string },
  given: string | undefined,
  host: Host,
  ...names: readonly string[]
): string {
  const value = setting(given, host, ...names)
  if (value !== undefined) return value
  const variables = names.length > 0 ? `${names.join(' or ')} or ` : ''
  throw new GatewayError(
    'misconfigured',
    `${plugin}: no ${what.title}. Set ${variables}${what.section ?? 'litellm_params'}.${what.option}.`,
    {
      provider: plugin,
    },
  )
}

/** The API key of a vendor: given, or from its environment variables. Throws GatewayError `misconfigured` without. */
export function requiredKey(
  plugin: string,
  given: string | undefined,
  host: Host,
  ...names: readonly string[]
): string {
  return requiredSetting(plugin, { title: 'API key', option: 'api_key' }, given, host, ...names)
}

/** A base URL without its trailing slashes. */
export function trimSlash(url: string): string {
  let end = url.length
  while (url[end - 1] === '/') end--
  return url.slice(0, end)
}
