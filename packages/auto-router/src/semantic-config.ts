import { type JsonObject, parseJson } from '@tianjillm/core'
import * as v from 'valibot'
import { checkOption } from './check-options.ts'
import { misconfigured } from './house.ts'

/** A model group, and what people say who want it. */
export interface Route {
  /** Of the model group. */
  readonly name: string
  readonly utterances: readonly string[]
  /** Mean similarity from which on it is chosen, from -1 to 1. */
  readonly threshold: number
}

/** The options of a router by meaning, read. */
export interface SemanticConfig {
  readonly routes: readonly Route[]
  readonly defaultModel: string
  readonly embeddingModel: string
  /** Characters of a prompt that are embedded. */
  readonly maxInputChars: number
}

/** semantic-router's threshold, and what most embedding models take of a text, in characters. */
const THRESHOLD = 0.5
const MAX_INPUT_CHARS = 8_000

const text = v.pipe(v.string('expected a string'), v.nonEmpty('expected a string that is not empty'))
const similarity = v.pipe(
  v.number('expected a number'),
  v.minValue(-1, 'expected -1 to 1'),
  v.maxValue(1, 'expected -1 to 1'),
)

/** The format that semantic-router saves; what it says of encoders and functions has no effect. */
const routesSchema = v.looseObject(
  {
    routes: v.pipe(
      v.array(
        v.looseObject({
          name: text,
          utterances: v.pipe(v.array(text, 'expected a list'), v.nonEmpty('expected at least one utterance')),
          score_threshold: v.nullish(similarity),
        }),
        'expected a list',
      ),
      v.nonEmpty('expected at least one route'),
    ),
  },
  'expected a map with routes',
)

const CONFIG = 'auto_router_config'

/** Reads the options. `auto_router_config` is JSON text, or the same as a map. Throws GatewayError `misconfigured`. */
export function readSemanticConfig(params: JsonObject): SemanticConfig {
  if (params[CONFIG] === undefined) throw misconfigured(CONFIG, 'is missing. Give it or auto_router_config_path.')
  // A file's text comes under its own name, so that what is wrong in it is told there.
  const option = params.auto_router_config_path === undefined ? CONFIG : 'auto_router_config_path'
  const { routes } = checkOption(option, routesSchema, jsonIn(option, params[CONFIG]))
  return {
    routes: routes.map(({ name, utterances, score_threshold }) => ({
      name,
      utterances,
      threshold: score_threshold ?? THRESHOLD,
    })),
    defaultModel: nameIn(params, 'auto_router_default_model'),
    embeddingModel: nameIn(params, 'auto_router_embedding_model'),
    maxInputChars: checkOption(
      'auto_router_max_input_chars',
      v.optional(v.pipe(v.number('expected a number'), v.minValue(1, 'expected 1 or more')), MAX_INPUT_CHARS),
      params.auto_router_max_input_chars,
    ),
  }
}

function jsonIn(option: string, written: unknown): unknown {
  if (typeof written !== 'string') return written
  const value = parseJson(written)
  if (value === undefined) throw misconfigured(option, 'is not JSON')
  return value
}

function nameIn(params: JsonObject, option: string): string {
  if (params[option] === undefined) throw misconfigured(option, 'is missing')
  return checkOption(option, text, params[option])
}
