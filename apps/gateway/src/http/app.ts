import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { errorBody, GatewayError, type OperationName } from '@tianjillm/core'
import { asGatewayError } from '@tianjillm/engine'
import { type Context, Hono } from 'hono'
import type { Gateway } from '../gateway.ts'
import { agentRoutes } from './agent.ts'
import { autoRouterRoutes } from './auto-router.ts'
import { type CallRoute, refuse, serveCall } from './call-route.ts'
import { configSchemaRoute } from './config-schema.ts'
import { discoveryRoutes } from './discovery.ts'
import { healthRoutes } from './health.ts'
import { manage } from './management.ts'
import { managementRoutes } from './management-routes.ts'
import { mcpRoutes } from './mcp.ts'
import { mcpOAuthRoutes } from './mcp-oauth.ts'
import { publicMcpRoutes } from './mcp-public.ts'
import { modelRoutes } from './models.ts'
import { errorHeaders, respondError } from './respond.ts'
import { searchRoutes } from './search.ts'

/** Hono's context with node's own request and response. */
export type GatewayContext = Context<{ Bindings: HttpBindings }>
export type GatewayApp = Hono<{ Bindings: HttpBindings }>

const callPaths: Readonly<Record<string, OperationName>> = {
  '/chat/completions': 'chat',
  '/completions': 'completion',
  '/embeddings': 'embedding',
  '/images/generations': 'image',
  '/images/edits': 'imageEdit',
  '/images/variations': 'imageVariation',
  '/audio/speech': 'speech',
  '/audio/transcriptions': 'transcription',
  '/audio/translations': 'translation',
}

/** How Azure's clients name a model. https://learn.microsoft.com/azure/ai-foundry/openai/reference */
const AZURE = '/openai/deployments/'

/** The model may hold slashes itself, so a path ends with what is asked of it; the longer ends come first. */
function azureRoute(path: string, rest: string): CallRoute | undefined {
  const end = Object.keys(callPaths).find((known) => rest.length > known.length && rest.endsWith(known))
  return end === undefined ? undefined : { operation: callPaths[end]!, path, model: rest.slice(0, -end.length) }
}

/** All routes. `gateway` gives the one in force, so that a reload changes nothing here. */
export function createApp(gateway: () => Gateway): GatewayApp {
  const app: GatewayApp = new Hono()
  for (const [path, operation] of Object.entries(callPaths))
    for (const full of [path, `/v1${path}`])
      app.all(full, (context) => call(gateway(), { operation, path: context.req.path }, context))
  app.all(`${AZURE}:rest{.+}`, (context) => {
    const route = azureRoute(context.req.path, context.req.param('rest'))
    return route ? call(gateway(), route, context) : context.notFound()
  })
  autoRouterRoutes(app, gateway)
  searchRoutes(app, gateway)
  modelRoutes(app, gateway)
  discoveryRoutes(app, gateway)
  healthRoutes(app, gateway)
  agentRoutes(app, gateway)
  publicMcpRoutes(app, gateway)
  mcpOAuthRoutes(app, gateway)
  configSchemaRoute(app)
  // Apart, for the faster of Hono's routers takes no `/prompts/:id` beside `/prompts/test`.
  const management = managementApp(gateway)
  app.notFound(({ req, env }) => management.fetch(req.raw, env))
  app.onError((error) => errorResponse(gateway().redact(asGatewayError(error))))
  return app
}

function managementApp(gateway: () => Gateway): GatewayApp {
  const app: GatewayApp = new Hono()
  manage(app, gateway, managementRoutes)
  mcpRoutes(app, gateway)
  app.notFound(({ req: { method, path } }) =>
    errorResponse(new GatewayError('not_found', `There is no route ${method} ${path.slice(0, 200)}.`)),
  )
  app.onError((error) => errorResponse(gateway().redact(asGatewayError(error))))
  return app
}

/** Hands node's own request and response to the hot way, which answers them itself. */
export function call(gateway: Gateway, route: CallRoute, context: GatewayContext): Response {
  const { incoming, outgoing } = context.env
  if (incoming.method === 'POST') void serveCall(gateway, route, incoming, outgoing)
  else refuse(incoming, outgoing, () => respondError(outgoing, wrongMethod(incoming.method, 'POST'), ['allow', 'POST']))
  return RESPONSE_ALREADY_SENT
}

/** An error as a web response, for routes that are not hot. */
export function errorResponse(error: GatewayError, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(errorBody(error), { status: error.status, headers: { ...errorHeaders(error), ...headers } })
}

/** Refuses a method that a route does not have. */
export function refuseMethod(method: string, allowed: string): Response {
  return errorResponse(wrongMethod(method, allowed), { allow: allowed })
}

function wrongMethod(method: string | undefined, allowed: string): GatewayError {
  return new GatewayError('method_not_allowed', `This route takes ${allowed}, not ${method}.`)
}
