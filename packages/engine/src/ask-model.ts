import type { AskModel } from '@tianjillm/core'
import { objectIn } from './answer.ts'
import { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import { type Engine, run } from './engine.ts'
import { CallRecord } from './record.ts'

/** The call in whose course a model is asked. */
export interface Occasion {
  readonly call: LiveCall
  readonly record: CallRecord
}

/** Asks the engine's models in the course of a call, for the same caller and in the same trace, or for no call at all. */
export function askModel(engine: Engine, occasion?: Occasion): AskModel {
  return async (operation, input, signal) => {
    const cancellation = new Cancellation()
    const forget = occasion?.call.cancellation.onAbort((reason) => cancellation.abort(reason))
    const leave = cancellation.follow(signal)
    const id = engine.host.uuid()
    const { caller, metadata } = occasion?.call ?? {}
    const facts = {
      id,
      operation,
      model: input.model,
      cancellation,
      ...(caller && { caller }),
      ...(metadata && { metadata }),
    }
    const call = new LiveCall(engine.host, facts)
    const { route = 'internal', traceId = id, tags = [] } = occasion?.record.arrival ?? {}
    try {
      const record = new CallRecord({ route, traceId, tags, isInner: true }, call)
      return objectIn(await run(engine, call, { input }, record))
    } finally {
      forget?.()
      leave()
    }
  }
}
