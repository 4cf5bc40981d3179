import { type CallReport, type GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import type { Engine } from './engine.ts'
import { wantsEstimate, withEstimate } from './estimate.ts'
import { asGatewayError } from './gateway-error.ts'
import { withoutGatewayFields } from './gateway-fields.ts'
import { guardReport } from './guard.ts'
import type { CallRecord } from './record.ts'
import { saidIn } from './said.ts'
import { type Finish, watched } from './watch.ts'

/** What becomes of a call. Rejects with GatewayError. */
export type Run = (engine: Engine, call: LiveCall, asked: Asked, record: CallRecord) => Promise<Answer>

/** The same way, reported: when it begins, and once when its answer's last piece has gone or it failed. */
export function reported(way: Run): Run {
  return async (engine, call, asked, record) => {
    engine.reporter.started(call)
    try {
      const answer = await way(engine, call, asked, record)
      const finish = finisher(asked, call, record, engine, answer)
      record.estimates = wantsEstimate(engine, call.operation, record)
      return watched(answer, asked, call, record, engine.reporter.wantsContent, finish)
    } catch (cause) {
      const error = asGatewayError(cause)
      finisher(asked, call, record, engine)(error, () => undefined)
      throw error
    }
  }
}

function finisher(asked: Asked, call: LiveCall, record: CallRecord, engine: Engine, answer?: Answer): Finish {
  const { reporter } = engine
  let isDone = false
  const stream = answer?.type === 'stream' || answer?.type === 'relay'
  return (error, output, said) => {
    if (isDone) return
    isDone = true
    record.end(error)
    const request = (record.allowed ?? asked).input
    const input = reporter.wantsContent ? withoutUploads(withoutGatewayFields(request)) : undefined
    const answered = reporter.wantsContent ? output() : undefined
    if (typeof answered?.id === 'string') record.responseId ??= answered.id
    const cost = costOf(record, call, request, error !== undefined && answer === undefined)
    record.cost = cost
    const report = record.report(call, { stream, input, output: answered, cost, error: error && told(error, engine) })
    if (record.usage !== undefined || !record.estimates) return reporter.deliver(guardReport(report, call, record))
    const estimating = withEstimate(engine, report, record, request, said ?? (() => saidIn(output())))
    reporter.deliver(estimating.then((estimated) => guardReport(estimated, call, record)))
  }
}

/** What the call cost. Neither an old answer nor one that never began is paid for. */
function costOf(
  { deployment, model, usage, cacheHit }: CallRecord,
  { operation }: LiveCall,
  input: JsonObject,
  hasFailed: boolean,
): number | undefined {
  if (cacheHit || hasFailed) return 0
  return deployment?.costOf?.({ model, operation, input, usage })
}

/** What is told of an error in reports. */
export function told(error: GatewayError, { redact }: Engine): NonNullable<CallReport['error']> {
  return { kind: error.kind, status: error.status, message: redact(error.message), provider: error.facts.provider }
}

/** The request without the bytes of its files. */
function withoutUploads(input: JsonObject): JsonObject {
  const isFile = (value: unknown) => isJsonObject(value) && value.bytes instanceof Uint8Array
  const holdsFile = (value: unknown) => isFile(value) || (Array.isArray(value) && value.some(isFile))
  if (!Object.values(input).some(holdsFile)) return input
  return Object.fromEntries(Object.entries(input).filter(([, value]) => !holdsFile(value)))
}
