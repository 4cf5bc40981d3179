import {
  type ChatRequest,
  compact,
  GatewayError,
  isJsonObject,
  type JsonObject,
  type ResponseFormat,
  stopList,
} from '@tianjillm/core'
import { isThirdGeneration } from './model.ts'

/** Google's own request fields that live in the generationConfig, by their names there. */
const ownFields: Readonly<Record<string, string>> = {
  top_k: 'topK',
  topK: 'topK',
  image_config: 'imageConfig',
  imageConfig: 'imageConfig',
}

/** Request fields that `generationConfigOf` uses although they are not OpenAI's. */
export const configFields: readonly string[] = [...Object.keys(ownFields), 'generationConfig']

/**
 * Sampling, form and reasoning. A `generationConfig` of the request itself is laid over it. Throws GatewayError
 * `invalid_request` for a reasoning effort or modality Gemini has no counterpart of.
 * https://ai.google.dev/api/generate-content#generationconfig
 */
export function generationConfigOf(input: ChatRequest): JsonObject | undefined {
  const own = Object.entries(ownFields).filter(([name]) => input[name] !== undefined && input[name] !== null)
  const config = compact({
    maxOutputTokens: input.max_completion_tokens ?? input.max_tokens ?? undefined,
    temperature: input.temperature ?? undefined,
    topP: input.top_p ?? undefined,
    stopSequences: stopList(input.stop),
    candidateCount: input.n ?? undefined,
    presencePenalty: input.presence_penalty ?? undefined,
    frequencyPenalty: input.frequency_penalty ?? undefined,
    seed: input.seed ?? undefined,
    responseLogprobs: input.logprobs ?? undefined,
    logprobs: input.top_logprobs ?? undefined,
    responseModalities: input.modalities?.map(modalityOf),
    thinkingConfig: thinkingConfigOf(input.reasoning_effort, input.model),
    ...formatOf(input.response_format),
    ...Object.fromEntries(own.map(([name, field]) => [field, input[name]])),
    ...(isJsonObject(input.generationConfig) && input.generationConfig),
  })
  return Object.keys(config).length > 0 ? config : undefined
}

function formatOf(format: ResponseFormat | null | undefined): JsonObject {
  if (!format || format.type === 'text') return {}
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  return { responseMimeType: 'application/json', responseJsonSchema: schema }
}

const modalities: Readonly<Record<string, string>> = { text: 'TEXT', image: 'IMAGE' }

function modalityOf(name: string): string {
  const modality = modalities[name]
  if (modality) return modality
  throw new GatewayError(
    'invalid_request',
    `Gemini cannot answer with ${name} here: modalities may be text and image.`,
    {
      param: 'modalities',
    },
  )
}

/**
 * Tokens that Gemini 2 may spend on thoughts, as Google's own OpenAI endpoint has it, and the level of Gemini 3, which
 * cannot stop thinking altogether. https://ai.google.dev/gemini-api/docs/openai#thinking
 */
const efforts: Readonly<Record<string, { readonly budget: number; readonly level: string }>> = {
  none: { budget: 0, level: 'minimal' },
  minimal: { budget: 1024, level: 'minimal' },
  low: { budget: 1024, level: 'low' },
  medium: { budget: 8192, level: 'medium' },
  high: { budget: 24_576, level: 'high' },
  xhigh: { budget: 24_576, level: 'high' },
}

/** https://ai.google.dev/gemini-api/docs/thinking */
function thinkingConfigOf(effort: string | null | undefined, model: string): JsonObject | undefined {
  if (effort === undefined || effort === null) return undefined
  const thinking = efforts[effort]
  if (thinking === undefined)
    throw new GatewayError('invalid_request', `reasoning_effort must be one of ${Object.keys(efforts).join(', ')}.`, {
      param: 'reasoning_effort',
    })
  const { budget, level } = thinking
  return {
    ...(isThirdGeneration(model) ? { thinkingLevel: levelFor(model, level) } : { thinkingBudget: budget }),
    ...(budget > 0 && { includeThoughts: true }),
  }
}

/** The Pro models have no level below `low`. */
function levelFor(model: string, level: string): string {
  return level === 'minimal' && /-pro\b/.test(model) ? 'low' : level
}
