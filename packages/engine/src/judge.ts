import {
  GatewayError,
  type GuardedText,
  type Guardrail,
  type Hook,
  isGatewayError,
  type JsonObject,
  type Verdict,
} from '@tianjillm/core'
import type { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import type { CallRecord } from './record.ts'

/** A guardrail as configured. */
export interface ConfiguredGuardrail {
  /** `guardrail_name`: what clients call it. */
  readonly name: string
  /** Name of the plugin. */
  readonly plugin: string
  readonly guardrail: Guardrail
  readonly hooks: readonly Hook[]
  /** Runs on every request, named or not. */
  readonly isDefault: boolean
  /** What happens when it cannot judge: `closed` fails the request, `open` lets it pass with a warning. */
  readonly failMode: 'closed' | 'open'
  /** Milliseconds it has. */
  readonly timeout: number
  /** Fields the client adds to the judge's request. */
  readonly extraBody?: JsonObject
}

/**
 * One guardrail's verdict on a text, put on record. When it cannot judge, its fail mode decides.
 * Throws GatewayError `guardrail_unavailable`.
 */
export async function judge(
  guardrail: ConfiguredGuardrail,
  hook: Hook,
  text: GuardedText,
  call: LiveCall,
  record: CallRecord,
): Promise<Verdict> {
  const startTime = call.now()
  const note = (status: 'success' | 'guardrail_intervened' | 'guardrail_failed_to_respond') =>
    record.guardrails.push({
      name: guardrail.name,
      plugin: guardrail.plugin,
      hook,
      status,
      startTime,
      endTime: call.now(),
    })
  try {
    const verdict = await withinTime(guardrail, text, call)
    if (verdict.action === 'rewrite' && verdict.texts.length !== text.texts.length)
      throw new GatewayError(
        'guardrail_unavailable',
        `${guardrail.name}: it rewrote ${text.texts.length} texts as ${verdict.texts.length}.`,
      )
    note(verdict.action === 'pass' ? 'success' : 'guardrail_intervened')
    return verdict
  } catch (error) {
    if (call.cancellation.isAborted) throw error
    note('guardrail_failed_to_respond')
    const failure = asUnavailable(guardrail, error)
    if (guardrail.failMode === 'closed') throw failure
    call.log.warn(`${failure.message} The request passes unjudged, for its fail mode is open.`)
    return { action: 'pass' }
  }
}

async function withinTime(
  { name, guardrail, timeout }: ConfiguredGuardrail,
  text: GuardedText,
  call: LiveCall,
): Promise<Verdict> {
  const deadline = new Cancellation()
  const forget = call.cancellation.onAbort((reason) => deadline.abort(reason))
  const timer = setTimeout(
    () => deadline.abort(new GatewayError('guardrail_unavailable', `${name}: no verdict within ${timeout / 1000} s.`)),
    timeout,
  )
  const tooLate = new Promise<never>((_resolve, reject) => deadline.onAbort(reject))
  try {
    return await Promise.race([guardrail.check(text, call.within(deadline)), tooLate])
  } finally {
    clearTimeout(timer)
    forget()
    tooLate.catch(() => {})
  }
}

function asUnavailable({ name }: ConfiguredGuardrail, error: unknown): GatewayError {
  if (isGatewayError(error)) return error
  return new GatewayError('guardrail_unavailable', `${name}: the guardrail failed.`, { cause: error })
}
