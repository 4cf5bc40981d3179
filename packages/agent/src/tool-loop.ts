import type { Awaitable, ChatCompletion, ChatMessage, JsonObject, ToolCall, Usage } from '@tianjillm/core'
import { asTheyEnd } from './as-they-end.ts'
import { keepResults } from './keep-results.ts'
import { defaultLimits, type LoopLimits } from './limits.ts'
import { type ModelAnswer, type Piece, readAnswer } from './read-answer.ts'
import { type CallTool, type LoopTool, runCall, type ToolRun, type Workshop } from './run-call.ts'
import { demandWaiting } from './unless-aborted.ts'
import { addUsage } from './usage.ts'

/** One question to the model. */
export interface Turn {
  /** From 1 on. */
  readonly number: number
  /** Whether it is the last: then the model must be told to call no tools. */
  readonly isLast: boolean
  readonly signal: AbortSignal
}

/** What a model answered, and what that costs once it has been read, in US dollars. */
export interface Reply {
  readonly answer: ModelAnswer
  readonly cost?: (() => number | undefined) | undefined
}

/** Asks the model. What it rejects with ends the loop. */
export type Ask = (messages: readonly ChatMessage[], tools: readonly JsonObject[], turn: Turn) => Promise<Reply>

/** A loop to be run. */
export interface LoopSettings {
  /** What has been said so far. */
  readonly messages: readonly ChatMessage[]
  /** Tools that are run here. */
  readonly tools: readonly LoopTool[]
  /** Tools of whoever wants the answer, offered to the model after the others; their calls end the loop. */
  readonly theirTools?: readonly JsonObject[]
  readonly ask: Ask
  readonly callTool: CallTool
  readonly limits?: Partial<LoopLimits>
  /** Ends the loop at once; with its reason, when that is a GatewayError. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds of any clock. */
  now(): number
}

/** What happens in a loop. */
export type LoopEvent =
  /** The model is about to be asked. */
  | { readonly type: 'turn'; readonly turn: number }
  | Piece
  | { readonly type: 'tool_call'; readonly turn: number; readonly call: ToolCall; readonly tool: string | undefined }
  /** In the order they come. */
  | { readonly type: 'tool_result'; readonly run: ToolRun }

/** Why a loop ended: the model answered; it calls tools that others have to run; or a limit was reached. */
export type LoopEnd = 'answer' | 'their_calls' | 'turns' | 'time' | 'tokens' | 'cost'

/** What came of a loop. */
export interface LoopOutcome {
  readonly end: LoopEnd
  /** The last answer, with all that its model wrote. */
  readonly completion: ChatCompletion
  /** Its message, in which only those calls are left that others have to run. */
  readonly message: ChatMessage
  /** What was said before it and after the messages of the settings, as the model was told. */
  readonly said: readonly ChatMessage[]
  /** In the order of the calls. */
  readonly runs: readonly ToolRun[]
  readonly turns: number
  /** Of all turns, as far as they told. */
  readonly usage: Usage | undefined
  readonly cost: number | undefined
}

/** Runs a loop and tells what happens. Rejects as the model does, and with GatewayError `client_closed` when aborted. */
export async function runToolLoop(
  settings: LoopSettings & { readonly onEvent?: ((event: LoopEvent) => Awaitable<void>) | undefined },
): Promise<LoopOutcome> {
  const loop = toolLoop(settings)
  for (;;) {
    const { done, value } = await loop.next()
    if (done) return value
    await settings.onEvent?.(value)
  }
}

/**
 * A model that is asked, and asked again with what the tools gave that it calls, until it answers. Calls of one turn are run
 * side by side; what fails is told to the model. The same as `runToolLoop`, for whoever wants to go at their own pace.
 */
export async function* toolLoop(settings: LoopSettings): AsyncGenerator<LoopEvent, LoopOutcome> {
  const { messages, tools, theirTools = [], ask, callTool, signal = new AbortController().signal } = settings
  const limits = { ...defaultLimits, ...settings.limits }
  const now = () => settings.now()
  const begun = now()
  const known = new Map(tools.map((tool) => [tool.definition.function.name, tool]))
  const shop: Workshop = { tools: known, callTool, limits, signal, now, keep: keepResults(limits.keptLength) }
  const definitions = [...tools.map(({ definition }) => definition), ...theirTools]
  const isTheirs = theirCalls(theirTools)
  const said: ChatMessage[] = []
  const runs: ToolRun[] = []
  let usage: Usage | undefined
  let cost: number | undefined

  for (let turn = 1; ; turn++) {
    demandWaiting(signal)
    yield { type: 'turn', turn }
    const reply = await ask([...messages, ...said], definitions, { number: turn, isLast: turn >= limits.turns, signal })
    const { completion, message, calls } = yield* readAnswer(reply.answer, turn)
    usage = addUsage(usage, completion.usage)
    cost = sum(cost, reply.cost?.())
    const theirs = calls.filter(isTheirs)
    const ours = calls.filter((call) => !isTheirs(call))
    const used = { turns: turn, time: now() - begun, tokens: usage?.total_tokens ?? 0, cost: cost ?? 0 }
    const end = endOf(ours, theirs, used, limits)
    // What others get to run is worth nothing without what was called beside it.
    const made = end === undefined || end === 'their_calls' ? yield* runAll(shop, turn, ours) : []
    runs.push(...made)
    if (end !== undefined)
      return { end, completion, message: withCalls(message, theirs), said, runs, turns: turn, usage, cost }
    said.push(withCalls(message, made.map(readable)), ...made.map(toolMessage))
  }
}

/** Whether a call is one that others have to run. */
function theirCalls(theirTools: readonly JsonObject[]): (call: ToolCall) => boolean {
  const names = new Set(theirTools.map(nameOf))
  return (call) => call.function === undefined || names.has(call.function.name)
}

/** Undefined when the model is to be asked again. */
function endOf(
  ours: readonly ToolCall[],
  theirs: readonly ToolCall[],
  used: Pick<LoopLimits, 'turns' | 'time' | 'tokens' | 'cost'>,
  limits: LoopLimits,
): LoopEnd | undefined {
  if (theirs.length > 0) return 'their_calls'
  if (ours.length === 0) return 'answer'
  return (['turns', 'time', 'tokens', 'cost'] as const).find((name) => used[name] >= limits[name])
}

/** Runs the calls of a turn; gives what came of them in their own order. */
async function* runAll(
  shop: Workshop,
  turn: number,
  calls: readonly ToolCall[],
): AsyncGenerator<LoopEvent, readonly ToolRun[]> {
  for (const call of calls) yield { type: 'tool_call', turn, call, tool: shop.tools.get(call.function.name)?.name }
  const made = new Map<ToolCall, ToolRun>()
  const action = ([index, call]: readonly [number, ToolCall]) => runCall(shop, turn, call, index >= shop.limits.calls)
  for await (const run of asTheyEnd(shop.limits.parallel, [...calls.entries()], action)) {
    demandWaiting(shop.signal)
    made.set(run.call, run)
    yield { type: 'tool_result', run }
  }
  return calls.map((call) => made.get(call)!)
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return other === undefined ? one : (one ?? 0) + other
}

/** The function's name; tools of other types have one of their own, or none. */
function nameOf({ function: named, name, custom }: JsonObject): unknown {
  const { name: known = name } = (named ?? custom ?? {}) as JsonObject
  return known
}

/** Vendors refuse a conversation in which a call has arguments that are no JSON. */
function readable({ call, arguments: input }: ToolRun): ToolCall {
  return input === undefined || call.function.arguments.trim() === ''
    ? { ...call, function: { ...call.function, arguments: '{}' } }
    : call
}

function toolMessage({ call, text }: ToolRun): ChatMessage {
  return { role: 'tool', tool_call_id: call.id, content: text }
}

function withCalls({ tool_calls: _calls, ...message }: ChatMessage, calls: readonly ToolCall[]): ChatMessage {
  return calls.length === 0 ? message : { ...message, tool_calls: calls }
}
