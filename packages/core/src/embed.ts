import type { AskModel } from './call.ts'
import { GatewayError } from './errors.ts'
import { isJsonObject } from './json.ts'

/** A text's meaning as a direction: of length 1. */
export type Vector = Float64Array

/** The vectors of texts, in their order. Rejects with GatewayError, also when the answer holds something else. */
export async function embed(
  texts: readonly string[],
  model: string,
  ask: AskModel,
  signal: AbortSignal,
): Promise<readonly Vector[]> {
  const { data } = await ask('embedding', { model, input: texts }, signal)
  const entries = Array.isArray(data) ? data.filter(isJsonObject) : []
  // Most say which is whose; those that do not keep the order.
  const vectors = new Map(entries.map(({ index, embedding }, place) => [index ?? place, embedding]))
  return texts.map((_text, index) => vectorOf(vectors.get(index), model))
}

/** How alike two meanings are, from -1 to 1. */
export function similarity(one: Vector, other: Vector): number {
  let sum = 0
  for (let index = 0; index < one.length; index++) sum += one[index]! * other[index]!
  return sum
}

function vectorOf(embedding: unknown, model: string): Vector {
  const numbers = Array.isArray(embedding) && embedding.every((value) => typeof value === 'number') ? embedding : []
  const length = Math.hypot(...numbers)
  if (!(length > 0))
    throw new GatewayError('upstream_invalid_response', `${model} did not answer with a vector for each text.`)
  return Float64Array.from(numbers, (value) => value / length)
}
