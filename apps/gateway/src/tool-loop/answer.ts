import { type Ask, type LoopSettings, runToolLoop, toolLoop } from '@tianjillm/agent'
import type { ChatMessage, JsonObject } from '@tianjillm/core'
import { type Answer, type CallRecord, run } from '@tianjillm/engine'
import { callAgain, type Visitor } from '../inner-call.ts'
import { originOf } from '../mcp/oauth/origin.ts'
import { completionOf } from './completion.ts'
import { withHistory } from './history.ts'
import { modelAnswer } from './model-answer.ts'
import { requestOf } from './request.ts'
import { begun, chunksOf } from './stream.ts'
import { demandOneAnswer, toolkitOf } from './toolkit.ts'
import type { FirstCall } from './wants-tools.ts'

/** Milliseconds after which a model is not asked again. */
const MOST_TIME = 600_000

/**
 * The answer to a chat with tools that the gateway runs. Resolves when it begins: a stream with the first piece of the first
 * turn. Rejects with GatewayError.
 */
export async function answerWithTools(first: FirstCall): Promise<Answer> {
  const { gateway, identity, call, asked, record, incoming } = first
  const { input } = asked
  demandOneAnswer(input)
  const { route, traceId } = record.arrival
  const origin = originOf(incoming, gateway.engine.host.env)
  const visitor: Visitor = {
    gateway,
    identity,
    caller: call.caller,
    route,
    traceId,
    guardrails: input.guardrails,
    origin,
    isOutside: gateway.mcp?.offer.isOutside(incoming),
  }
  const kit = await toolkitOf(input, visitor, { headers: incoming.headers, signal: call.signal })
  for (const note of kit.notes) record.tell(...note)
  const records: CallRecord[] = []
  const settings: LoopSettings = {
    // They were checked when they came in.
    messages: withHistory(input.messages as readonly ChatMessage[]),
    tools: kit.tools,
    theirTools: kit.theirTools,
    ask: askerFor(visitor, first, kit.request, records),
    callTool: kit.callTool,
    limits: { turns: kit.turns, time: MOST_TIME },
    signal: call.signal,
    now: () => performance.now(),
  }
  const sumUp = ({ cost, usage }: Pick<CallRecord, 'cost' | 'usage'>) => {
    record.cost = cost
    record.usage = usage
    for (const { vendorTime } of records) record.vendorTime += vendorTime
  }
  if (input.stream === true)
    return { type: 'stream', chunks: await begun(chunksOf(toolLoop(settings), kit, input, sumUp)) }
  const outcome = await runToolLoop(settings)
  sumUp(outcome)
  return { type: 'json', value: completionOf(outcome, kit) }
}

/** Asks the model turn by turn; `records` gets those of all turns but the first. */
function askerFor(
  visitor: Visitor,
  { call, record: first }: FirstCall,
  request: JsonObject,
  records: CallRecord[],
): Ask {
  const { engine } = visitor.gateway
  return async (messages, tools, { number, isLast }) => {
    const input = requestOf(request, { messages, tools, number, isLast })
    const { answer, record } =
      number === 1
        ? { answer: await run(engine, call, { input }, first), record: first }
        : await callAgain(visitor, { call, record: first }, input)
    if (record !== first) records.push(record)
    const provider = record.deployment?.providerName ?? 'upstream'
    return { answer: modelAnswer(answer, input.stream === true, provider), cost: () => record.cost }
  }
}
