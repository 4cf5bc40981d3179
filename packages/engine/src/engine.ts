import type { Host } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import { attempt } from './attempt.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import { chooseGuards, guardAnswer, guardBeside, guardReports, guardRequest } from './guard.ts'
import type { ConfiguredGuardrail } from './judge.ts'
import { type Groups, groupDeployments, plan } from './plan.ts'
import type { CallRecord } from './record.ts'
import { asGatewayError, reportFailure, watched } from './report.ts'
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
  readonly mock: (() => Promise<Deployment>) | undefined
}

/** An engine from its parts. */
export function createEngine(parts: EngineParts): Engine {
  const { host, transport, deployments, searchTools = [], guardrails = [], callbacks = [], mock } = parts
  return {
    host,
    transport,
    deployments,
    groups: groupDeployments(deployments),
    searchTools: groupDeployments(searchTools),
    guardrails,
    callbacks,
    mock,
    reporter: createReporter(callbacks, host.log, () => host.now()),
  }
}

/**
 * A request's way through the house, the same for every operation. What becomes known on the way is put into `record`.
 * Throws GatewayError; every call is reported once, when its answer has gone or failed.
 */
export async function run(engine: Engine, call: LiveCall, asked: Asked, record: CallRecord): Promise<Answer> {
  engine.reporter.started(call)
  let { reporter } = engine
  let allowed = asked
  try {
    const guards = chooseGuards(engine.guardrails, asked)
    reporter = guardReports(guards, call, record, reporter)
    allowed = await guardRequest(guards, asked, call, record)
    const routes = await mocked(
      engine,
      allowed,
      plan(call.operation === 'search' ? engine.searchTools : engine.groups, call.model),
    )
    const answer = await guardBeside(guards, allowed, call, record, (inner) =>
      attempt(routes, inner, record, (route) => send(route, allowed, inner, engine.transport, guards.readAnswers)),
    )
    const settled = await guardAnswer(guards, answer, allowed, call, record)
    return watched(settled, allowed, call, record, reporter)
  } catch (cause) {
    const error = asGatewayError(cause)
    reportFailure(error, allowed, call, record, reporter)
    throw error
  }
}

/** The routes, or the mock in place of the first when the request brings its own answer. */
async function mocked({ mock }: Engine, { input }: Asked, routes: readonly Route[]): Promise<readonly Route[]> {
  if (mock === undefined || input.mock_response === undefined) return routes
  return [{ deployment: await mock(), model: routes[0]!.model }]
}
