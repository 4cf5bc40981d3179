import type { AgentAnswer, AgentTransport, HearEvent } from '@tianjillm/agent'
import type { Visitor } from '../inner-call.ts'
import { ownerOf } from '../mcp/oauth/owner.ts'
import { hasGroup } from './has-group.ts'
import type { AgentOffer } from './offer.ts'
import { providersFor, type Wish } from './visitor-providers.ts'
import { toolsFor } from './visitor-tools.ts'

/** A query of a visitor. */
export interface VisitorQuery extends Wish {
  readonly content: string
  readonly sessionId?: string | undefined
  /** One that is not known is refused. */
  readonly transport?: string | undefined
  /** Of their request, for servers that are told of them. */
  readonly headers?: Headers | undefined
  readonly signal: AbortSignal
  readonly onEvent?: HearEvent | undefined
}

/** Answers a query of somebody who has been let in, with the models and tools that are theirs. Rejects with GatewayError. */
export async function askAgent(visitor: Visitor, offer: AgentOffer, query: VisitorQuery): Promise<AgentAnswer> {
  const { content, sessionId, model, transport, headers, signal, onEvent } = query
  const agent = await offer.open()
  const owner = ownerOf(visitor.identity)
  const provider = query.provider ?? (sessionId && (await preference()))
  const { providers, refusal } = providersFor(visitor, offer, { provider, model })
  return agent.query(content, {
    ...{ owner, sessionId, onEvent, providers },
    provider: providers[0]!.name,
    // The agent refuses those that there are not.
    transport: transport as AgentTransport | undefined,
    signal: AbortSignal.any([signal, refusal]),
    tools: toolsFor(visitor, { query: content, headers }),
  })

  /** Whom the session prefers, as long as they are there for its owner. */
  async function preference(): Promise<string | undefined> {
    const { providerPreference: name } = await agent.session(owner, sessionId!)
    const isThere = name !== undefined && hasGroup(offer.engine, name)
    return isThere && visitor.identity.mayUse(name) ? name : undefined
  }
}
