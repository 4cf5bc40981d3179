import type { Decision } from '@tianjillm/auto-router'
import type { AskModel, JsonObject } from '@tianjillm/core'
import { askModel } from './ask-model.ts'
import type { LiveCall } from './call.ts'
import type { Engine } from './engine.ts'
import type { CallRecord } from './record.ts'

/**
 * What an auto-router decides for a request; undefined when the call's model, or what that is another name of, is none.
 * Rejects only when the call itself has ended.
 */
export function autoRoute(
  engine: Engine,
  input: JsonObject,
  call: LiveCall,
  record: CallRecord,
): Promise<Decision> | undefined {
  const { autoRouters, router } = engine
  if (autoRouters === undefined) return undefined
  const autoRouter = autoRouters.get(router.rules.aliases.get(call.model) ?? call.model)
  return autoRouter?.choose(input, {
    ask: guardedAsIn(input, askModel(engine, { call, record })),
    askApart: askModel(engine),
  })
}

/** Who is asked what to do with a prompt sees no more of it than who is asked to answer it. */
function guardedAsIn({ guardrails }: JsonObject, ask: AskModel): AskModel {
  if (guardrails === undefined) return ask
  return (operation, input, signal) => ask(operation, { ...input, guardrails }, signal)
}

/** Has the answer's headers tell of a decision. */
export function tellDecision({ model, tier, score }: Decision, record: CallRecord): void {
  record.tell('auto-router-model', model)
  if (tier !== undefined) record.tell('auto-router-tier', tier)
  if (score !== undefined) record.tell('auto-router-score', score.toFixed(3))
}
