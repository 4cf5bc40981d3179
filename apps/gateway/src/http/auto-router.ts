import { didYouMean, GatewayError, parseJson } from '@tianjillm/core'
import { autoRoute, CallRecord, Cancellation, LiveCall } from '@tianjillm/engine'
import * as v from 'valibot'
import type { Gateway } from '../gateway.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { readBody } from './body.ts'

const text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'))

const question = v.union(
  [
    v.looseObject({ model: text, messages: v.array(v.looseObject({ role: text })) }),
    v.looseObject({ model: text, prompt: text }),
  ],
  'The request needs a `model`, and `messages` or a `prompt`.',
)

/** `POST /auto_router/explain`: where an auto-router would send a request, and why. No model answers the request itself. */
export function autoRouterRoutes(app: GatewayApp, gateway: () => Gateway): void {
  app.all('/auto_router/explain', (context) => {
    const { method } = context.req
    return method === 'POST' ? explain(gateway(), context) : refuseMethod(method, 'POST')
  })
}

async function explain({ access, admission, engine, bodyLimit }: Gateway, context: GatewayContext): Promise<Response> {
  const { incoming, outgoing } = context.env
  const identity = await access.authenticate(incoming)
  // It is over at once, so it is not among those under way.
  await admission.ofCaller(identity, [], { hold: () => {} })
  const bytes = await readBody(incoming, bodyLimit(incoming.headers['content-type']))
  const result = v.safeParse(question, parseJson(bytes.toString()))
  if (!result.success) throw new GatewayError('invalid_request', result.issues[0].message)
  const { model } = result.output
  identity.demandUse(model)
  const cancellation = new Cancellation()
  outgoing.once('close', () => cancellation.abort('The client closed the connection.'))
  const { caller } = identity
  const id = engine.host.uuid()
  const call = new LiveCall(engine.host, { id, operation: 'chat', model, caller, cancellation })
  const record = new CallRecord({ route: context.req.path, traceId: id, tags: [] }, call)
  const decision = await autoRoute(engine, result.output, call, record)
  if (decision === undefined) throw noAutoRouter(model, [...(engine.autoRouters?.keys() ?? [])].filter(identity.mayUse))
  // What went wrong with whom it asked is told in a vendor's words.
  return context.body(engine.redact(JSON.stringify({ model, decision })), 200, { 'content-type': 'application/json' })
}

function noAutoRouter(model: string, known: readonly string[]): GatewayError {
  const hint = didYouMean(model, known) || (known.length > 0 ? ` There are ${known.join(', ')}.` : '')
  const message = `There is no auto-router "${model.slice(0, 100)}".${hint}`
  return new GatewayError('model_not_found', message, { param: 'model' })
}
