import type { Host } from '@tianjillm/core'
import { attempt, createRouter, type Router, type Rules } from '@tianjillm/router'
import type { Deployment } from './deployment.ts'
import { driver } from './driver.ts'
import { chooseGuards, guardAnswer, guardBeside, guardRequest } from './guard.ts'
import type { ConfiguredGuardrail } from './judge.ts'
import { planned } from './plan.ts'
import { type Run, reported } from './report.ts'
import { type ConfiguredCallback, createReporter, type Reporter } from './reporter.ts'
import type { Transport } from './transport.ts'

/** What an engine is built from. */
export interface EngineParts {
  readonly host: Host
  readonly transport: Transport
  readonly deployments: readonly Deployment[]
  /** Search tools by name. */
  readonly searchTools?: readonly Deployment[]
  /** How the router decides. Default: as LiteLLM does. */
  readonly rules?: Rules
  /** An engine that this one takes the place of: what is known of how deployments do is kept. */
  readonly previous?: Engine | undefined
  readonly guardrails?: readonly ConfiguredGuardrail[]
  readonly callbacks?: readonly ConfiguredCallback[]
  /** Takes secrets out of error messages before callbacks hear them. Default: as they are. */
  readonly redact?: (text: string) => string
  /** Answers requests that bring their own `mock_response`; asked for when the first one comes. */
  readonly mock?: () => Promise<Deployment>
}

/** Everything one configuration means, built whole and never changed. */
export interface Engine {
  readonly host: Host
  readonly transport: Transport
  readonly router: Router<Deployment>
  readonly searchRouter: Router<Deployment>
  readonly deployments: readonly Deployment[]
  readonly guardrails: readonly ConfiguredGuardrail[]
  readonly callbacks: readonly ConfiguredCallback[]
  readonly reporter: Reporter
  redact(text: string): string
  readonly mock: (() => Promise<Deployment>) | undefined
}

/** An engine from its parts. */
export function createEngine(parts: EngineParts): Engine {
  const {
    host,
    transport,
    deployments,
    searchTools = [],
    guardrails = [],
    callbacks = [],
    rules,
    previous,
    mock,
    redact = (text) => text,
  } = parts
  return {
    host,
    transport,
    deployments,
    router: createRouter(deployments, rules, previous?.router.health),
    searchRouter: createRouter(searchTools, undefined, previous?.searchRouter.health),
    guardrails,
    callbacks,
    mock,
    redact,
    reporter: createReporter(callbacks, host.log, () => host.now()),
  }
}

/**
 * A request's way through the house, the same for every operation. What becomes known on the way is put into `record`.
 * Throws GatewayError; every call is reported once, when its answer has gone or failed.
 */
export const run: Run = reported(async (engine, call, asked, record) => {
  const plan = await planned(engine, asked, call, record)
  const guards = chooseGuards(engine.guardrails, plan, asked, call, record)
  const allowed = await guardRequest(guards, asked, call, record)
  const answer = await guardBeside(guards, allowed, call, record, (inner) =>
    attempt(plan, driver(allowed, inner, record, engine.transport, guards.readAnswers)),
  )
  return guardAnswer(guards, answer, allowed, call, record)
})
