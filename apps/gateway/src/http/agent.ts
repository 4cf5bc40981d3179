import type { AgentRoute } from '../agent/serve.ts'
import type { Gateway } from '../gateway.ts'
import type { GatewayApp } from './app.ts'

const paths: Readonly<Record<string, AgentRoute>> = {
  '/api/query': 'query',
  '/v1/query': 'query',
  '/api/tools': 'tools',
  '/api/session': 'sessions',
  '/api/session/:id': 'session',
  '/api/health': 'health',
}

/** Where models that use tools answer questions. What that takes is loaded when somebody comes. */
export function agentRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const [path, route] of Object.entries(paths))
    app.all(path, async (context) => {
      const current = gateway()
      const { agent } = current
      if (agent === undefined) return context.notFound()
      const { serveAgent } = await import('../agent/serve.ts')
      return serveAgent(current, agent, route, context)
    })
}
