import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { MASTER_KEY } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

const yaml = `
model_list: [{model_name: small, litellm_params: {model: mock/small, input_cost_per_token: 0.1, output_cost_per_token: 0}}]
general_settings: {master_key: ${MASTER_KEY}}
`

it('the first change by the master key makes a database beside the configuration, which is there after a restart', async () => {
  const folder = folderWith({ 'proxy_config.yaml': yaml })
  const database = join(folder, 'data', 'tianji.db')
  const start = () => tianji(['--host', '127.0.0.1', '--port', '0'], { folder })
  const first = start()
  const looking = await ask(await first.url, '/key/list')
  expect([looking.status, looking.answer.error?.code]).toEqual([400, 'no_db_connection'])
  expect((await ask(await first.url, '/key/generate', { key_alias: 'ci' }, 'sk-guessed')).status).toBe(401)
  expect(existsSync(database)).toBe(false)

  const { key } = (await ask(await first.url, '/key/generate', { key_alias: 'ci', max_budget: 0.5 })).answer
  expect(existsSync(database)).toBe(true)
  const hi = { model: 'small', messages: [{ role: 'user', content: 'hi' }] }
  expect((await ask(await first.url, '/v1/chat/completions', hi, key)).status).toBe(200)
  await vi.waitFor(
    async () => expect((await ask(await first.url, '/key/info', undefined, key)).answer.info?.spend).toBe(0.8),
    10_000,
  )
  first.signal('SIGTERM')
  expect(await first.exit).toBe(0)

  const second = start()
  const { answer } = await ask(await second.url, '/v1/chat/completions', hi, key)
  expect(answer.error?.message).toBe('The budget of $0.50 of the key "ci" is used up ($0.80 are spent).')
})

interface Answer {
  readonly key?: string
  readonly info?: { readonly spend: number }
  readonly error?: { readonly code: string; readonly message: string }
}

async function ask(url: string, path: string, body?: object, key = MASTER_KEY) {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, answer: (await response.json()) as Answer }
}
