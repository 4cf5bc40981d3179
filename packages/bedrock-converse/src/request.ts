import {
  type ChatRequest,
  compact,
  GatewayError,
  isJsonObject,
  type JsonObject,
  stopList,
  vendorExtras,
} from '@tianjillm/core'
import { systemBlocks, turnsOf } from './messages.ts'
import { toolConfig } from './tools.ts'

/** OpenAI parameters that Converse has a counterpart for. */
export const converseParameters: readonly string[] = [
  'max_completion_tokens',
  'max_tokens',
  'reasoning_effort',
  'response_format',
  'service_tier',
  'stop',
  'stream',
  'temperature',
  'tool_choice',
  'tools',
  'top_p',
]

/** Converse's own fields, which a request may hold in Converse's spelling. */
const ownFields = [
  'additionalModelRequestFields',
  'additionalModelResponseFieldPaths',
  'guardrailConfig',
  'outputConfig',
  'performanceConfig',
  'promptVariables',
  'requestMetadata',
  'serviceTier',
]

/**
 * A chat request as the body of Converse and ConverseStream. Fields that neither OpenAI nor Converse knows go to the
 * model as `additionalModelRequestFields`. Throws GatewayError `invalid_request` or `unsupported_parameter`.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export function converseRequest(input: ChatRequest): JsonObject {
  const own = Object.fromEntries(ownFields.map((name) => [name, input[name]]))
  const system = systemBlocks(input.messages)
  const effort = reasoning(input)
  return compact({
    messages: turnsOf(input.messages),
    system: system.length > 0 ? system : undefined,
    inferenceConfig: filled(inferenceConfig(input)),
    toolConfig: toolConfig(input),
    ...own,
    additionalModelRequestFields: filled({
      ...effort.model,
      ...vendorExtras('chat', input, [...ownFields, 'messages']),
      ...objectOf(own.additionalModelRequestFields),
    }),
    outputConfig: filled({
      ...effort.output,
      textFormat: textFormat(input.response_format),
      ...objectOf(own.outputConfig),
    }),
    serviceTier: own.serviceTier ?? serviceTier(input),
  })
}

/** The object without its undefined members; undefined when nothing is left. */
function filled(object: JsonObject): JsonObject | undefined {
  const members = compact(object)
  return Object.keys(members).length > 0 ? members : undefined
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

function inferenceConfig(input: ChatRequest): JsonObject {
  return {
    maxTokens: input.max_completion_tokens ?? input.max_tokens ?? undefined,
    temperature: input.temperature ?? undefined,
    topP: input.top_p ?? undefined,
    stopSequences: stopList(input.stop),
  }
}

/** OpenAI's open models take an effort as OpenAI names it. Others know none below `low`; no reasoning is their default. */
function reasoning({ model, reasoning_effort: effort }: ChatRequest): {
  readonly model?: JsonObject
  readonly output?: JsonObject
} {
  if (!effort) return {}
  if (model.includes('openai.')) return { model: { reasoning_effort: effort } }
  return effort === 'none' ? {} : { output: { effort: effort === 'minimal' ? 'low' : effort } }
}

function textFormat(format: ChatRequest['response_format'] | null): JsonObject | undefined {
  if (!format || format.type === 'text') return undefined
  if (format.type !== 'json_schema')
    throw new GatewayError(
      'unsupported_parameter',
      `Converse has no response_format ${format.type}. Use json_schema, or ask for JSON in the prompt.`,
      { param: 'response_format' },
    )
  const { name, description, schema } = format.json_schema
  const jsonSchema = compact({ schema: JSON.stringify(schema ?? { type: 'object' }), name, description })
  return { type: 'json_schema', structure: { jsonSchema } }
}

function serviceTier({ service_tier }: ChatRequest): JsonObject | undefined {
  return service_tier && service_tier !== 'auto' ? { type: service_tier } : undefined
}
