import { didYouMean, GatewayError } from '@tianjillm/core'
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
        const current = gateway()
        const { pathname } = new URL(context.req.url)
        const asked = context.req.param('name') ?? (toolNames(current).length === 1 ? toolNames(current)[0] : undefined)
        if (context.req.method === 'POST') {
          // Who has no key learns nothing about the tools.
          current.access.authenticate(context.env.incoming.headers)
          if (asked !== undefined || toolNames(current).length === 0) checkTool(current, asked ?? '')
        }
        return call(
          current,
          { operation: 'search', path: pathname, model: asked, filling: { max_results: 10 } },
          context,
        )
      })
  }
}

function checkTool(gateway: Gateway, name: string): void {
  const known = toolNames(gateway)
  if (known.length === 0)
    throw new GatewayError(
      'no_search_provider',
      'No search provider is configured. Add search_tools to the configuration.',
    )
  if (!known.includes(name))
    throw new GatewayError(
      'search_tool_not_found',
      `The search tool "${name.slice(0, 100)}" is not configured.${didYouMean(name, known)}`,
    )
}

function toolNames({ engine }: Gateway): readonly string[] {
  return [...engine.searchTools.exact.keys()]
}
