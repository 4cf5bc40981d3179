import type { AutoRouter } from '@tianjillm/auto-router'
import type { AnswerCache } from '@tianjillm/cache'
import type { Host } from '@tianjillm/core'
import { attempt, type CooldownListener, createRouter, defaultRules, type Router, type Rules } from '@tianjillm/router'
import { cached } from './cached.ts'
import { type Deployment, worthAsking } from './deployment.ts'
import { driver } from './driver.ts'
import type { Estimate } from './estimate.ts'
import { chooseGuards, guardAnswer, guardBeside, guardRequest } from './guard.ts'
import type { ConfiguredGuardrail } from './judge.ts'
import { planned } from './plan.ts'
import { type Run, reported } from './report.ts'
import { type Bookkeeper, type ConfiguredCallback, createReporter, type Reporter } from './reporter.ts'
import type { Transport } from './transport.ts'

/** What an engine is built from. */
export interface EngineParts {
  readonly host: Host
  readonly transport: Transport
  readonly deployments: readonly Deployment[]
  /** Search tools by name. */
  readonly searchTools?: readonly Deployment[]
  /** Names that stand for whichever group suits a request; undefined when there are none. */
  readonly autoRouters?: ReadonlyMap<string, AutoRouter> | undefined
  /** How the router decides. Default: as LiteLLM does. */
  readonly rules?: Rules
  /** Hears of each deployment, search tools too, that has failed and is left alone now. */
  readonly onCooldown?: CooldownListener | undefined
  /** An engine that this one takes the place of: what is known of how deployments do is kept. */
  readonly previous?: Engine | undefined
  readonly guardrails?: readonly ConfiguredGuardrail[]
  readonly callbacks?: readonly ConfiguredCallback[]
  /** Default: nobody keeps account. */
  readonly bookkeeper?: Bookkeeper | undefined
  /** Default: every request is sent. */
  readonly cache?: AnswerCache | undefined
  /** Counts tokens that a vendor did not. Default: such calls cost nobody knows what. */
  readonly estimate?: Estimate | undefined
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
  readonly autoRouters: ReadonlyMap<string, AutoRouter> | undefined
  readonly guardrails: readonly ConfiguredGuardrail[]
  readonly callbacks: readonly ConfiguredCallback[]
  readonly cache: AnswerCache | undefined
  readonly reporter: Reporter
  readonly estimate: Estimate | undefined
  redact(text: string): string
  readonly mock: (() => Promise<Deployment>) | undefined
}

/** An engine from its parts. */
export function createEngine(parts: EngineParts): Engine {
  const {
    host,
    transport,
    deployments,
    autoRouters,
    searchTools = [],
    guardrails = [],
    callbacks = [],
    bookkeeper,
    cache,
    rules,
    onCooldown,
    previous,
    mock,
    estimate,
    redact = (text) => text,
  } = parts
  return {
    host,
    transport,
    deployments,
    autoRouters,
    router: createRouter(worthAsking(deployments), rules, previous?.router.health, onCooldown),
    searchRouter: createRouter(
      worthAsking(searchTools),
      rules && rulesOfSearches(rules),
      previous?.searchRouter.health,
      onCooldown,
    ),
    guardrails,
    callbacks,
    cache,
    mock,
    estimate,
    redact,
    reporter: createReporter(callbacks, host.log, () => host.now(), bookkeeper),
  }
}

/** Tools of one name share the load as deployments do; fallbacks, tags and other names are of models. */
function rulesOfSearches({ strategy, strategyArguments, numRetries, retryPolicy, retryAfter, cooldown }: Rules): Rules {
  return { ...defaultRules, strategy, strategyArguments, numRetries, retryPolicy, retryAfter, cooldown }
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
    cached(engine, guards, allowed, inner, record, (mustRead) =>
      attempt(plan, driver(allowed, inner, record, engine.transport, mustRead)),
    ),
  )
  return guardAnswer(guards, answer, allowed, call, record)
})
