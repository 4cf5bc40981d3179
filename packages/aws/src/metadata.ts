import { type Host, parseJson, trimSlash } from '@tianjillm/core'
import {
  type Asker,
  askIssuer,
  type Issuer,
  readCredentials,
  type TemporaryCredentials,
} from './temporary-credentials.ts'

/** Where tasks of ECS find their role. */
const CONTAINER_ENDPOINT = 'http://169.254.170.2'

type Obtain = (asker: Asker) => Promise<TemporaryCredentials>

/**
 * The role of the container we run in; undefined outside of one.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export function containerRole(plugin: string, host: Host): Obtain | undefined {
  const path = host.env('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')
  const url = path ? `${CONTAINER_ENDPOINT}${path}` : host.env('AWS_CONTAINER_CREDENTIALS_FULL_URI')
  if (!url) return undefined
  const issuer: Issuer = { plugin, title: "the container's credentials endpoint" }
  const token = host.env('AWS_CONTAINER_AUTHORIZATION_TOKEN')
  const headers = { accept: 'application/json', ...(token && { authorization: token }) }
  return async (asker) => readCredentials(issuer, parseJson(await askIssuer(issuer, asker, url, { headers })))
}

/**
 * The role of the EC2 instance we run on, by version 2 of its metadata service; only when the environment names the
 * service, because elsewhere nobody answers there.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export function instanceRole(plugin: string, host: Host): Obtain | undefined {
  const endpoint = host.env('AWS_EC2_METADATA_SERVICE_ENDPOINT')
  if (!endpoint) return undefined
  const base = `${trimSlash(endpoint)}/latest`
  const roles = `${base}/meta-data/iam/security-credentials/`
  const issuer: Issuer = { plugin, title: "the instance's metadata service" }
  return async (asker) => {
    const token = await askIssuer(issuer, asker, `${base}/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
    const headers = { 'x-aws-ec2-metadata-token': token }
    const role = (await askIssuer(issuer, asker, roles, { headers })).trim()
    return readCredentials(issuer, parseJson(await askIssuer(issuer, asker, `${roles}${role}`, { headers })))
  }
}
