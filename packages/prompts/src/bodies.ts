import { GatewayError, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import {
  demandFree,
  labelNames,
  MOST_ENTRIES,
  object,
  type Prompt,
  promptName,
  readPrompt,
  readStrictly,
} from './prompt.ts'
import { versionOf } from './reference.ts'

/** What is changed about a version of a prompt. */
export interface PromptChange {
  /** Undefined: the newest. */
  readonly version: number | undefined
  /** In place of what there is; undefined to leave it. */
  readonly metadata: JsonObject | undefined
  /** Each with the version it goes on: undefined for this one, null to take it away. */
  readonly labels: ReadonlyMap<string, number | null | undefined> | undefined
}

const labelGoals = v.pipe(
  v.record(promptName, v.nullable(v.number()), 'must be a list or an object'),
  v.maxEntries(MOST_ENTRIES, `must have at most ${MOST_ENTRIES} entries`),
)
const change = v.strictObject({
  version: v.nullish(v.number('must be a whole number from 1')),
  metadata: v.nullish(object),
  labels: v.nullish(v.lazy((given) => (Array.isArray(given) ? labelNames : labelGoals))),
})

/**
 * A change out of a body `{version?, metadata?, labels?}`; labels are a list, or a map to the versions they go on. Throws
 * GatewayError `invalid_request` naming the field.
 */
export function readChange(body: unknown): PromptChange {
  const { version, metadata, labels } = readStrictly(change, body)
  if (metadata == null && labels == null)
    throw new GatewayError('invalid_request', 'Give `metadata` or `labels`; a new text is a new version, by PUT.', {
      param: 'metadata',
    })
  const goals = Array.isArray(labels)
    ? labels.map((label) => [label, undefined] as const)
    : Object.entries(labels ?? {}).map(
        ([label, goal]) => [label, goal === null ? null : versionOf(`labels.${label.slice(0, 80)}`, goal)] as const,
      )
  demandFree(goals.map(([label]) => label))
  return {
    version: version == null ? undefined : versionOf('version', version),
    metadata: metadata ?? undefined,
    labels: labels == null ? undefined : new Map(goals),
  }
}

const trial = v.strictObject({
  template: v.optional(v.unknown()),
  messages: v.optional(v.unknown()),
  variables: v.nullish(object),
})

/** A prompt to be tried with values, out of a body `{template | messages, variables?}`. Throws GatewayError `invalid_request`. */
export function readTrial(body: unknown): { readonly prompt: Prompt; readonly variables: JsonObject } {
  const { variables, ...prompt } = readStrictly(trial, body)
  return { prompt: readPrompt(prompt), variables: variables ?? {} }
}
