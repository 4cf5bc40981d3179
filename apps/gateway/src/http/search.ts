import type { Gateway } from '../gateway.ts'
import { call, type GatewayApp, type GatewayContext } from './app.ts'

/** `POST /v1/search/{name}`, after Perplexity's Search API. https://docs.perplexity.ai/api-reference/search-post */
export function searchRoutes(app: GatewayApp, gateway: () => Gateway): void {
  const ask = (context: GatewayContext, name?: string) =>
    call(gateway(), { operation: 'search', path: context.req.path, model: name }, context)
  for (const prefix of ['', '/v1']) {
    app.all(`${prefix}/search`, (context) => ask(context))
    // One pattern for both: with `/search/tools` beside it Hono would give up its faster router for all routes.
    app.all(`${prefix}/search/:name`, (context) => {
      const { name } = context.req.param()
      return name === 'tools' && context.req.method === 'GET' ? listTools(gateway(), context) : ask(context, name)
    })
  }
}

async function listTools({ access, engine }: Gateway, context: GatewayContext): Promise<Response> {
  await access.authenticate(context.env.incoming)
  const data = [...engine.searchRouter.groups.exact.keys()].map((name) => ({ search_tool_name: name }))
  return context.json({ object: 'list', data })
}
