import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import type { Started } from '../src/index.ts'
import { startGateway } from './support.ts'

let vendor: FakeUpstream
let maps: FakeUpstream
const folder = mkdtempSync(join(tmpdir(), 'tianji-cost-map-'))
const file = join(folder, 'prices.json')

beforeAll(async () => {
  vendor = await fakeUpstream()
  maps = await fakeUpstream()
  const usage = { prompt_tokens: 1_000, completion_tokens: 0, total_tokens: 1_000 }
  vendor.script({ body: { id: 'c', choices: [], usage } })
})
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await Promise.all([vendor.close(), maps.close()])
})

/** A map in which a thousand tokens of `gpt-4o-mini` cost so many dollars. */
function mapOf(dollars: number, count = 60): Readonly<Record<string, object>> {
  const entry = { litellm_provider: 'openai', mode: 'chat', input_cost_per_token: dollars / 1_000 }
  const others = Array.from({ length: count - 1 }, (_, index) => [`other-${index}`, entry])
  return { 'gpt-4o-mini': entry, ...Object.fromEntries(others) }
}

async function started(settings: string, info = '{}'): Promise<Started> {
  const gateway = await startGateway(`
model_list:
  - {model_name: m, litellm_params: {model: openai/gpt-4o-mini, api_base: ${vendor.url}, api_key: k}, model_info: ${info}}
litellm_settings: {callbacks: [prometheus]${settings}}
`)
  onTestFinished(() => gateway.stop(100))
  return gateway
}

/** US dollars of one more call. */
async function costIn({ url }: Started): Promise<number> {
  const read = async () => {
    const page = await (await fetch(`${url}/metrics`)).text()
    const value = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(page)?.[1] ?? 0)
    return { calls: value('litellm_proxy_total_requests_metric_total'), spend: value('litellm_spend_metric_total') }
  }
  const before = await read()
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
  const headers = { 'content-type': 'application/json' }
  await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })).text()
  const after = await vi.waitFor(async () => {
    const now = await read()
    expect(now.calls).toBe(before.calls + 1)
    return now
  }, 10_000)
  return Number((after.spend - before.spend).toPrecision(6))
}

const SHIPPED = 0.00015

it('a map of the operator goes before the shipped one, and model_info before both', async () => {
  writeFileSync(file, JSON.stringify({ 'gpt-4o-mini': { litellm_provider: 'openai', input_cost_per_token: 0.002 } }))
  const gateway = await started(`, cost_map_path: ${file}`)
  expect(await costIn(gateway)).toBe(2)
  const told = await (await fetch(`${gateway.url}/public/litellm_model_cost_map`)).json()
  expect(told).toMatchObject({ 'gpt-4o-mini': { input_cost_per_token: 0.002, max_input_tokens: 128_000 } })
  expect(await costIn(await started(`, cost_map_path: ${file}`, '{input_cost_per_token: 0.005}'))).toBe(5)
})

it('a file that cannot be used is an error where it is named', async () => {
  writeFileSync(file, '{}')
  await expect(started(`, cost_map_path: ${file}`)).rejects.toThrow(
    /:4:\d+: error: litellm_settings\.cost_map_path: the map of models cannot be used: it has 0 models/,
  )
  await expect(started(`, cost_map_path: ${folder}/none.json`)).rejects.toThrow('cannot be used: ENOENT')
})

it('a map of a URL comes in the background, while the shipped one is in force', async () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  maps.script(async () => {
    await opened
    return { body: mapOf(7) }
  })
  const gateway = await started(`, model_cost_map_url: '${maps.url}/prices.json'`)
  expect(await costIn(gateway)).toBe(SHIPPED)
  const before = await (await fetch(`${gateway.url}/public/litellm_model_cost_map`)).json()
  open()
  await expect.poll(() => costIn(gateway)).toBe(7)
  const after = await (await fetch(`${gateway.url}/public/litellm_model_cost_map`)).json()
  expect(before).not.toHaveProperty('other-1')
  expect(after).toHaveProperty('other-1')
})

it('a URL may stand in the environment, unless only the local map is wanted', async () => {
  maps.script({ body: mapOf(3) })
  vi.stubEnv('LITELLM_MODEL_COST_MAP_URL', `${maps.url}/env.json`)
  const gateway = await started('')
  await expect.poll(() => costIn(gateway)).toBe(3)
  vi.stubEnv('LITELLM_LOCAL_MODEL_COST_MAP', 'True')
  const asked = maps.arrived.length
  expect(await costIn(await started(''))).toBe(SHIPPED)
  expect(maps.arrived).toHaveLength(asked)
})

it('what was broken on its way changes nothing', async () => {
  maps.script({ body: mapOf(3, 49) })
  const gateway = await started(`, model_cost_map_url: '${maps.url}/broken.json'`)
  await expect.poll(() => maps.arrived).toHaveLength(1)
  expect(await costIn(gateway)).toBe(SHIPPED)
})
