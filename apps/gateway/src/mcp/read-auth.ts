import { type Host, isSafeUrl, type JsonObject } from '@tianjillm/core'
import type { McpAuth, PersonalAuth } from '@tianjillm/mcp'
import { readSigning, type Signing } from './read-signing.ts'
import { textsOf } from './texts-of.ts'

/** How a server knows who asks: the gateway itself, or each of its users. */
export interface ServerAuth {
  readonly auth?: McpAuth | undefined
  readonly personal?: PersonalAuth | undefined
  /** Each of its requests is signed. */
  readonly signing?: Signing | undefined
}

const plainAuth: ReadonlySet<unknown> = new Set(['api_key', 'bearer_token', 'basic', 'authorization'])

/**
 * What an entry says of that, or why it cannot be told; without `env` it is from no file.
 * https://docs.litellm.ai/docs/mcp_oauth
 */
export function readAuth(entry: JsonObject, env: Host['env'] | undefined): ServerAuth | string {
  const { auth_type: type, auth_value: value = entry.authentication_token } = entry
  if (type == null || type === 'none') return {}
  if (plainAuth.has(type))
    return typeof value === 'string' && value !== ''
      ? { auth: { type: type as 'api_key', value } }
      : `auth_type ${String(type)} needs an auth_value`
  if (type === 'oauth_delegate' || type === 'true_passthrough')
    return { personal: { type: 'passthrough', isOpen: type === 'true_passthrough' } }
  if (type === 'aws_sigv4') {
    const signing = readSigning(entry, env)
    return typeof signing === 'string' ? signing : { signing }
  }
  const unsafe = addresses.find((key) => typeof entry[key] === 'string' && !isSafeUrl(entry[key]))
  if (unsafe !== undefined) return `${unsafe} must be https`
  if (type === 'oauth2') return oauth2(entry)
  return type === 'oauth2_token_exchange' ? tokenExchange(entry) : `auth_type ${String(type)} is not there yet`
}

const addresses = ['authorization_url', 'token_url', 'registration_url', 'token_exchange_endpoint']

/** With all that a program needs, and nothing for people, it is for programs. */
function oauth2(entry: JsonObject): ServerAuth | string {
  const { oauth2_flow: flow } = entry
  const clientId = textOf(entry.client_id)
  const clientSecret = textOf(entry.client_secret)
  const tokenUrl = textOf(entry.token_url)
  const authorizationUrl = textOf(entry.authorization_url)
  const scopes = textsOf(entry.scopes)
  const isWhole = clientId !== undefined && clientSecret !== undefined && tokenUrl !== undefined
  if (flow === 'client_credentials' || (flow == null && isWhole && authorizationUrl === undefined))
    return isWhole
      ? { auth: { type: 'client_credentials', clientId, clientSecret, tokenUrl, scopes } }
      : 'oauth2_flow client_credentials needs client_id, client_secret and token_url'
  if (flow != null && flow !== 'authorization_code') return `oauth2_flow ${String(flow)} is not known`
  const registrationUrl = textOf(entry.registration_url)
  const addresses = { authorizationUrl, tokenUrl, registrationUrl }
  return { personal: { type: 'authorization_code', ...addresses, clientId, clientSecret, scopes } }
}

function tokenExchange(entry: JsonObject): ServerAuth | string {
  const endpoint = textOf(entry.token_exchange_endpoint)
  if (endpoint === undefined) return 'auth_type oauth2_token_exchange needs a token_exchange_endpoint'
  const subjectTokenType = textOf(entry.subject_token_type) ?? 'urn:ietf:params:oauth:token-type:access_token'
  return {
    personal: {
      ...{ type: 'token_exchange', endpoint, subjectTokenType, scopes: textsOf(entry.scopes) },
      ...{ clientId: textOf(entry.client_id), clientSecret: textOf(entry.client_secret) },
      audience: textOf(entry.audience),
    },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
