import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

/** What Langfuse and the metrics are told of one call, and what the spend logs say of it. */
async function told(settings: string) {
  upstream.script({ status: 207, body: { successes: [], errors: [] } })
  const gateway = await startGateway(`
model_list: [{model_name: m, litellm_params: {model: mock/m}}]
callbacks: [{langfuse: {public_key: pk, secret_key: sk, api_base: ${upstream.url}, flush_interval: 0.02}}, prometheus]
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
litellm_settings: {enable_end_user_cost_tracking_prometheus_only: true${settings}}
`)
  onTestFinished(() => gateway.stop(100))
  const ask = async (path: string, key: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const post = body && { method: 'POST', body: JSON.stringify(body) }
    return (await fetch(`${gateway.url}${path}`, { headers, ...post })).text()
  }
  await ask('/team/new', MASTER_KEY, { team_id: 'her-team' })
  const made = await ask('/key/generate', MASTER_KEY, {
    key_alias: 'her-alias',
    user_id: 'her-id',
    team_id: 'her-team',
  })
  const { key, token } = JSON.parse(made) as { readonly key: string; readonly token: string }
  await ask('/v1/chat/completions', key, { model: 'm', messages: [{ role: 'user', content: 'Hi' }], user: 'customer' })
  await expect.poll(() => upstream.arrived.length).toBe(1)
  await expect.poll(async () => JSON.parse(await ask('/spend/logs', MASTER_KEY)).total).toBe(1)
  const secrets = ['her-alias', 'her-id', 'her-team', token]
  return {
    secrets,
    langfuse: upstream.arrived[0]!.text,
    metrics: await ask('/metrics', MASTER_KEY),
    logs: await ask('/spend/logs', MASTER_KEY),
  }
}

it('redact_user_api_key_info keeps from callbacks who called, but for the customer, and from nobody else', async () => {
  const { secrets, langfuse, metrics, logs } = await told(', redact_user_api_key_info: true')
  for (const secret of secrets) {
    expect(langfuse).not.toContain(secret)
    expect(metrics).not.toContain(secret)
  }
  expect(langfuse).toContain('customer')
  expect(metrics).toContain('end_user="customer",hashed_api_key="None"')
  for (const secret of ['her-id', 'her-team']) expect(logs).toContain(secret)
})

it('without it callbacks know who called', async () => {
  const { secrets, metrics } = await told('')
  for (const secret of secrets) expect(metrics).toContain(secret)
})
