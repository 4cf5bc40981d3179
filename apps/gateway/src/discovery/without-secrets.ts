import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Redact } from '../redact.ts'
import { isSecretName } from '../secrets.ts'

/** A map that may be told to anybody: without what has the name of a secret, and what is null. */
export function withoutSecrets(map: JsonObject, redact: Redact): JsonObject {
  return Object.fromEntries(
    Object.entries(map).flatMap(([name, value]) => {
      // Counts of tokens and their prices are none.
      const isSecret = isSecretName(name) && typeof value !== 'number' && typeof value !== 'boolean'
      return isSecret || value === null || value === undefined ? [] : [[name, clean(value, redact)]]
    }),
  )
}

function clean(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item) => clean(item, redact))
  return isJsonObject(value) ? withoutSecrets(value, redact) : value
}
