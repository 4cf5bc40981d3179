import { didYouMean, type JsonObject } from '@tianjillm/core'
import { toMap, toMaps, toText, withoutNulls } from './coerce.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/** Parameters with the named credential's values filled in, where they have none of their own. */
export type WithCredential = (params: JsonObject, path: Path) => JsonObject

/** Knows the credentials of a file (`credential_list`). */
export function readCredentials(file: JsonObject, source: Source): WithCredential {
  const credentials = new Map(
    toMaps(file.credential_list).map((entry) => [toText(entry.credential_name) ?? '', toMap(entry.credential_values)]),
  )
  return (params, path) => {
    const { litellm_credential_name, ...own } = withoutNulls(params)
    const name = toText(litellm_credential_name)
    if (name === undefined) return own
    const values = credentials.get(name)
    if (values) return { ...withoutNulls(values), ...own }
    const namePath = [...path, 'litellm_credential_name']
    source.error(
      namePath,
      `no such entry in credential_list: ${source.shown(namePath)}.${didYouMean(name, credentials.keys())}`,
    )
    return own
  }
}
