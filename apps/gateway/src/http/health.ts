import type { Scrape } from '@tianjillm/core'
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
    gateway().access.authenticate(context.env.incoming.headers)
    const { deployments } = gateway().engine
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
    const { access, engine, guardsMetrics } = gateway()
    if (guardsMetrics) access.authenticate(context.env.incoming.headers)
    const pages: Scrape[] = []
    for (const { callback } of engine.callbacks) if (callback.scrape) pages.push(await callback.scrape())
    if (pages.length === 0) return context.notFound()
    return context.body(pages.map(({ body }) => body).join('\n'), 200, { 'content-type': pages[0]!.contentType })
  })
}
