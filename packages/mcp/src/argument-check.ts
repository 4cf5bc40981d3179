import { fromJsonSchema } from '@modelcontextprotocol/server'
import { didYouMean, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'

/** Throws GatewayError `invalid_request` that says which argument does not fit. */
export type ArgumentCheck = (given: JsonObject) => void

/**
 * A check of a tool's arguments against its input schema, which is compiled when it is first needed. One that is no JSON
 * Schema makes it throw GatewayError `misconfigured`.
 */
export function argumentCheck(schema: JsonObject): ArgumentCheck {
  const known = isJsonObject(schema.properties) ? Object.keys(schema.properties) : []
  const isClosed = schema.additionalProperties === false && schema.patternProperties === undefined
  let compiled: ReturnType<typeof compile> | undefined
  return (given) => {
    // The validator does not say which.
    const unknown = isClosed ? Object.keys(given).find((name) => !known.includes(name)) : undefined
    if (unknown !== undefined)
      throw mistake(`There is no argument "${unknown.slice(0, 100)}".${didYouMean(unknown, known)}`, unknown)
    compiled ??= compile(schema)
    const result = compiled['~standard'].validate(given)
    if (result instanceof Promise || result.issues === undefined) return
    const said = result.issues.map(({ message }) => message).join(', ')
    const [, param] = /^data\/([^/ ]+)/.exec(said) ?? /property '([^']+)'/.exec(said) ?? []
    throw mistake(
      `The arguments do not fit: ${said.replaceAll(/\bdata(?=[/ ])/g, 'arguments').slice(0, 1_000)}.`,
      param,
    )
  }
}

function compile(schema: JsonObject) {
  try {
    return fromJsonSchema(schema)
  } catch (cause) {
    throw new GatewayError('misconfigured', 'The input schema of this tool is no JSON Schema.', { cause })
  }
}

function mistake(message: string, param: string | undefined): GatewayError {
  return new GatewayError('invalid_request', message, { param: param?.slice(0, 100) })
}
