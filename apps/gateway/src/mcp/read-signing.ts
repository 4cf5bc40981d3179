import type { AwsOptions } from '@tianjillm/aws'
import { type Host, isSafeUrl, type JsonObject } from '@tianjillm/core'

/** How requests to a server on AWS are signed; plain data. */
export interface Signing extends AwsOptions {
  readonly awsRegionName: string
  /** As AWS names it in signatures; undefined: where it has MCP servers itself. */
  readonly service?: string | undefined
}

/** Keys of an entry by what they are elsewhere. */
const keys = {
  aws_access_key_id: 'awsAccessKeyId',
  aws_secret_access_key: 'awsSecretAccessKey',
  aws_session_token: 'awsSessionToken',
  aws_profile_name: 'awsProfileName',
  aws_role_name: 'awsRoleName',
  aws_session_name: 'awsSessionName',
  aws_web_identity_token: 'awsWebIdentityToken',
  aws_sts_endpoint: 'awsStsEndpoint',
  aws_external_id: 'awsExternalId',
  aws_service_name: 'service',
} as const satisfies Record<string, keyof Signing>

/**
 * What an entry says of signatures, or why it cannot be told. Without `env` it is from no file, and has to bring all that
 * it needs: whoever may add servers may not act as the gateway.
 */
export function readSigning(entry: JsonObject, env: Host['env'] | undefined): Signing | string {
  const given: { readonly [Key in keyof Signing]?: string } = Object.fromEntries(
    Object.entries(keys).flatMap(([key, option]) => {
      const text = textOf(entry[key])
      return text === undefined ? [] : [[option, text]]
    }),
  )
  const { awsAccessKeyId: id, awsSecretAccessKey: secret, awsWebIdentityToken: token } = given
  if (id !== undefined && secret === undefined) return 'aws_access_key_id comes without aws_secret_access_key'
  if (id === undefined && secret !== undefined) return 'aws_secret_access_key comes without aws_access_key_id'
  if (id === undefined && given.awsSessionToken !== undefined)
    return 'aws_session_token comes without aws_access_key_id and aws_secret_access_key'
  if (token !== undefined && given.awsRoleName === undefined) return 'aws_web_identity_token needs an aws_role_name'
  if (given.awsStsEndpoint !== undefined && !isSafeUrl(given.awsStsEndpoint)) return 'aws_sts_endpoint must be https'
  const hasOwn = id !== undefined || token !== undefined
  if (!hasOwn && env === undefined) return 'auth_type aws_sigv4 needs aws_access_key_id and aws_secret_access_key'
  const region = textOf(entry.aws_region_name) ?? regionIn(entry.url) ?? regionOf(env)
  if (region === undefined) return 'auth_type aws_sigv4 needs an aws_region_name'
  // It becomes part of a host name.
  if (!/^[a-z0-9-]+$/.test(region)) return `aws_region_name ${JSON.stringify(region)} is no region of AWS`
  return { ...(hasOwn ? {} : ofEnvironment(env!)), ...given, awsRegionName: region }
}

/** An external id may be all digits, which YAML takes for a number. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** https://docs.aws.amazon.com/general/latest/gr/rande.html */
function regionIn(url: unknown): string | undefined {
  const host = typeof url === 'string' ? URL.parse(url)?.hostname : undefined
  return /\.([a-z]+(?:-[a-z]+)+-\d)\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws|on\.aws)$/.exec(host ?? '')?.[1]
}

function regionOf(env: Host['env'] | undefined): string | undefined {
  return env?.('AWS_REGION_NAME') ?? env?.('AWS_REGION') ?? env?.('AWS_DEFAULT_REGION')
}

/** Read with the file, so that other keys in the next one are other settings. */
function ofEnvironment(env: Host['env']): AwsOptions {
  const [id, secret] = [env('AWS_ACCESS_KEY_ID'), env('AWS_SECRET_ACCESS_KEY')]
  if (id === undefined || secret === undefined) return {}
  return { awsAccessKeyId: id, awsSecretAccessKey: secret, awsSessionToken: env('AWS_SESSION_TOKEN') }
}
