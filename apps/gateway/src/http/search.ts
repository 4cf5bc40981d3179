import type { Gateway } from '../gateway.ts'
import { call, type GatewayApp } from './app.ts'

/** `POST /v1/search/{name}`, after Perplexity's Search API. https://docs.perplexity.ai/api-reference/search-post */
export function searchRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const prefix of ['', '/v1']) {
    app.get(`${prefix}/search/tools`, (context) => {
      gateway().access.authenticate(context.env.incoming.headers)
      const data = toolNames(gateway()).map((name) => ({ search_tool_name: name }))
      return context.json({ object: 'list', data })
    })
    for (const path of [`${prefix}/search`, `${prefix}/search/:name`])
      app.all(path, (context) => {
        const { path: called } = context.req
        return call(gateway(), { operation: 'search', path: called, model: context.req.param('name') }, context)
      })
  }
}

function toolNames({ engine }: Gateway): readonly string[] {
  return [...engine.searchTools.exact.keys()]
}
