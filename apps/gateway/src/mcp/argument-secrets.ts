import { isJsonObject, isSecretName, type JsonObject } from '@tianjillm/core'

const HIDDEN = '[redacted]'

/**
 * A tool's arguments as they may be told: without what the schema calls a password, what is named like a secret, and what
 * `redact` takes out of texts.
 */
export function withoutSecrets(given: JsonObject, schema: unknown, redact: (text: string) => string): JsonObject {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const inner = propertyOf(schema, name)
      return [name, isSecretName(name) || isPassword(inner) ? HIDDEN : told(value, inner, redact)]
    }),
  )
}

function told(value: unknown, schema: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) {
    const items = isJsonObject(schema) ? schema.items : undefined
    return value.map((item) => (isPassword(items) ? HIDDEN : told(item, items, redact)))
  }
  return isJsonObject(value) ? withoutSecrets(value, schema, redact) : value
}

function propertyOf(schema: unknown, name: string): unknown {
  const properties = isJsonObject(schema) ? schema.properties : undefined
  return isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
}

function isPassword(schema: unknown): boolean {
  return isJsonObject(schema) && (schema.format === 'password' || schema.writeOnly === true)
}
