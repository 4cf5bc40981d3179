import { GatewayError } from './errors.ts'
import type { JsonObject } from './json.ts'
import type { OperationName } from './provider.ts'

type Neutral = readonly unknown[]

const ANY: Neutral = []

/**
 * OpenAI's optional parameters of each operation, with the values that ask for nothing: those are never an error.
 * Not listed are the fields every vendor must have, such as `model` and `messages`.
 */
const openaiParameters: Partial<Record<OperationName, Readonly<Record<string, Neutral>>>> = {
  chat: {
    audio: ANY,
    frequency_penalty: [0],
    function_call: ['auto', 'none'],
    functions: ANY,
    logit_bias: ANY,
    logprobs: [false],
    max_completion_tokens: ANY,
    max_tokens: ANY,
    metadata: ANY,
    modalities: ANY,
    moderation: ANY,
    n: [1],
    parallel_tool_calls: [true],
    prediction: ANY,
    presence_penalty: [0],
    prompt_cache_key: ANY,
    prompt_cache_options: ANY,
    prompt_cache_retention: ANY,
    reasoning_effort: ANY,
    response_format: ANY,
    safety_identifier: ANY,
    seed: ANY,
    service_tier: ['auto', 'default'],
    stop: ANY,
    store: [false],
    stream: [false],
    stream_options: ANY,
    temperature: ANY,
    tool_choice: ['auto'],
    tools: ANY,
    top_logprobs: [0],
    top_p: [1],
    user: ANY,
    verbosity: ['medium'],
    web_search_options: ANY,
  },
  completion: {
    best_of: [1],
    echo: [false],
    frequency_penalty: [0],
    logit_bias: ANY,
    logprobs: ANY,
    max_tokens: ANY,
    n: [1],
    presence_penalty: [0],
    seed: ANY,
    stop: ANY,
    stream: [false],
    stream_options: ANY,
    suffix: ANY,
    temperature: ANY,
    top_p: [1],
    user: ANY,
  },
  embedding: { dimensions: ANY, encoding_format: ['float', 'base64'], user: ANY },
  image: {
    background: ['auto'],
    moderation: ['auto'],
    n: [1],
    output_compression: [100],
    output_format: ANY,
    partial_images: [0],
    quality: ['auto'],
    response_format: ANY,
    size: ['auto'],
    stream: [false],
    style: ANY,
    user: ANY,
  },
  imageEdit: {
    background: ['auto'],
    input_fidelity: ANY,
    mask: ANY,
    n: [1],
    output_compression: [100],
    output_format: ANY,
    partial_images: [0],
    quality: ['auto'],
    response_format: ANY,
    size: ['auto'],
    stream: [false],
    user: ANY,
  },
  imageVariation: { n: [1], response_format: ANY, size: ANY, user: ANY },
  speech: { instructions: ANY, response_format: ANY, speed: [1], stream_format: ['audio'], voice: ANY },
  transcription: {
    chunking_strategy: ['auto'],
    include: ANY,
    known_speaker_names: ANY,
    known_speaker_references: ANY,
    language: ANY,
    prompt: ANY,
    response_format: ANY,
    stream: [false],
    temperature: [0],
    timestamp_granularities: ANY,
  },
  translation: { prompt: ANY, response_format: ANY, temperature: [0] },
}

/** Hints that change no answer, so that a vendor without them lacks nothing. */
const hints = ['user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention']

/** What the engine itself takes care of, whatever the vendor. */
const settledByEngine: Partial<Record<OperationName, readonly string[]>> = {
  chat: ['stream_options', 'metadata', 'store'],
  completion: ['stream_options'],
  embedding: ['encoding_format'],
  transcription: ['response_format', 'timestamp_granularities'],
  translation: ['response_format'],
}

/** Which OpenAI parameters a vendor takes: those it supports, or all but those it lacks. */
export interface ParameterFacts {
  readonly supports?: readonly string[] | undefined
  readonly lacks?: readonly string[] | undefined
}

/** Names of OpenAI's optional parameters of an operation. */
export function parametersOf(operation: OperationName): readonly string[] {
  return Object.keys(openaiParameters[operation] ?? {})
}

/** OpenAI parameters that the request asks for and the vendor has no counterpart of. */
export function unsupportedParameters(
  operation: OperationName,
  facts: ParameterFacts,
  input: JsonObject,
): readonly string[] {
  const table = openaiParameters[operation]
  if (table === undefined || (facts.supports === undefined && facts.lacks === undefined)) return []
  const isTaken = (name: string) =>
    hints.includes(name) ||
    settledByEngine[operation]?.includes(name) ||
    ((facts.supports === undefined || facts.supports.includes(name)) && !facts.lacks?.includes(name))
  return Object.keys(table).filter((name) => {
    const value = input[name]
    return value !== undefined && value !== null && !table[name]!.includes(value) && !isTaken(name)
  })
}

/**
 * The one policy for what a vendor lacks: with `drop` the request without those parameters, else GatewayError
 * `unsupported_parameter` naming the first. A request that asks for nothing unsupported comes back as it is.
 */
export function settleParameters<Input extends JsonObject>(
  provider: string,
  operation: OperationName,
  facts: ParameterFacts,
  input: Input,
  drop: boolean,
): Input {
  const unsupported = unsupportedParameters(operation, facts, input)
  if (unsupported.length === 0) return input
  if (!drop) {
    const names = unsupported.join(', ')
    throw new GatewayError(
      'unsupported_parameter',
      `${provider}: ${operation} does not support ${names}. Leave it out, or set drop_params: true to have it dropped.`,
      { param: unsupported[0], provider },
    )
  }
  return Object.fromEntries(Object.entries(input).filter(([name]) => !unsupported.includes(name))) as Input
}
