import * as v from 'valibot'
import { misconfigured } from './house.ts'

/** A value checked by its schema. Throws GatewayError `misconfigured` that names the option, and the place in it. */
export function checkOption<Value>(option: string, schema: v.GenericSchema<unknown, Value>, value: unknown): Value {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const place = v.getDotPath(issue)
  throw misconfigured(option, place === null ? issue.message : `${place}: ${issue.message}`)
}
