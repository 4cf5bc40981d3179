import { openStore, type Store } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { MASTER_KEY } from './support.ts'
import { folderWith, type Tianji, tianji } from './tianji.ts'

/** Milliseconds within which an answered call is in the database: a third of a second, and a slow machine. */
const WRITTEN_WITHIN = 3_000

const yaml = (database: string) => `
model_list:
  - {model_name: mock, litellm_params: {model: mock/any, input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${database}'}
`

function gatewayOn(database: string): Tianji {
  const folder = folderWith({ 'proxy_config.yaml': yaml(database) })
  return tianji(['start', '--port', '0', '--host', '127.0.0.1', '--log-level', 'error'], { folder })
}

const SPENDER = 'sk-who-spends'

/** A key whose calls are put down to budgets of its own, of its user and of its team, each of which holds. */
const spender: readonly (readonly [path: string, body: object])[] = [
  ['/team/new', { team_id: 'blue', max_budget: 1000, budget_duration: '30d' }],
  ['/user/new', { user_id: 'ada', max_budget: 1000, auto_create_key: false }],
  ['/key/generate', { key: SPENDER, user_id: 'ada', team_id: 'blue', max_budget: 1000 }],
]

async function makeSpender(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` }
  for (const [path, body] of spender) {
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    expect([path, response.status, await response.text()]).toMatchObject([path, 200, expect.any(String)])
  }
}

/** Ids of answered calls, each with when its answer was there; until the gateway is gone. */
async function askUntilItDies(url: string, answered: Map<string, number>): Promise<void> {
  for (;;)
    try {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${SPENDER}` },
        body: JSON.stringify({ model: 'mock', messages: [{ role: 'user', content: 'Hi' }] }),
      })
      await response.text()
      answered.set(response.headers.get('x-request-id')!, performance.now())
    } catch {
      return
    }
}

async function sumsIn({ database }: Store) {
  const logs = await database.selectFrom('tianji_spend_logs').select(['request_id', 'spend']).execute()
  const { requests, spend } = await database
    .selectFrom('tianji_daily_spend')
    .select(({ fn }) => [fn.sum<number>('requests').as('requests'), fn.sum<number>('spend').as('spend')])
    .where('kind', '=', 'all')
    .executeTakeFirstOrThrow()
  const counters = await database.selectFrom('tianji_budget_counters').select(['kind', 'spend']).execute()
  return { logs, requests, spend, counters }
}

describeOnBoth('spend, when the gateway is killed under load', (newUrl) => {
  it('is lost of the last moment alone, and counted once', async () => {
    const database = newUrl()
    const answered = new Map<string, number>()
    let killed = 0
    for (let turn = 0; turn < 2; turn++) {
      const gateway = gatewayOn(database)
      const url = await gateway.url
      if (turn === 0) await makeSpender(url)
      const clients = Array.from({ length: 8 }, () => askUntilItDies(url, answered))
      const before = answered.size
      await expect.poll(() => answered.size).toBeGreaterThan(before + 20)
      await new Promise((resolve) => setTimeout(resolve, WRITTEN_WITHIN + 100))
      killed = performance.now()
      gateway.signal('SIGKILL')
      await Promise.all(clients)
      expect(await gateway.exit).toBe('SIGKILL')
      // Of calls before the last moment none may be missing.
      const store = await openStore({ url: database })
      const { logs, requests, spend, counters } = await sumsIn(store).finally(() => store.close())
      const known = new Set(logs.map(({ request_id }) => request_id))
      const old = [...answered].filter(([, time]) => time < killed - WRITTEN_WITHIN)
      expect(old.length).toBeGreaterThan(20)
      expect(old.filter(([id]) => !known.has(id))).toEqual([])
      expect(requests).toBe(logs.length)
      const sum = logs.reduce((sum, log) => sum + (log.spend ?? 0), 0)
      expect(sum).toBeGreaterThan(0)
      expect(spend).toBe(sum)
      // Whatever was under way: what budgets are held to is what is written down, to the last billionth.
      const held = counters.filter(({ kind }) => kind !== 'team').map((counter) => [counter.kind, counter.spend])
      expect(Object.fromEntries(held)).toEqual({ key: sum, user: sum, member: sum })
      // Of the team there are two: of the period of its budget, and of all time.
      expect(counters.flatMap((counter) => (counter.kind === 'team' ? counter.spend : []))).toEqual([sum, sum])
      for (const [id] of answered) if (!known.has(id)) answered.delete(id)
    }
  })
})
