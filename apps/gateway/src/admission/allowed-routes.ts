import { matcherOf } from '../http/matcher.ts'

/** Kinds of routes by LiteLLM's names for them; what begins with one of these paths, with or without `/v1`, is of that kind. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  openai_routes: [
    ...['/chat/completions', '/completions', '/embeddings', '/images', '/audio', '/models', '/moderations'],
    ...['/responses', '/openai/deployments', '/batches', '/files'],
  ],
  anthropic_routes: ['/messages'],
  mcp_routes: ['/mcp', '/mcp-rest', '/sse', '/messages'],
  search_routes: ['/search'],
  agent_routes: ['/api/query', '/v1/query', '/api/tools', '/api/session'],
  info_routes: [
    ...['/models', '/model/info', '/model_group/info', '/key/info', '/key/list', '/user/info', '/user/list'],
    ...['/team/info', '/team/list', '/spend', '/global', '/user/daily/activity', '/utils', '/health'],
  ],
  spend_tracking_routes: ['/spend', '/global', '/user/daily/activity', '/team/daily/activity', '/tag/daily/activity'],
  management_routes: [
    ...['/key', '/user', '/team', '/organization', '/customer', '/end_user', '/budget', '/prompts', '/spend'],
    ...['/global', '/config', '/cache', '/model/info', '/model_group/info', '/models', '/health', '/v1/mcp'],
  ],
}
const all: Readonly<Record<string, readonly string[]>> = {
  ...kinds,
  llm_api_routes: ['openai_routes', 'anthropic_routes', 'mcp_routes', 'search_routes', 'agent_routes'].flatMap(
    (name) => kinds[name]!,
  ),
}

/** Tells whether a path is among these: paths, each perhaps with a `*`, and names of kinds. Undefined: all are. */
export function routeMatcher(routes: readonly string[]): ((path: string) => boolean) | undefined {
  if (routes.length === 0) return undefined
  const named = routes.flatMap((route) => (Object.hasOwn(all, route) ? all[route]! : []))
  const isListed = matcherOf(routes)
  return (path) => isListed(path) || named.some((start) => isUnder(path, start) || isUnder(path, `/v1${start}`))
}

function isUnder(path: string, start: string): boolean {
  return path === start || path.startsWith(`${start}/`)
}
