import { describe, expect, it, onTestFinished } from 'vitest'
import { createApp } from '../src/http/app.ts'
import { managementRoutes } from '../src/http/management-routes.ts'
import { MASTER_KEY, startGateway } from './support.ts'

/** Served to whoever asks, key or not. */
const open = [
  ...['/health/liveliness', '/health/liveness', '/health/readiness', '/metrics', '/config/schema.json', '/api/health'],
  ...['/public/providers', '/public/model_hub', '/public/litellm_model_cost_map', '/public/tianji_model_cost_map'],
  ...['/public/mcp_hub', '/v1/mcp/registry.json'],
  // Who the gateway is to those that sign users in; where browsers come back to with a sealed state, or begin with a
  // sealed ticket; and a refusal that says what to do.
  ...['/.well-known/oauth-protected-resource', '/client-metadata.json', '/mcp/oauth/callback'],
  ...['/v1/mcp/server/:server/authorize', '/register'],
]

/** Management routes that every key reaches; they tell it of its own alone, which their own tests show. */
const everybodys = [
  ...['generate', 'update', 'delete', 'block', 'unblock', 'regenerate', ':key/regenerate', 'info', 'list'].map(
    (name) => `/key/${name}`,
  ),
  ...['new', 'update', 'delete', 'block', 'unblock', 'info', 'list', 'daily/activity'].map((name) => `/user/${name}`),
  ...['new', 'update', 'delete', 'block', 'unblock', 'info', 'list', 'daily/activity'].map((name) => `/team/${name}`),
  ...['member_add', 'member_update', 'member_delete'].map((name) => `/team/${name}`),
  ...['/v2/team/list', '/tag/daily/activity', '/organization/daily/activity', '/customer/daily/activity'],
  ...['new', 'update', 'delete', 'info', 'list'].map((name) => `/organization/${name}`),
  ...['new', 'update', 'delete', 'info', 'list'].map((name) => `/budget/${name}`),
  ...['customer', 'end_user'].flatMap((who) =>
    ['new', 'update', 'delete', 'block', 'unblock', 'info', 'list'].map((name) => `/${who}/${name}`),
  ),
  ...['/spend/logs', '/spend/logs/v2', '/utils/token_counter', '/utils/transform_request', '/mcp/enabled'],
]

/** A path with something in its varying parts. */
const filled = (path: string) => path.replace(/:\w+(\{.*?\})?/g, 'x')

async function started() {
  const gateway = await startGateway(`
model_list: [{model_name: m, litellm_params: {model: mock/m}}]
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:', enable_mcp_registry: true}
keys: [{key: sk-ordinary}]`)
  onTestFinished(() => gateway.stop(100))
  const ask = (method: string, path: string, key?: string) =>
    fetch(`${gateway.url}${filled(path)}`, {
      method,
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      ...(method !== 'GET' && { body: '{}' }),
    }).then(async (response) => {
      await response.arrayBuffer()
      return response.status
    })
  return { ask }
}

describe('every route', () => {
  // Asked of the table itself, so that none can be forgotten.
  const routes = createApp(() => undefined as never).routes.map(({ path }) => path)

  it('is refused without a key, but for those that are meant for everybody', async () => {
    const { ask } = await started()
    const reached: string[] = []
    for (const path of new Set(routes)) {
      const statuses = [await ask('GET', path), await ask('POST', path)]
      if (statuses.some((status) => status !== 401 && status !== 405 && status !== 404)) reached.push(path)
    }
    expect(reached.toSorted()).toEqual(open.filter((path) => path !== '/metrics').toSorted())
    for (const { method, path } of managementRoutes) expect(await ask(method, path), path).toBe(401)
  })

  it('by which the gateway is changed or looked at is refused to an ordinary key, but for its own', async () => {
    const { ask } = await started()
    const reached = managementRoutes.filter(({ audience }) => audience === 'everybody').map(({ path }) => path)
    expect([...new Set(reached)].toSorted()).toEqual([...everybodys].toSorted())
    for (const { method, path, audience } of managementRoutes)
      if (audience !== 'everybody') expect(await ask(method, path, 'sk-ordinary'), path).toBe(403)
  })

  it('that changes something needs more than the key of a viewer', () => {
    for (const { method, path, audience } of managementRoutes)
      if (audience === 'viewer') expect(['GET', path === '/prompts/test' ? 'POST' : 'GET'], path).toContain(method)
  })
})
