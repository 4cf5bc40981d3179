import { GatewayError, type Host, setting } from '@tianjillm/core'
import * as v from 'valibot'

/** Options of every provider that lives on AWS. */
export interface AwsOptions {
  /** Default: `AWS_ACCESS_KEY_ID`. */
  readonly awsAccessKeyId?: string | undefined
  /** Default: `AWS_SECRET_ACCESS_KEY`. */
  readonly awsSecretAccessKey?: string | undefined
  /** Default: `AWS_SESSION_TOKEN`. */
  readonly awsSessionToken?: string | undefined
  /** Default: `AWS_REGION_NAME`, `AWS_REGION` or `AWS_DEFAULT_REGION`. */
  readonly awsRegionName?: string | undefined
  /** Understood only to say that it cannot be used: plugins read no files. */
  readonly awsProfileName?: string | undefined
  /** ARN of a role to assume. */
  readonly awsRoleName?: string | undefined
  /** Name of the role's session. Default: `tianjillm`. */
  readonly awsSessionName?: string | undefined
  /** OpenID Connect token with which the role is assumed, in place of keys. */
  readonly awsWebIdentityToken?: string | undefined
  /** Default: the region's STS. */
  readonly awsStsEndpoint?: string | undefined
  /** What the role's trust policy asks for as `sts:ExternalId`. */
  readonly awsExternalId?: string | undefined
}

/** Schema entries for `AwsOptions`, to be spread into a plugin's own schema. */
export const awsOptions: {
  readonly [Name in keyof Required<AwsOptions>]: v.OptionalSchema<v.StringSchema<undefined>, undefined>
} = {
  awsAccessKeyId: v.optional(v.string()),
  awsSecretAccessKey: v.optional(v.string()),
  awsSessionToken: v.optional(v.string()),
  awsRegionName: v.optional(v.string()),
  awsProfileName: v.optional(v.string()),
  awsRoleName: v.optional(v.string()),
  awsSessionName: v.optional(v.string()),
  awsWebIdentityToken: v.optional(v.string()),
  awsStsEndpoint: v.optional(v.string()),
  awsExternalId: v.optional(v.string()),
}

/**
 * The region: given, from the environment, else `fallback`. Throws GatewayError `misconfigured` for what cannot be
 * one, because it becomes part of a host name.
 */
export function awsRegion(plugin: string, options: AwsOptions, host: Host, fallback = 'us-east-1'): string {
  const region = setting(options.awsRegionName, host, 'AWS_REGION_NAME', 'AWS_REGION', 'AWS_DEFAULT_REGION') ?? fallback
  if (/^[a-z0-9-]+$/.test(region)) return region
  throw new GatewayError(
    'misconfigured',
    `${plugin}: "${region}" is no AWS region. Set AWS_REGION_NAME or litellm_params.aws_region_name, e.g. us-east-1.`,
    { provider: plugin },
  )
}

/** Base URL of a service in a region. https://docs.aws.amazon.com/general/latest/gr/rande.html */
export function awsEndpoint(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}
