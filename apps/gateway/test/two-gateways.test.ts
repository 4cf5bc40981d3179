import { openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { MASTER_KEY } from './support.ts'
import { folderWith, type Tianji, tianji } from './tianji.ts'

const KEY = 'sk-of-ada'

const yaml = (database: string) => `
model_list:
  - {model_name: mock, litellm_params: {model: mock/any, input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${database}'}
`

function gatewayOn(database: string): Tianji {
  const folder = folderWith({ 'proxy_config.yaml': yaml(database) })
  return tianji(['start', '--port', '0', '--host', '127.0.0.1', '--log-level', 'error'], { folder })
}

async function ask(url: string, method: string, path: string, body: object, key = MASTER_KEY) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

/** As many at once as there are clients, until all are made. */
async function together(count: number, clients: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) await act(next++)
    }),
  )
}

describeOnBoth('two gateways on one database', (newUrl) => {
  it('write down all that is spent at either, while keys and prompts are changed at both', async () => {
    const database = newUrl()
    const gateways = [gatewayOn(database), gatewayOn(database)]
    const urls = await Promise.all(gateways.map(({ url }) => url))
    const at = (index: number) => urls[index % 2]!
    await ask(at(0), 'POST', '/key/generate', { key: KEY, user_id: 'ada', max_budget: 1000 })
    await ask(at(0), 'POST', '/prompts', { name: 'greeting', template: 'Hi' })
    const strange: unknown[] = []
    let calls = 0
    const versions: number[] = []
    await Promise.all([
      together(600, 12, async (index) => {
        const call = { model: 'mock', messages: [{ role: 'user', content: `Hi ${index}` }] }
        const { status, body } = await ask(at(index), 'POST', '/v1/chat/completions', call, KEY)
        if (status === 200) calls += 1
        else strange.push([status, body])
      }),
      together(60, 6, async (index) => {
        const { status, body } = await ask(at(index), 'PUT', '/prompts/greeting', { template: `Hi ${index}` })
        if (status === 200) versions.push(body.version)
        else strange.push([status, body])
      }),
      together(60, 6, async (index) => {
        const { status, body } = await ask(at(index), 'POST', '/key/update', { key: KEY, metadata: { index } })
        if (status !== 200) strange.push([status, body])
      }),
    ])
    expect(strange).toEqual([])
    // What is not written yet is written when they end.
    for (const { signal } of gateways) signal('SIGTERM')
    expect(await Promise.all(gateways.map(({ exit }) => exit))).toEqual([0, 0])
    expect(versions.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 60 }, (_, index) => index + 2))
    const store = await openStore({ url: database })
    try {
      const logs = await store.database.selectFrom('tianji_spend_logs').select('spend').execute()
      const sum = logs.reduce((sum, { spend }) => sum + (spend ?? 0), 0)
      expect(logs.length).toBe(calls)
      expect(calls).toBe(600)
      const counted = await store.database.selectFrom('tianji_budget_counters').select(['kind', 'spend']).execute()
      expect(Object.fromEntries(counted.map(({ kind, spend }) => [kind, spend]))).toEqual({ key: sum, user: sum })
      expect(await store.database.selectFrom('tianji_budget_leases').selectAll().execute()).toEqual([])
    } finally {
      await store.close()
    }
  })
})
