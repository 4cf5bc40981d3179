import { dirname, resolve } from 'node:path'
import { isSafeUrl, type JsonObject } from '@tianjillm/core'
import type { ApiTransport } from '@tianjillm/mcp'

/**
 * How the API of an entry's OpenAPI document is reached, or why that cannot be told. A document that is a file lies beside
 * `configFile`; undefined: the entry is from no file, and may name none.
 */
export function apiTransportOf(
  { command, spec_path: path, url }: JsonObject,
  headers: ApiTransport['headers'],
  configFile: string | undefined,
): ApiTransport | string {
  if (command != null) return 'it is either a command or a spec_path'
  if (typeof path !== 'string' || path === '') return 'spec_path must be the path of a file, or an https URL'
  if (url != null && (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? '')))
    return 'url must be where the API is'
  // A document from elsewhere could name any address of this network.
  if (configFile === undefined && url == null) return 'url must say where the API is'
  const document = placeOf(path, configFile)
  if (document === undefined) return 'spec_path must be an https URL'
  return { type: 'openapi', document, url: url ?? undefined, headers, auth: undefined }
}

function placeOf(path: string, configFile: string | undefined): string | undefined {
  if (/^https?:/i.test(path)) return isSafeUrl(path) ? path : undefined
  return configFile === undefined ? undefined : resolve(dirname(configFile), path)
}
