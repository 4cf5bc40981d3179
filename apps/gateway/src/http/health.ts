import type { Gateway } from '../gateway.ts'
import type { GatewayApp } from './app.ts'

/** Health as probes and LiteLLM's users expect it, and `/metrics` when a callback has some. */
export function healthRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const path of ['/health/liveliness', '/health/liveness']) app.get(path, (context) => context.json("I'm alive!"))

  app.get('/health/readiness', (context) => {
    const { isReady, version } = gateway()
    return context.json({ status: isReady ? 'healthy' : 'stopping', db: 'Not connected', version }, isReady ? 200 : 503)
  })

  app.get('/health', (context) => {
    const { access, engine } = gateway()
    const identity = access.authenticate(context.env.incoming.headers)
    const deployments = engine.deployments.filter(({ group }) => identity.mayUse(group))
    const facts = deployments.map(({ id, group, providerName, model, problem }) => ({
      model_name: group,
      model: `${providerName}/${model}`,
      model_id: id,
      ...(problem && { error: problem.message }),
    }))
    const unhealthy = facts.filter((fact) => 'error' in fact)
    const healthy = facts.filter((fact) => !('error' in fact))
    return context.json({
      healthy_endpoints: healthy,
      unhealthy_endpoints: unhealthy,
      healthy_count: healthy.length,
      unhealthy_count: unhealthy.length,
    })
  })

  app.get('/metrics', async (context) => {
    const { access, guardsMetrics, metrics } = gateway()
    if (guardsMetrics) access.authenticate(context.env.incoming.headers)
    const page = await metrics()
    if (page === undefined) return context.notFound()
    return context.body(page.body, 200, { 'content-type': page.contentType })
  })
}
