import type { CallReport, GatewayError, GuardrailRun, JsonObject, OperationName, Usage } from '@tianjillm/core'
import type { Choice } from '@tianjillm/router'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import type { Guards } from './guard.ts'
import type { Patience } from './patience.ts'

/** What the server knows of a call before it begins. */
export interface Arrival {
  /** Route the client called. */
  readonly route: string
  readonly traceId: string
  readonly tags: readonly string[]
  /** Whether it is made in the course of another call: then its tags are for reports alone, not for routing. */
  readonly isInner?: boolean
  /** The client's `Cache-Control`. */
  readonly cacheControl?: string | undefined
  /** Undefined when the client sets nothing of it. */
  readonly patience?: Patience | undefined
}

const NONE: readonly never[] = []

/** The one thing about a call that changes while it runs; in the end it becomes the call's report. */
export class CallRecord {
  readonly arrival: Arrival
  readonly startTime: number
  readonly modelGroup: string
  deployment: Deployment | undefined
  model: string
  upstreamStartTime: number | undefined
  firstTokenTime: number | undefined
  usage: Usage | undefined
  /** US dollars, once the answer is whole and its price is known. */
  cost: number | undefined
  /** Whether somebody wants to know what the answer costs though its tokens have to be estimated. */
  estimates = false
  responseId: string | undefined
  attempts = 0
  /** Groups that failed before the one that answered. */
  fallbacks = 0
  /** Whether the answer was given before. */
  cacheHit = false
  /** Milliseconds that vendors were waited for. */
  vendorTime = 0
  #askedAt = 0
  #choice: Choice<Deployment> | undefined
  /** The request as the guardrails left it; undefined until it has come that far. */
  allowed: Asked | undefined
  /** The guardrails chosen for the call. */
  guards: Guards | undefined
  guardrails: GuardrailRun[] = []
  /** What the answer's headers tell of the call besides: names without their prefix, and values. */
  notes: readonly (readonly [name: string, value: string])[] = NONE

  constructor(arrival: Arrival, call: LiveCall) {
    this.arrival = arrival
    this.startTime = call.now()
    this.modelGroup = call.model
    this.model = call.model
  }

  /** Has a header of the answer tell this: `x-litellm-<name>`, and in our spelling. */
  tell(name: string, value: string): void {
    this.notes = [...this.notes, [name, value]]
  }

  /** A deployment is about to be asked. */
  choose(choice: Choice<Deployment>, now: number): void {
    this.#choice = choice
    this.attempts++
    this.fallbacks = choice.fallbacks
    this.deployment = choice.deployment
    this.model = choice.model
    this.upstreamStartTime = now
    this.#askedAt = performance.now()
  }

  /** The deployment has answered or failed. */
  settle(): void {
    this.vendorTime += performance.now() - this.#askedAt
  }

  /** The call is over; the router hears how it went. */
  end(error: GatewayError | undefined): void {
    this.#choice?.end(this.usage?.total_tokens ?? 0, error)
  }

  report(
    call: LiveCall,
    end: {
      readonly stream: boolean
      readonly input: JsonObject | undefined
      readonly output: JsonObject | undefined
      readonly cost: number | undefined
      readonly error: CallReport['error']
    },
  ): CallReport {
    return {
      id: call.id,
      traceId: this.arrival.traceId,
      operation: call.operation as OperationName,
      status: end.error ? 'failure' : 'success',
      stream: end.stream,
      responseId: this.responseId,
      provider: this.deployment?.providerName,
      model: this.model,
      modelGroup: this.modelGroup,
      deploymentId: this.deployment?.id,
      apiBase: this.deployment?.apiBase,
      startTime: this.startTime,
      endTime: call.now(),
      upstreamStartTime: this.upstreamStartTime,
      firstTokenTime: this.firstTokenTime,
      usage: this.usage,
      cost: end.cost,
      input: end.input,
      output: end.output,
      error: end.error,
      caller: call.caller,
      metadata: call.metadata,
      tags: this.arrival.tags,
      route: this.arrival.route,
      httpStatus: end.error?.status ?? 200,
      guardrails: this.guardrails,
      attemptedRetries: Math.max(0, this.attempts - 1 - this.fallbacks),
      attemptedFallbacks: this.fallbacks,
      fallbackGroup: this.fallbacks > 0 ? this.deployment?.group : undefined,
      cacheHit: this.cacheHit,
    }
  }
}
