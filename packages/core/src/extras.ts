import type { JsonObject } from './json.ts'
import { parametersOf } from './parameters.ts'
import type { OperationName } from './provider.ts'

/**
 * The request's fields that are not OpenAI's: a vendor's own parameters, which go to the vendor as they are.
 * `handled` names further fields the provider has used itself.
 */
export function vendorExtras(operation: OperationName, input: JsonObject, handled: readonly string[]): JsonObject {
  const known = new Set([...parametersOf(operation), ...handled, 'model'])
  return Object.fromEntries(Object.entries(input).filter(([name, value]) => !known.has(name) && value !== undefined))
}
