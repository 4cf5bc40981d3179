import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { FOREIGN, type KnownRoute, keys, routes, type Tenants, tenantsIn } from './tenants.ts'

/** What each field would name of the team red, whatever route reads it. */
const foreign: Readonly<Record<string, string>> = {
  ...{ key: keys.eve, keys: keys.eve, api_key: keys.eve, key_aliases: FOREIGN },
  ...{ user_id: `${FOREIGN}-eve`, user_ids: `${FOREIGN}-eve`, user_email: `eve@${FOREIGN}.test` },
  ...{ team_id: `${FOREIGN}-team`, team_ids: `${FOREIGN}-team`, team: `${FOREIGN}-team`, teams: `${FOREIGN}-team` },
  ...{ team_alias: `the ${FOREIGN}`, organization_id: `${FOREIGN}-org`, organization_ids: `${FOREIGN}-org` },
  ...{
    org_id: `${FOREIGN}-org`,
    budget_id: `${FOREIGN}-budget`,
    budgets: `${FOREIGN}-budget`,
    id: `${FOREIGN}-budget`,
  },
  ...{
    end_user_id: `${FOREIGN}-customer`,
    end_user_ids: `${FOREIGN}-customer`,
    end_user: `customer of ${FOREIGN}-eve`,
  },
  ...{ server_id: `${FOREIGN}-mcp`, server_name: `${FOREIGN} tools` },
  ...{ customer_id: `${FOREIGN}-customer`, request_id: `${FOREIGN}-call`, tags: `tag of ${FOREIGN}-eve` },
}

const lists = new Set(['keys', 'key_aliases', 'team_ids', 'user_ids', 'teams', 'organization_ids', 'budgets', 'tags'])

/** Names of the same kind of what is nowhere. */
const nowhere = (text: string) => text.replaceAll(keys.eve, 'sk-who-is-nowhere').replaceAll(FOREIGN, 'nowhere')

/** Fields in which everybody may say what they like: they are told of it again. */
const free = ['team_alias', 'tags']

async function told(tenants: Tenants, { method, path }: KnownRoute, fields: object, key: string) {
  if (method !== 'GET') return tenants.ask(method, path, { key, body: JSON.stringify(fields) })
  const query = new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]))
  return tenants.ask(method, `${path}?${query}`, { key })
}

/** Each way to name others in a request: by one of its fields, and by all it has of them. */
function askings(route: KnownRoute): readonly Readonly<Record<string, unknown>>[] {
  const isQuery = route.method === 'GET'
  const named = (field: string) => (lists.has(field) && !isQuery ? [foreign[field]] : foreign[field])
  const ones = Object.keys(foreign).map((field) => ({ ...route.fields, [field]: named(field) }))
  const own = Object.keys(route.fields).filter((field) => field in foreign)
  const all = { ...route.fields, ...Object.fromEntries(own.map((field) => [field, named(field)])) }
  return own.length > 0 ? [...ones, all] : ones
}

describeOnBoth("what is another tenant's", (newUrl) => {
  it.each([
    ['a key of nobody', keys.nobody],
    ['an internal user', keys.ida],
    ['the admin of a team', keys.tom],
  ])(
    'is neither told to %s, nor changed by it, nor can it find out whether it is there',
    async (_title, key) => {
      const tenants = await tenantsIn(newUrl())
      const before = await tenants.contents()
      const faults: string[] = []
      let refusals = 0
      for (const route of routes) {
        const { method, pattern } = route
        for (const fields of [{}, ...askings(route)]) {
          const title = `${method} ${pattern} ${JSON.stringify(fields)}`
          const { status, text } = await told(tenants, route, fields, key)
          // A field that the route does not read.
          if (text.includes('is not known')) continue
          if (status >= 500) faults.push(`${title}: ${status} ${text}`)
          if (status === 200) {
            const isEcho = method !== 'GET' && free.some((field) => field in fields)
            if (text.includes(FOREIGN) && !isEcho) faults.push(`${title}: tells ${text.slice(0, 300)}`)
            if (method !== 'GET') await tenants.restore()
            continue
          }
          refusals += 1
          if (method !== 'GET' && (await tenants.contents()) !== before) {
            faults.push(`${title}: changed something`)
            await tenants.restore()
          }
          // Whoever brings a key along knows it, and could use it.
          if (pattern === '/key/generate' && 'key' in fields) continue
          const elsewhere = await told(tenants, route, JSON.parse(nowhere(JSON.stringify(fields))), key)
          const isSame = elsewhere.status === status && elsewhere.text === nowhere(text)
          if (!isSame)
            faults.push(`${title}: ${status} ${text}; of nobody: ${elsewhere.status} ${elsewhere.text}`.slice(0, 600))
          if (elsewhere.status === 200) await tenants.restore()
        }
      }
      expect(faults).toEqual([])
      expect(refusals).toBeGreaterThan(150)
    },
    60_000,
  )
})
