import type { CallReport, JsonObject, OperationName, Usage } from '@tianjillm/core'
import type { Engine } from './engine.ts'
import type { CallRecord } from './record.ts'
import type { Said } from './said.ts'

/** Tells how many tokens a request and its answer take, about. */
export type Estimate = (input: JsonObject, said: Said) => Promise<Usage>

/** Paid for by tokens that can be counted. */
const countable: ReadonlySet<OperationName> = new Set(['chat', 'completion', 'embedding'])

/** Whether somebody wants to know what an answer cost, if need be by an estimate. */
export function wantsEstimate(
  { estimate }: Engine,
  operation: OperationName,
  { deployment, cacheHit }: CallRecord,
): boolean {
  return estimate !== undefined && deployment?.costOf !== undefined && !cacheHit && countable.has(operation)
}

/**
 * The report with tokens that the vendor did not tell, and what they cost; as it was when they cannot be counted. In a
 * later turn, for the end of the answer is still to be sent.
 */
export async function withEstimate(
  { estimate, host }: Engine,
  report: CallReport,
  { deployment }: CallRecord,
  input: JsonObject,
  said: () => Said,
): Promise<CallReport> {
  try {
    await new Promise((resolve) => setTimeout(resolve, 0))
    const usage = await estimate!(input, said())
    const { model, operation } = report
    const cost = deployment?.costOf?.({ model, operation, input, usage })
    return { ...report, usage, usageIsEstimated: true, cost }
  } catch (error) {
    host.log.warn(`Tokens could not be estimated: ${error instanceof Error ? error.message : 'unknown error'}`)
    return report
  }
}
