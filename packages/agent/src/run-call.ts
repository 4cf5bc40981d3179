import {
  didYouMean,
  type FunctionTool,
  GatewayError,
  inTime,
  isGatewayError,
  isJsonObject,
  type JsonObject,
  parseJson,
  type ToolCall,
} from '@tianjillm/core'
import { agentError } from './error-codes.ts'
import type { Keep } from './keep-results.ts'
import type { LoopLimits } from './limits.ts'
import { resultText } from './result-text.ts'
import { unlessAborted } from './unless-aborted.ts'

/** A tool that is run here. */
export interface LoopTool {
  /** What the model is told of it. */
  readonly definition: FunctionTool
  /** What it is called where it is run. */
  readonly name: string
  /** Throws GatewayError for arguments that do not fit; the model is told, and the tool is not run. */
  readonly demandFit?: ((input: JsonObject) => void) | undefined
}

/** Runs a tool. Gives a result of `tools/call`; what it rejects with is told to the model. */
export type CallTool = (
  name: string,
  input: JsonObject,
  options: { readonly signal: AbortSignal },
) => Promise<JsonObject>

/** A call of a tool that was made. */
export interface ToolRun {
  readonly turn: number
  /** As the model made it. */
  readonly call: ToolCall
  /** Name of the tool where it is run; undefined when there is none. */
  readonly tool: string | undefined
  /** Undefined when they could not be read. */
  readonly arguments: JsonObject | undefined
  /** The result of `tools/call`, whole as long as there is room for it. */
  readonly result: JsonObject
  /** What the model reads of it. */
  readonly text: string
  /** Why there is no result of the tool's own. */
  readonly error: GatewayError | undefined
  /** Milliseconds. */
  readonly duration: number
}

/** What calls are run with. */
export interface Workshop {
  /** By the names that the model knows. */
  readonly tools: ReadonlyMap<string, LoopTool>
  readonly callTool: CallTool
  readonly limits: LoopLimits
  readonly signal: AbortSignal
  readonly keep: Keep
  now(): number
}

/**
 * Runs one call of a model. Whatever goes wrong with it is its result, for the model can do something else; when the signal
 * aborts it is over at once, whether the tool heeds that or not. Never rejects.
 */
export async function runCall(shop: Workshop, turn: number, call: ToolCall, isTooMany: boolean): Promise<ToolRun> {
  const begun = shop.now()
  const { name, arguments: text } = call.function
  const tool = shop.tools.get(name)
  const input = argumentsIn(text)
  const error = isTooMany ? tooMany(shop.limits.calls) : refusalOf(shop, call, input)
  const outcome = error === undefined ? await tried(shop, tool!.name, input!) : { error, result: failed(error.message) }
  const read = resultText(name, outcome.result, shop.limits.resultLength)
  return {
    ...{ turn, call, tool: tool?.name, arguments: input, text: read, error: outcome.error },
    result: shop.keep(outcome.result, read),
    duration: shop.now() - begun,
  }
}

/** The arguments of a call; undefined when they are no object. No text at all is what many models write for none. */
export function argumentsIn(text: string): JsonObject | undefined {
  const value = text.trim() === '' ? {} : parseJson(text)
  return isJsonObject(value) ? value : undefined
}

function tooMany(most: number): GatewayError {
  return new GatewayError('overloaded', `Only ${most} calls are run at a time.`)
}

function refusalOf(
  { tools }: Workshop,
  { function: { name, arguments: text } }: ToolCall,
  input: JsonObject | undefined,
): GatewayError | undefined {
  const tool = tools.get(name)
  if (tool === undefined) {
    const message = `There is no tool "${name.slice(0, 100)}".${didYouMean(name, tools.keys())}`
    return agentError('not_found', 'TOOL_NOT_FOUND', message)
  }
  if (input === undefined) {
    const message = `The arguments must be a JSON object. These are not: ${text.slice(0, 200)}`
    return agentError('invalid_request', 'INVALID_ARGUMENTS', message)
  }
  try {
    tool.demandFit?.(input)
    return undefined
  } catch (cause) {
    const message = isGatewayError(cause) ? cause.message : 'The arguments could not be checked.'
    return agentError('invalid_request', 'INVALID_ARGUMENTS', message, { cause })
  }
}

interface Tried {
  readonly result: JsonObject
  readonly error: GatewayError | undefined
}

async function tried({ callTool, limits, signal }: Workshop, tool: string, input: JsonObject): Promise<Tried> {
  try {
    const run = (late: AbortSignal) => callTool(tool, input, { signal: AbortSignal.any([signal, late]) })
    const result = await unlessAborted(signal, () => inTime(limits.callTime, run))
    if (isJsonObject(result)) return { result, error: undefined }
    throw new GatewayError('upstream_invalid_response', 'it gave no result.')
  } catch (cause) {
    // What is no error of ours may say what nobody should read.
    const known = isGatewayError(cause) ? cause : undefined
    const error = known ?? new GatewayError('upstream_error', 'it made a mistake.', { cause })
    return { error, result: failed(`The tool failed: ${error.message}`) }
  }
}

function failed(text: string): JsonObject {
  return { content: [{ type: 'text', text }], isError: true }
}
