import { configSchema } from '@tianjillm/config/schema'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const completion = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
}

async function started(yaml: string): Promise<Started> {
  const gateway = await startGateway(yaml)
  onTestFinished(() => gateway.stop(1_000))
  return gateway
}

const chat = ({ url }: Started, fields: object, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'A secret question' }], ...fields }),
  })

const fromLiteLLM = `
model_list:
  - model_name: gpt-4o
    litellm_params: { model: azure/gpt-4o, api_key: sk-azure-key-of-ours, max_parallel_requests: 5 }
  - model_name: gpt-4o
    litellm_params: { model: mock/gpt-4o, temprature: 1 }
litellm_settings:
  callbacks: [datadog, hooks.instance]
  num_retries: 0
  max_budget: 100
  set_verbose: true
general_settings:
  custom_auth: auth.check
`

describe('tianji check --compat', () => {
  it('lists by topic what somebody from LiteLLM has to know', async () => {
    const folder = folderWith({ 'proxy_config.yaml': fromLiteLLM })
    const { exit, output, errors } = tianji(['check', '--compat'], { folder })
    expect(await exit).toBe(0)
    expect(errors()).toBe('')
    expect(output().replaceAll(/, or use one of: [\w, ]+\./g, '.')).toBe(`Doubtful:
  proxy_config.yaml:6:43: model_list[1].litellm_params.temprature: unknown key, passed on as it is. Did you mean temperature?

Not installed:
  proxy_config.yaml:4:23: No provider "azure". Install @tianjillm/provider-azure. It is left out.
  proxy_config.yaml:8:15: No callback "datadog". Install @tianjillm/callback-datadog. It is left out.

Python code, which does not run here:
  proxy_config.yaml:8:24: litellm_settings.callbacks[1]: is Python code, which does not run here; it is left out. Write a callback plugin and name it in plugins.
  proxy_config.yaml:13:3: general_settings.custom_auth: is Python code, which does not run here; it is left out. Use master_key and keys of the file, or check callers in front of the gateway.

Means something else here:
  proxy_config.yaml:4:75: model_list[0].litellm_params.max_parallel_requests: what is over it goes to another deployment or is refused; nothing waits in a queue.
  proxy_config.yaml:9:3: litellm_settings.num_retries: with 0 no other deployment of the group is asked either.
  proxy_config.yaml:12:1: general_settings.master_key: without any key the gateway listens on 127.0.0.1 alone.

Without effect here yet:
  proxy_config.yaml:11:3: litellm_settings.set_verbose: has no effect here yet. Use --log-level debug.
proxy_config.yaml: 0 errors, 5 warnings, 4 notes
`)
  })

  it('says it to programs as JSON', async () => {
    const folder = folderWith({ 'proxy_config.yaml': fromLiteLLM })
    const { exit, output } = tianji(['check', '--compat', '--json'], { folder })
    expect(await exit).toBe(0)
    const { notes, problems } = JSON.parse(output())
    expect(notes).toBe(4)
    expect(problems).toContainEqual({
      severity: 'note',
      file: 'proxy_config.yaml',
      line: 9,
      column: 3,
      path: 'litellm_settings.num_retries',
      message: 'with 0 no other deployment of the group is asked either.',
      topic: 'difference',
    })
  })

  it('has nothing to say of a file that means the same here', async () => {
    const text = `model_list: [{model_name: m, litellm_params: {model: mock/m}}]
general_settings: {master_key: sk-of-the-file}
`
    const { exit, output } = tianji(['check', '--compat'], { folder: folderWith({ 'proxy_config.yaml': text }) })
    expect(await exit).toBe(0)
    expect(output()).toBe('proxy_config.yaml: it means the same here.\nproxy_config.yaml: 0 errors, 0 warnings\n')
  })
})

describe('settings without effect', () => {
  it('are one line at start', async () => {
    const { warnings } = await started(`
model_list: [{model_name: m, litellm_params: {model: mock/m}}]
general_settings: {store_model_in_db: true}
assistant_settings: {a: b}
`)
    expect(warnings).toMatchObject([
      { severity: 'note', path: '', message: '2 settings have no effect here yet; "tianji check" lists them.' },
    ])
  })
})

describe('a deployment that cannot be built', () => {
  const yaml = () => `
model_list:
  - model_name: chat
    litellm_params: { model: nobody/m, api_key: k }
    model_info: { id: cannot }
  - model_name: chat
    litellm_params: { model: openai/m, api_key: k, api_base: ${upstream.url} }
    model_info: { id: can }
  - model_name: alone
    litellm_params: { model: nobody/m }
router_settings: { num_retries: 0 }
`

  it('is told at start and by /health, and never asked while another of its group can be', async () => {
    upstream.script({ body: completion })
    const gateway = await started(yaml())
    expect(gateway.warnings.map(({ severity, line }) => [severity, line])).toEqual([
      ['warning', 4],
      ['warning', 10],
    ])
    const health = await (await fetch(`${gateway.url}/health`)).json()
    expect(health).toMatchObject({
      healthy_endpoints: [{ model_id: 'can' }],
      unhealthy_endpoints: [{ model_id: 'cannot', error: expect.stringContaining('No provider "nobody"') }, {}],
    })
    for (let count = 0; count < 10; count++) expect((await chat(gateway, { model: 'chat' })).status).toBe(200)
  })

  it('says what is wrong to whoever asks for it alone', async () => {
    const answer = await chat(await started(yaml()), { model: 'alone' })
    expect(answer.status).toBe(500)
    expect(await answer.json()).toMatchObject({
      error: { code: 'misconfigured', message: expect.stringContaining('No provider "nobody"') },
    })
  })

  it('stops the start when invalid deployments are not to be ignored', async () => {
    const strict = yaml().replace('num_retries: 0', 'ignore_invalid_deployments: false')
    await expect(startGateway(strict)).rejects.toThrow('error: No provider "nobody"')
  })

  it('stops the start when there is no other', async () => {
    const only = 'model_list: [{model_name: m, litellm_params: {model: nobody/m}}]'
    await expect(startGateway(only)).rejects.toThrow('error: No provider "nobody"')
  })
})

describe('GET /config/schema.json', () => {
  it('is the schema, without a key and to be kept', async () => {
    const gateway = await started(`general_settings: {master_key: ${MASTER_KEY}}\nmodel_list: []`)
    const response = await fetch(`${gateway.url}/config/schema.json`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/schema+json')
    expect(await response.json()).toEqual(configSchema())
    const etag = response.headers.get('etag')!
    const again = await fetch(`${gateway.url}/config/schema.json`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    const posted = await fetch(`${gateway.url}/config/schema.json`, { method: 'POST' })
    expect(posted.status).toBe(405)
  })

  it('is what tianji schema prints', async () => {
    const { exit, output } = tianji(['schema'])
    expect(await exit).toBe(0)
    expect(JSON.parse(output())).toEqual(configSchema())
  })
})

describe('what callbacks hear', () => {
  const yaml = (settings: string) => `
model_list: [{model_name: m, litellm_params: {model: mock/m}}]
callbacks: [{langfuse: {public_key: pk, secret_key: sk, api_base: ${upstream.url}, flush_interval: 0.02}}]
${settings}
`
  const told = async () => {
    await expect.poll(() => upstream.arrived.length).toBe(1)
    return upstream.arrived[0]!.text
  }

  it('is without prompts and answers when message logging is off', async () => {
    upstream.script({ status: 207, body: { successes: [], errors: [] } })
    const gateway = await started(yaml('litellm_settings: {turn_off_message_logging: true}'))
    await chat(gateway, { model: 'm' })
    expect(await told()).not.toContain('secret question')
  })

  it('names the end user of the header that is configured', async () => {
    upstream.script({ status: 207, body: { successes: [], errors: [] } })
    const gateway = await started(yaml('general_settings: {user_header_name: X-Acme-User}'))
    await chat(gateway, { model: 'm', user: 'of-the-request' }, { 'x-acme-user': 'ada' })
    const text = await told()
    expect(text).toContain('"ada"')
    expect(text).toContain('A secret question')
  })
})
