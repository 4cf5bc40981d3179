import type { Writable } from 'node:stream'
import { formatProblem } from '@tianjillm/config'
import { GatewayError } from '@tianjillm/core'
import { asGatewayError, createHost } from '@tianjillm/engine'
import type { Identity } from '../admission/identity.ts'
import type { AgentOffer } from '../agent/offer.ts'
import { agentErrorBody } from '../agent/wire.ts'
import { type ConfigSource, findConfig } from '../config-source.ts'
import type { Gateway } from '../gateway.ts'
import { listenToOthers } from '../generation.ts'
import type { Visitor } from '../inner-call.ts'
import { clientOf } from '../mcp/client-of.ts'
import { takeOutput } from '../own-output.ts'
import { explain } from '../run-until-stopped.ts'
import { buildWithoutServer } from '../without-server.ts'
import { reachServers } from './reach-servers.ts'
import { createSteps, printable, type Steps } from './steps.ts'

/** What the commands of the agent are told. */
export interface AgentArguments {
  readonly config?: string | undefined
  readonly key?: string | undefined
  readonly json?: boolean | undefined
  readonly 'log-level'?: string | undefined
}

/** The agent of a configuration, for whoever is at the terminal. */
export interface AgentAtHand {
  readonly visitor: Visitor
  readonly offer: AgentOffer
  readonly source: ConfigSource
  readonly steps: Steps
  /** Aborts when they want it to end. */
  readonly signal: AbortSignal
  /** To standard output. */
  print(text: string): Promise<void>
  /** A line to standard error. */
  say(line: string): void
}

const NO_SERVERS = 'There are no MCP servers, so there are no tools: see mcp_servers, or set MCP_SERVER_COMMAND.'

/** Exit code of a command that was interrupted, as shells have it. */
const INTERRUPTED = 130

/**
 * Does something with the agent of a configuration, in this process. Its MCP servers have been waited for. Ends the
 * process: exit code 1 when it failed, and everything that was started ends with it.
 */
export async function withAgent(args: AgentArguments, work: (at: AgentAtHand) => Promise<void>): Promise<never> {
  const output = takeOutput(process)
  const interruption = new AbortController()
  const interrupt = () => {
    // A second signal means now.
    if (interruption.signal.aborted) process.exit(INTERRUPTED)
    interruption.abort(new GatewayError('client_closed', 'Interrupted.'))
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt)
  const code = await exitCodeOf(args, { output, signal: interruption.signal, work })
  process.exit(interruption.signal.aborted ? INTERRUPTED : code)
}

interface Work {
  readonly output: Writable
  readonly signal: AbortSignal
  readonly work: (at: AgentAtHand) => Promise<void>
}

async function exitCodeOf(args: AgentArguments, { output, signal, work }: Work): Promise<number> {
  const say = (line: string) => console.error(printable(line))
  const print = (text: string) => new Promise<void>((resolve) => output.write(`${text}\n`, () => resolve()))
  try {
    const source = findConfig(args.config, createHost())
    const built = await buildWithoutServer(source, args['log-level'] ?? 'silent')
    const { gateway, mcp } = built.generation
    const steps = createSteps({ output: process.stderr, redact: gateway.engine.redact })
    try {
      for (const warning of built.warnings) say(formatProblem(warning))
      listenToOthers(built.generation)
      const { agent: offer } = gateway
      if (offer === undefined) throw new GatewayError('not_found', 'The agent is switched off: see agent.enabled.')
      const visitor = await visitorOf(gateway, args.key)
      const { catalog } = (await mcp?.open()) ?? {}
      const { filter } = clientOf(visitor.identity)
      const meanwhile = { signal, onWait: steps.wait, onEnd: steps.waited }
      const problems = catalog === undefined ? [] : await reachServers(catalog, filter, meanwhile)
      signal.throwIfAborted()
      for (const problem of mcp === undefined ? [NO_SERVERS] : problems) say(problem)
      await work({ visitor, offer, source, steps, signal, print, say })
      return 0
    } catch (error) {
      steps.end()
      const failure = gateway.redact(asGatewayError(error))
      if (!signal.aborted) say(failure.message)
      if (args.json) await print(JSON.stringify(agentErrorBody(failure, gateway.engine.host.uuid()), null, 2))
      return 1
    } finally {
      steps.end()
      await built.close()
    }
  } catch (error) {
    say(explain(error))
    return 1
  }
}

/** Of requests, for keys that may not call all. */
const ROUTE = '/api/query'

async function visitorOf(gateway: Gateway, key: string | undefined): Promise<Visitor> {
  const identity = await identify(gateway, key || process.env.TIANJI_API_KEY || undefined)
  return { gateway, identity, caller: identity.caller, route: ROUTE, traceId: gateway.engine.host.uuid() }
}

/** Whose the key is; default: whoever has the configuration. Rejects with GatewayError. */
async function identify({ access, engine }: Gateway, given: string | undefined): Promise<Identity> {
  if (given === undefined && access.operator !== undefined) return access.operator
  const key = given ?? engine.host.env('API_TOKEN')
  if (key === undefined) throw new GatewayError('invalid_api_key', 'No API key. Give one with --key or TIANJI_API_KEY.')
  return access.authenticate({ headers: { authorization: `Bearer ${key}` }, url: ROUTE })
}
