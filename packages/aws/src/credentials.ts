import { type Awaitable, GatewayError, type Host, setting } from '@tianjillm/core'
import { containerRole, instanceRole } from './metadata.ts'
import type { AwsOptions } from './options.ts'
import type { AwsCredentials } from './sign.ts'
import { assumeRole, assumeRoleWithWebIdentity, type Role } from './sts.ts'
import { type Asker, kept } from './temporary-credentials.ts'

/** Gives credentials that hold for the next minutes. Throws GatewayError. */
export type CredentialSource = (asker: Asker) => Awaitable<AwsCredentials>

/** What an operator is told who has to give credentials. */
export interface CredentialWords {
  /** Where the options are written. Default: `litellm_params`. */
  readonly section?: string
  /** A variable that would do as well. */
  readonly alternative?: string
}

/**
 * Where a provider's credentials come from: keys of the options, keys of the environment, the container's role, or the
 * instance's role; with a role name, the role assumed with them or with a web identity token. Temporary ones are kept
 * until shortly before their end. Throws GatewayError `misconfigured` when there are none.
 */
export function credentialSource(
  plugin: string,
  options: AwsOptions,
  host: Host,
  region: string,
  words: CredentialWords = {},
): CredentialSource {
  const { awsRoleName, awsWebIdentityToken } = options
  if (awsRoleName === undefined) {
    if (awsWebIdentityToken !== undefined)
      throw misconfigured(plugin, `a web identity token needs a role. Set ${written('aws_role_name', words)}.`)
    return ownSource(plugin, options, host, words)
  }
  const role: Role = { plugin, region, options: { ...options, awsRoleName } }
  if (awsWebIdentityToken !== undefined)
    return kept((asker) => assumeRoleWithWebIdentity(role, awsWebIdentityToken, asker))
  const own = ownSource(plugin, options, host, words)
  return kept(async (asker) => assumeRole(role, await own(asker), asker))
}

/** The identity we have before any role is assumed. */
function ownSource(plugin: string, options: AwsOptions, host: Host, words: CredentialWords): CredentialSource {
  const keys = optionKeys(plugin, options, words) ?? environmentKeys(plugin, host)
  if (keys !== undefined) return () => keys
  const obtain = containerRole(plugin, host) ?? instanceRole(plugin, host)
  if (obtain !== undefined) return kept(obtain)
  const profile = setting(options.awsProfileName, host, 'AWS_PROFILE')
  if (profile !== undefined)
    throw misconfigured(
      plugin,
      `the profile ${profile} cannot be used, because plugins read no files. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its place: aws configure export-credentials --profile ${profile} --format env.`,
    )
  const variables = `${words.alternative === undefined ? '' : `${words.alternative} or `}AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`
  throw misconfigured(
    plugin,
    `no credentials. Set ${variables} or ${written('aws_access_key_id', words)} and aws_secret_access_key.`,
  )
}

/** Keys of the options, which never mix with those of the environment. */
function optionKeys(plugin: string, options: AwsOptions, words: CredentialWords): AwsCredentials | undefined {
  const { awsAccessKeyId, awsSecretAccessKey, awsSessionToken } = options
  return pair(
    plugin,
    [written('aws_access_key_id', words), awsAccessKeyId],
    [written('aws_secret_access_key', words), awsSecretAccessKey],
    awsSessionToken,
  )
}

function environmentKeys(plugin: string, host: Host): AwsCredentials | undefined {
  const variable = (name: string) => [name, host.env(name)] as const
  return pair(plugin, variable('AWS_ACCESS_KEY_ID'), variable('AWS_SECRET_ACCESS_KEY'), host.env('AWS_SESSION_TOKEN'))
}

type Named = readonly [name: string, value: string | undefined]

/** Both keys, or undefined without either. */
function pair(plugin: string, id: Named, secret: Named, sessionToken: string | undefined): AwsCredentials | undefined {
  const [accessKeyId, secretAccessKey] = [id[1], secret[1]]
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken }
  if (!accessKeyId && !secretAccessKey) return undefined
  const [given, missing] = accessKeyId ? [id[0], secret[0]] : [secret[0], id[0]]
  throw misconfigured(plugin, `${given} comes without its other half. Set ${missing}.`)
}

function written(key: string, { section = 'litellm_params' }: CredentialWords): string {
  return `${section}.${key}`
}

function misconfigured(plugin: string, message: string): GatewayError {
  return new GatewayError('misconfigured', `${plugin}: ${message}`, { provider: plugin })
}
