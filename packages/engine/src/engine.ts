import type { Awaitable, Host } from '@tianjillm/core'
import type { Asked } from './asked.ts'
import { attempt } from './attempt.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import { chooseGuards, guardAnswer, guardBeside, guardRequest } from './guard.ts'
import type { ConfiguredGuardrail } from './judge.ts'
import { type Groups, groupDeployments, plan, planSearch } from './plan.ts'
import { type Run, reported } from './report.ts'
import { type ConfiguredCallback, createReporter, type Reporter } from './reporter.ts'
import { type Route, send } from './send.ts'
import type { Transport } from './transport.ts'

/** What an engine is built from. */
export interface EngineParts {
  readonly host: Host
  readonly transport: Transport
  readonly deployments: readonly Deployment[]
  /** Search tools by name. */
  readonly searchTools?: readonly Deployment[]
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
  readonly groups: Groups
  readonly searchTools: Groups
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
    mock,
    redact = (text) => text,
  } = parts
  return {
    host,
    transport,
    deployments,
    groups: groupDeployments(deployments),
    searchTools: groupDeployments(searchTools),
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
  const routes = await planned(engine, asked, call)
  const guards = chooseGuards(engine.guardrails, routes, asked, call, record)
  const allowed = await guardRequest(guards, asked, call, record)
  const answer = await guardBeside(guards, allowed, call, record, (inner) =>
    attempt(routes, inner, record, (route) => send(route, allowed, inner, engine.transport, guards.readAnswers)),
  )
  return guardAnswer(guards, answer, allowed, call, record)
})

/** The routes to the model or tool, or to the mock when the request brings its own answer. */
function planned({ searchTools, groups, mock }: Engine, { input }: Asked, call: LiveCall): Awaitable<readonly Route[]> {
  if (call.operation === 'search') return planSearch(searchTools, call.model)
  const routes = plan(groups, call.model)
  if (mock === undefined || input.mock_response === undefined) return routes
  return mock().then((deployment) => [{ deployment, model: routes[0]!.model }])
}
