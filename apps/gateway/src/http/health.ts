import type { Gateway } from '../gateway.ts'
import { knownServers, serverHealth } from '../mcp/known-servers.ts'
import type { ConfigState } from '../reload.ts'
import type { GatewayApp } from './app.ts'

/** Health as probes and LiteLLM's users expect it, and `/metrics` when a callback has some. */
export function healthRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const path of ['/health/liveliness', '/health/liveness']) app.get(path, (context) => context.json("I'm alive!"))

  app.get('/health/readiness', (context) => {
    const { books, version, configState, tenancy } = gateway()
    const facts = { db: tenancy === undefined ? 'Not connected' : 'connected', version, config: told(configState()) }
    return context.json({ status: books.isOpen ? 'healthy' : 'stopping', ...facts }, books.isOpen ? 200 : 503)
  })

  app.get('/health', async (context) => {
    const { access, engine, mcp } = gateway()
    const identity = await access.authenticate(context.env.incoming)
    const deployments = engine.deployments.filter(({ group }) => identity.mayUse(group))
    const facts = deployments.map(({ id, group, providerName, model, problem }) => ({
      model_name: group,
      model: `${providerName}/${model}`,
      model_id: id,
      ...(problem && { error: problem.message }),
    }))
    const unhealthy = facts.filter((fact) => 'error' in fact)
    const healthy = facts.filter((fact) => !('error' in fact))
    const servers =
      identity.isAdmin && mcp !== undefined && (await serverHealth(gateway(), await knownServers(gateway()), false))
    return context.json({
      healthy_endpoints: healthy,
      unhealthy_endpoints: unhealthy,
      healthy_count: healthy.length,
      unhealthy_count: unhealthy.length,
      ...(servers && { mcp_servers: servers }),
    })
  })

  app.get('/metrics', async (context) => {
    const { access, guardsMetrics, metrics } = gateway()
    if (guardsMetrics) await access.authenticate(context.env.incoming)
    const page = await metrics()
    if (page === undefined) return context.notFound()
    return context.body(page.body, 200, { 'content-type': page.contentType })
  })
}

/** No names and no words of the file: whoever probes has no key. */
function told(state: ConfigState | undefined): object | undefined {
  if (state === undefined) return undefined
  const { generation, since, refused } = state
  const time = (milliseconds: number) => new Date(milliseconds).toISOString()
  return {
    generation,
    in_force_since: time(since),
    ...(refused && {
      refused_at: time(refused.at),
      errors: refused.errors,
      message: `The configuration as it is now cannot be used; the one of ${time(since)} stays in force. The log says why.`,
    }),
  }
}
