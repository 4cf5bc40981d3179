import { type AgentTransport, agentErrorCode } from '@tianjillm/agent'
import { GatewayError, isGatewayError } from '@tianjillm/core'
import { askAgent } from '../agent/ask.ts'
import { answerBody } from '../agent/wire.ts'
import { printable } from './steps.ts'
import { type AgentArguments, type AgentAtHand, withAgent } from './with-agent.ts'

/** What is asked. */
export interface AskArguments extends AgentArguments {
  readonly content: string
  readonly session?: string | undefined
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly transport?: AgentTransport | undefined
}

/** Prints the answer, and what is done for it on standard error meanwhile. */
export function ask({ content, session, provider, model, transport, ...args }: AskArguments): Promise<never> {
  return withAgent(args, async (at) => {
    const { visitor, offer, steps, signal, print, say } = at
    demandModel(at, provider)
    const query = { content, sessionId: session, provider, model, transport, signal }
    const answer = await askAgent(visitor, offer, { ...query, onEvent: steps.hear }).catch((error: unknown) => {
      throw withRemedy(error, at)
    })
    steps.end()
    await print(args.json ? JSON.stringify(answerBody(answer), null, 2) : printable(answer.content))
    if (visitor.gateway.tenancy !== undefined) say(`To go on: --session ${answer.sessionId}`)
  })
}

/** A made-up answer to a real question would be a riddle. */
function demandModel({ source, offer }: AgentAtHand, provider: string | undefined): void {
  if (provider !== undefined || !source.isImprovised) return
  const [usual] = offer.usual.flatMap((name) => offer.engine.router.find(name) ?? [])
  if (usual !== undefined && usual.deployment.providerName !== 'mock') return
  throw new GatewayError(
    'misconfigured',
    'There is no model to ask. Set OPENAI_API_KEY, or MAAS_API_KEY, MAAS_API_URL and MAAS_MODEL_NAME, or give a configuration with --config.',
  )
}

/** Sessions of a process end with it. */
function withRemedy(error: unknown, { visitor }: AgentAtHand): unknown {
  if (!isGatewayError(error) || visitor.gateway.tenancy !== undefined) return error
  if (agentErrorCode(error) !== 'SESSION_NOT_FOUND') return error
  const message = `${error.message} Sessions outlive a command in a database alone: set general_settings.master_key.`
  return new GatewayError(error.kind, message, { ...error.facts, cause: error })
}
