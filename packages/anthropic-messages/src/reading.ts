import { type ChunkHead, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Block } from './wire.ts'

/** Whose answer is read, and when. */
export interface Reading {
  /** Name of the plugin, for error messages. */
  readonly provider: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The error for an answer that makes no sense. */
export function misunderstood({ provider }: Reading, what: string): GatewayError {
  return new GatewayError('upstream_invalid_response', `${provider}: ${what}`, { provider })
}

/** What a message and its chunks share. */
export function headOf(message: JsonObject, { now }: Reading): ChunkHead {
  return { id: String(message.id ?? ''), created: Math.floor(now / 1000), model: String(message.model ?? '') }
}

/** The blocks of a list; nothing for what is not a list of blocks. */
export function blocksIn(value: unknown): readonly Block[] {
  return Array.isArray(value) ? value.filter((item): item is Block => isJsonObject(item)) : []
}

/** What OpenAI's shapes have no place for, under the name LiteLLM's users know. */
export function providerFields(message: JsonObject): JsonObject {
  return isJsonObject(message.provider_specific_fields) ? message.provider_specific_fields : {}
}

/** The object's members of these names that are neither undefined nor null. */
export function pick(source: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => (source[name] === undefined || source[name] === null ? [] : [[name, source[name]]])),
  )
}
