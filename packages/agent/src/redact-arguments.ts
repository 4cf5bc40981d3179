import { isJsonObject, isSecretName, type JsonObject } from '@tianjillm/core'

/** UTF-16 units of an argument that are told. */
const LONGEST = 500

/** A tool's arguments as a log may have them: without what is named like a secret, and no longer than needed. */
export function withoutSecrets(input: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name, isSecretName(name) ? '[redacted]' : told(value)]),
  )
}

function told(value: unknown): unknown {
  if (typeof value === 'string' && value.length > LONGEST) return `${value.slice(0, LONGEST).toWellFormed()}…`
  if (Array.isArray(value)) return value.map(told)
  return isJsonObject(value) ? withoutSecrets(value) : value
}
