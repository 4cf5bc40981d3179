import { type AgentProvider, agentError, type ModelAnswer } from '@tianjillm/agent'
import { type ChatRequest, didYouMean, GatewayError, type JsonObject } from '@tianjillm/core'
import { asGatewayError, CallRecord, Cancellation, type Engine, LiveCall, run } from '@tianjillm/engine'
import { namesPrompt, prompted } from '../http/prompted.ts'
import { readRequest } from '../http/requests.ts'
import type { Visitor } from '../inner-call.ts'
import { modelAnswer } from '../tool-loop/model-answer.ts'
import { hasGroup } from './has-group.ts'
import type { AgentOffer } from './offer.ts'

/** Whom a query wants to be answered by. */
export interface Wish {
  readonly provider?: string | undefined
  /** Another model of that provider. */
  readonly model?: string | undefined
}

/** Who may be asked for somebody. */
export interface VisitorProviders {
  /** Whom they want, and those that are asked in their place. */
  readonly providers: readonly AgentProvider[]
  /** Ends when a call is not let in: nobody else is asked then either. */
  readonly refusal: AbortSignal
}

/**
 * The providers of a query. Throws GatewayError with the code `PROVIDER_UNAVAILABLE` for one that is not there, and
 * `permission_denied` for one that the visitor may not use.
 */
export function providersFor(visitor: Visitor, offer: AgentOffer, { provider, model }: Wish): VisitorProviders {
  const { identity } = visitor
  const refused = new AbortController()
  const usual = offer.usual.filter((name) => identity.mayUse(name))
  const first = provider ?? usual[0]
  if (first === undefined) throw nobody(visitor, offer)
  if (!hasGroup(offer.engine, first)) throw unknown(first, namesFor(visitor, offer))
  identity.demandUse(first)
  const ask = askerFor(visitor, offer.engine, refused)
  const create = (name: string, group = name): AgentProvider => {
    // What it used is known of the last answer alone, and asked for before the next.
    let last: CallRecord | undefined
    const hear = (record: CallRecord) => {
      last = record
    }
    return {
      ...{ name, model: modelOf(offer.engine, group) },
      chat: (request, { signal }) => ask({ name, group, request, signal, hear }),
      cost: () => last?.cost,
    }
  }
  const others = usual.filter((name) => name !== first)
  const providers = [create(first, groupOf(visitor, offer, first, model)), ...others.map((name) => create(name))]
  return { providers, refusal: refused.signal }
}

/** The group that is asked: one that the operator has configured, and that the visitor may use. */
function groupOf(visitor: Visitor, { engine }: AgentOffer, provider: string, model: string | undefined): string {
  if (model === undefined || model === provider || model === modelOf(engine, provider)) return provider
  const group = [`${provider}/${model}`, model].find((name) => hasGroup(engine, name))
  if (group === undefined) {
    const message = `The provider ${provider} is not asked for other models than ${modelOf(engine, provider)}.`
    throw agentError('model_not_found', 'PROVIDER_UNAVAILABLE', message, { param: 'model' })
  }
  visitor.identity.demandUse(group)
  return group
}

/** The vendor's model of a group, or of the first of its deployments. */
function modelOf({ router }: Engine, group: string): string {
  return router.find(group)?.[0]?.model ?? group
}

interface Question {
  /** Of the provider, for messages. */
  readonly name: string
  readonly group: string
  readonly request: ChatRequest
  readonly signal: AbortSignal
  hear(record: CallRecord): void
}

/** The route that reports of a query have which has come by no other. */
const ROUTE = '/api/query'

/**
 * Asks groups for the visitor. Limits, budgets, guardrails, the router and callbacks are the same as if they had asked
 * themselves; their request itself has been let in, and so has the first question.
 */
function askerFor(
  visitor: Visitor,
  engine: Engine,
  refused: AbortController,
): (asked: Question) => Promise<ModelAnswer> {
  const { gateway, identity, traceId, route = ROUTE } = visitor
  const { books, admission } = gateway
  let questions = 0

  const admit = async (
    { group }: Question,
    caller: Visitor['caller'],
    entry: Parameters<typeof admission.ofCaller>[2],
  ) => {
    try {
      if (!books.isOpen) throw new GatewayError('shutting_down', 'The gateway is shutting down. Ask again.')
      // The place among those under way is that of the request.
      if (questions++ > 0) await admission.ofCaller(identity, [], { hold: () => {} })
      await admission.ofRequest(identity, { caller, model: group, models: [group], tags: identity.tags }, [], entry)
    } catch (error) {
      refused.abort(gateway.redact(asGatewayError(error)))
      throw error
    }
  }

  return async (asked) => {
    const { name, group, request, signal, hear } = asked
    const cancellation = new Cancellation()
    const entry = books.enterInner(cancellation)
    const unfollow = cancellation.follow(signal)
    const leave = () => {
      unfollow()
      entry.leave()
    }
    try {
      // What it uses is put down to this one object.
      const caller = { ...visitor.caller }
      await admit(asked, caller, entry)
      const id = engine.host.uuid()
      const facts = { id, caller, cancellation }
      const path = { operation: 'chat', path: route, model: group } as const
      const arrived = readRequest(path, { input: { ...request, model: group } })
      const whole = namesPrompt(gateway, path, arrived.input) ? await prompted(gateway, path, arrived, facts) : arrived
      const { metadata, tags } = identity
      const call = new LiveCall(engine.host, {
        ...facts,
        operation: 'chat',
        model: group,
        ...(metadata && { metadata }),
      })
      const record = new CallRecord({ route, traceId: traceId ?? id, tags }, call)
      hear(record)
      const isStreamed = request.stream === true
      const answer = modelAnswer(await run(engine, call, whole, record), isStreamed, name)
      if (Symbol.asyncIterator in answer) return passed(answer, leave, gateway.redact)
      leave()
      return answer
    } catch (cause) {
      leave()
      throw gateway.redact(asGatewayError(cause))
    }
  }
}

/** The chunks, after which the call is over. */
async function* passed(
  chunks: AsyncIterable<JsonObject>,
  leave: () => void,
  redact: (error: GatewayError) => GatewayError,
): AsyncGenerator<JsonObject> {
  try {
    yield* chunks
  } catch (cause) {
    throw redact(asGatewayError(cause))
  } finally {
    leave()
  }
}

function nobody({ identity }: Visitor, { usual }: AgentOffer): GatewayError {
  const isConfined = usual.some((name) => !identity.mayUse(name))
  const message = isConfined
    ? `This key may not use ${usual.join(', ')}. Name a provider that it may.`
    : 'There is no model provider to ask. Name one, set OPENAI_API_KEY, or MAAS_API_KEY and MAAS_MODEL_NAME, or configure a model_list.'
  return agentError('misconfigured', 'PROVIDER_UNAVAILABLE', message, { status: 503, param: 'provider' })
}

/** Names that are told of. */
const MOST_NAMES = 20

function namesFor({ identity }: Visitor, { usual, engine }: AgentOffer): readonly string[] {
  const groups = engine.deployments.flatMap(({ group, provider }) => (provider.chat ? [group] : []))
  return [...new Set([...usual, ...groups])].filter(identity.mayUse).slice(0, MOST_NAMES)
}

function unknown(name: string, names: readonly string[]): GatewayError {
  const hint = didYouMean(name, names)
  const known = names.length === 0 ? '' : ` There are: ${names.join(', ')}.`
  const message = `There is no provider "${name.slice(0, 100)}".${hint}${known}`
  return agentError('invalid_request', 'PROVIDER_UNAVAILABLE', message, { param: 'provider' })
}
