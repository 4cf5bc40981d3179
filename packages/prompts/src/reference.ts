import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import { promptName } from './prompt.ts'

/** Which version of a prompt is wanted: a number, what a label is on, or by default the newest. */
export interface Wanted {
  readonly version?: number
  readonly label?: string
}

/** What a request says of the prompt it wants. */
export interface Reference {
  readonly id: string
  readonly wanted: Wanted
  readonly variables: JsonObject
}

/** Versions are counted in 32 bits. */
const LARGEST_VERSION = 2 ** 31 - 1

/** The prompt that a request names. Throws GatewayError `invalid_request` naming the field. */
export function readReference(input: JsonObject): Reference {
  const { prompt_id, prompt_name, prompt_version: version, prompt_label: label, prompt_variables: variables } = input
  if (prompt_id != null && prompt_name != null && prompt_id !== prompt_name)
    throw refused('prompt_name', 'names another prompt than `prompt_id`')
  const field = prompt_id == null ? 'prompt_name' : 'prompt_id'
  if (version != null && label != null) throw refused('prompt_label', 'and `prompt_version` exclude each other')
  if (variables != null && !isJsonObject(variables)) throw refused('prompt_variables', 'must be an object')
  return {
    id: nameOf(field, prompt_id ?? prompt_name),
    wanted: {
      ...(version != null && { version: versionOf('prompt_version', version) }),
      ...(label != null && { label: nameOf('prompt_label', label) }),
    },
    variables: variables ?? {},
  }
}

/** A number of a version. Throws GatewayError `invalid_request`. */
export function versionOf(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LARGEST_VERSION) return value
  throw refused(field, 'must be a whole number from 1')
}

function nameOf(field: string, value: unknown): string {
  const result = v.safeParse(promptName, value)
  if (result.success) return result.output
  throw refused(field, result.issues[0].message)
}

function refused(field: string, problem: string): GatewayError {
  return new GatewayError('invalid_request', `\`${field}\` ${problem}.`, { param: field })
}
