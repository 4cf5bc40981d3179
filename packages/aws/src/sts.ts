import { trimSlash } from '@tianjillm/core'
import { type AwsOptions, awsEndpoint } from './options.ts'
import { type AwsCredentials, signRequest } from './sign.ts'
import {
  type Asker,
  askIssuer,
  type Issuer,
  readCredentials,
  type TemporaryCredentials,
} from './temporary-credentials.ts'

/** A role to be assumed at the Security Token Service. */
export interface Role {
  readonly plugin: string
  readonly region: string
  readonly options: AwsOptions & { readonly awsRoleName: string }
}

/** Credentials of a role for those who have keys. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export async function assumeRole(role: Role, credentials: AwsCredentials, asker: Asker): Promise<TemporaryCredentials> {
  const body = form(role, { Action: 'AssumeRole', ExternalId: role.options.awsExternalId })
  const request = { method: 'POST' as const, url: endpoint(role), headers, body }
  const signed = await signRequest(request, { service: 'sts', region: role.region, credentials, now: asker.now() })
  return ask(role, asker, signed.headers, body)
}

/** Credentials of a role for those who have an OpenID Connect token. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export function assumeRoleWithWebIdentity(role: Role, token: string, asker: Asker): Promise<TemporaryCredentials> {
  return ask(role, asker, headers, form(role, { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: token }))
}

const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }

function endpoint({ options, region }: Role): string {
  return `${trimSlash(options.awsStsEndpoint ?? awsEndpoint('sts', region))}/`
}

function form({ options }: Role, fields: Readonly<Record<string, string | undefined>>): string {
  const all = {
    ...fields,
    Version: '2011-06-15',
    RoleArn: options.awsRoleName,
    RoleSessionName: options.awsSessionName ?? 'tianjillm',
  }
  const given = Object.entries(all).filter((field): field is [string, string] => field[1] !== undefined)
  return new URLSearchParams(given).toString()
}

async function ask(
  role: Role,
  asker: Asker,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<TemporaryCredentials> {
  const issuer: Issuer = { plugin: role.plugin, title: `STS, asked for the role ${role.options.awsRoleName},` }
  const xml = await askIssuer(issuer, asker, endpoint(role), { method: 'POST', headers, body })
  const element = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return readCredentials(issuer, {
    AccessKeyId: element('AccessKeyId'),
    SecretAccessKey: element('SecretAccessKey'),
    Token: element('SessionToken'),
    Expiration: element('Expiration'),
  })
}
