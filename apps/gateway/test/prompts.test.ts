import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { register } from '@tianjillm/core'
import { describeOnBoth, type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Started } from '../src/index.ts'
import { openaiClient, refusal } from './clients/openai-client.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const NARROW_KEY = 'the-narrow-key'
const chatAnswer = {
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
}
const anthropicAnswer = {
  ...{ id: 'm', type: 'message', role: 'assistant', model: 'claude', stop_reason: 'end_turn' },
  ...{ content: [{ type: 'text', text: 'Hi.' }], usage: { input_tokens: 1, output_tokens: 1 } },
}
const streamed = {
  headers: { 'content-type': 'text/event-stream' },
  body: 'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi."}}]}\n\ndata: [DONE]\n\n',
}
const anthropicStream = {
  headers: { 'content-type': 'text/event-stream' },
  body: [
    { type: 'message_start', message: { ...anthropicAnswer, content: [] } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join(''),
}

let upstream: FakeUpstream
let folder: string
beforeAll(async () => {
  upstream = await fakeUpstream()
  folder = mkdtempSync(join(tmpdir(), 'tianji-prompts-'))
})
afterAll(async () => {
  await upstream.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Forgets what has arrived, and answers as vendors do. */
function answer(): void {
  upstream.script(({ path, text }) => {
    if (path.endsWith('/messages')) return text.includes('"stream":true') ? anthropicStream : { body: anthropicAnswer }
    if (text.includes('"stream":true')) return streamed
    return { body: path.endsWith('/chat/completions') ? chatAnswer : { ...chatAnswer, object: 'text_completion' } }
  })
}

async function started(url: string | undefined, more = ''): Promise<Started> {
  answer()
  const database = url === undefined ? '' : `, database_url: '${url}'`
  const gateway = await startGateway(`
model_list:
  - {model_name: one, litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: sk-vendor}}
  - {model_name: two, litellm_params: {model: openai/two, api_base: ${upstream.url}, api_key: sk-vendor}}
  - {model_name: claude, litellm_params: {model: anthropic/claude, api_base: ${upstream.url}, api_key: sk-vendor}}
general_settings: {master_key: ${MASTER_KEY}${database}}
keys: [{key: ${NARROW_KEY}, models: [one]}]
${more}`)
  onTestFinished(() => gateway.stop(100))
  return gateway
}

async function send({ url }: Started, method: string, path: string, body?: unknown, key = MASTER_KEY) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, body: parsed(text) }
}

interface Answer {
  readonly [field: string]: unknown
  readonly error: { readonly message: string; readonly param: string; readonly code: string }
}

/** Streams are no JSON. */
function parsed(text: string): Answer {
  return text.startsWith('{') ? (JSON.parse(text) as Answer) : ({} as Answer)
}

async function made(gateway: Started, body: object): Promise<Answer> {
  const answered = await send(gateway, 'POST', '/prompts', body)
  expect(answered.status, answered.text).toBe(200)
  return answered.body
}

/** The bodies that vendors got for these requests. */
async function arrivedFor(gateway: Started, path: string, ...bodies: readonly object[]): Promise<readonly string[]> {
  answer()
  for (const body of bodies) {
    const answered = await send(gateway, 'POST', path, body)
    expect(answered.status, answered.text).toBe(200)
  }
  return upstream.arrived.map(({ text }) => text)
}

const hi = [{ role: 'user', content: 'Hi' }]
const greeting = { name: 'greeting', messages: [{ role: 'system', content: 'Be {{ tone }}.' }] }

describeOnBoth('a stored prompt', (newUrl) => {
  it('is put before what a client says, with its variables', async () => {
    const gateway = await started(newUrl())
    await made(gateway, { ...greeting, model: 'two', parameters: { temperature: 0.1 } })
    const fields = { prompt_id: 'greeting', prompt_variables: { tone: 'kind' } }
    const { choices } = await openaiClient(gateway).chat.completions.create({
      ...{ model: 'one', messages: [{ role: 'user', content: 'Hi' }], temperature: 1 },
      ...(fields as object),
    })
    expect(choices[0]!.message.content).toBe('Hi.')
    expect(upstream.arrived.map(({ text }) => text)).toEqual([
      '{"model":"two","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}],"temperature":0.1}',
    ])
  })

  it('makes the same bytes as writing it by hand, whatever the vendor, the route and the stream', async () => {
    const gateway = await started(newUrl())
    await made(gateway, greeting)
    await made(gateway, { name: 'line', template: 'Say {{what}}: ', parameters: { max_tokens: 9 } })
    const named = { prompt_name: 'greeting', prompt_variables: { tone: 'kind "{{tone}}" 😀' } }
    const messages = [{ role: 'system', content: 'Be kind "{{tone}}" 😀.' }, ...hi]
    for (const model of ['one', 'claude'])
      for (const more of [{}, { stream: true, stream_options: { include_usage: true }, top_p: 0.5, stop: ['x'] }]) {
        const own = { messages: hi, max_tokens: 9, ...more }
        const bodies = [
          { model, ...own, ...named },
          { model, ...own, messages },
        ]
        const [expanded, byHand] = await arrivedFor(gateway, '/v1/chat/completions', ...bodies)
        expect(expanded).toBe(byHand)
        expect(expanded).not.toContain('prompt_')
      }
    const line = { prompt_id: 'line', prompt_variables: { what: 1 } }
    const [expanded, byHand] = await arrivedFor(
      gateway,
      '/v1/completions',
      { model: 'one', prompt: 'x', n: 1, ...line },
      { model: 'one', prompt: 'Say 1: x', n: 1, max_tokens: 9 },
    )
    expect(expanded).toBe(byHand)
  })

  it('needs no messages and no model besides, and works where Azure names the model', async () => {
    const gateway = await started(newUrl())
    await made(gateway, { name: 'whole', template: 'Hi', model: 'two' })
    const body = { prompt_id: 'whole' }
    const arrived = [
      ...(await arrivedFor(gateway, '/v1/chat/completions', body)),
      ...(await arrivedFor(gateway, '/openai/deployments/one/chat/completions', body)),
    ]
    expect(arrived).toEqual(Array(2).fill('{"model":"two","messages":[{"role":"user","content":"Hi"}]}'))
  })

  it('has versions that are pinned, and labels that move', async () => {
    const gateway = await started(newUrl())
    await made(gateway, { name: 'p', template: 'first', labels: ['production'] })
    const second = await send(gateway, 'PUT', '/prompts/p', { template: 'second' })
    expect(second.body).toMatchObject({ id: 'p', version: 2, template: 'second', labels: ['latest'] })
    const asked = async (more: object) => {
      const body = { model: 'one', prompt_id: 'p', ...more }
      const [text] = await arrivedFor(gateway, '/v1/chat/completions', body)
      return JSON.parse(text!).messages[0].content
    }
    const wanted = [{}, { prompt_version: 1 }, { prompt_label: 'production' }, { prompt_label: 'latest' }]
    const before = []
    for (const more of wanted) before.push(await asked(more))
    expect(before).toEqual(['second', 'first', 'first', 'second'])
    const moved = await send(gateway, 'PATCH', '/prompts/p', { labels: ['production'], metadata: { by: 'ada' } })
    expect(moved.body).toMatchObject({ version: 2, labels: ['latest', 'production'], metadata: { by: 'ada' } })
    expect(await asked({ prompt_label: 'production' })).toBe('second')
    await send(gateway, 'PATCH', '/prompts/p', { labels: { production: 1 } })
    expect(await asked({ prompt_label: 'production' })).toBe('first')
    expect((await send(gateway, 'GET', '/prompts/p?label=production')).body).toMatchObject({
      ...{ version: 1, template: 'first', source: 'database' },
    })
    expect((await send(gateway, 'GET', '/prompts/p/versions')).body).toMatchObject({
      ...{ versions: [{ version: 2 }, { version: 1, labels: ['production'] }], total_count: 2 },
    })
    expect((await send(gateway, 'GET', '/prompts')).body).toMatchObject({ prompts: [{ id: 'p', version: 2 }] })
    expect((await send(gateway, 'DELETE', '/prompts/p')).body).toEqual({ id: 'p', deleted: true })
    const error = await refusal(
      openaiClient(gateway).chat.completions.create({ ...promptOnly, prompt_id: 'p' } as never),
    )
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  })

  it('is one version or another, never a mixture, while it changes under calls', async () => {
    const gateway = await started(newUrl())
    const version = (count: number) => ({ template: `text ${count}`, parameters: { seed: count } })
    await made(gateway, { name: 'p', ...version(0) })
    const calls = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? send(gateway, 'PUT', '/prompts/p', version(index))
        : send(gateway, 'POST', '/v1/chat/completions', { model: 'one', prompt_id: 'p' }),
    )
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(30).fill(200))
    expect(upstream.arrived).toHaveLength(20)
    for (const { text } of upstream.arrived) {
      const { messages, seed } = JSON.parse(text)
      expect(messages).toEqual([{ role: 'user', content: `text ${seed}` }])
    }
    expect((await send(gateway, 'GET', '/prompts/p')).body.version).toBe(11)
  })

  it('is seen by another gateway as soon as it is there', async () => {
    const url = newUrl()
    const [one, other] = [await started(url), await started(url)]
    const body = { model: 'one', prompt_id: 'p' }
    expect((await send(other, 'POST', '/v1/chat/completions', body)).status).toBe(404)
    await made(one, { name: 'p', template: 'new' })
    expect(await arrivedFor(other, '/v1/chat/completions', body)).toEqual([expect.stringContaining('new')])
  })

  it('is refused with the field at fault, and nothing is kept of it', async () => {
    const gateway = await started(newUrl())
    await made(gateway, greeting)
    const refusals: readonly (readonly [string, string, unknown, string])[] = [
      ['POST', '/prompts', { template: 'x' }, 'name'],
      ['POST', '/prompts', { name: 'a' }, 'template'],
      ['POST', '/prompts', { name: 'greeting', template: 'x' }, 'name'],
      ['POST', '/prompts', { name: 'test', template: 'x' }, 'name'],
      ['POST', '/prompts', { name: 'a\u0000b', template: 'x' }, 'name'],
      ['POST', '/prompts', { name: 'a', template: 'x', labels: ['latest'] }, 'labels'],
      ['POST', '/prompts', { name: 'a', template: 'x', promt: 'x' }, 'promt'],
      ['POST', '/prompts', { name: 'a', template: { $ne: 1 } }, 'template'],
      ['POST', '/prompts', '{"name": "a", "template": "x", "__proto__": {"admin": true}}', '__proto__'],
      ['POST', '/prompts', '{"name": "a", "template": "x", "metadata": {"constructor": 1}}', 'metadata.constructor'],
      ['PUT', '/prompts/greeting', { name: 'other', template: 'x' }, 'name'],
      ['PATCH', '/prompts/greeting', {}, 'metadata'],
      ['PATCH', '/prompts/greeting', { template: 'x' }, 'template'],
      ['PATCH', '/prompts/greeting', { labels: { a: 'b' } }, 'labels.a'],
      ['PATCH', '/prompts/greeting', { version: 0.5, metadata: {} }, 'version'],
      ['GET', '/prompts/greeting?version=x', undefined, 'prompt_version'],
      ['GET', '/prompts/greeting?vresion=1', undefined, 'vresion'],
      ['GET', '/prompts?nothing=1', undefined, 'nothing'],
      ['POST', '/prompts/test', { template: '{{a}}', variables: {} }, 'variables.a'],
      ['POST', '/prompts/test', { template: '{{a}}', variables: { a: [] } }, 'variables.a'],
    ]
    for (const [method, path, body, param] of refusals) {
      const answered = await send(gateway, method, path, body)
      expect([method, path, answered.status, answered.body.error?.param]).toEqual([method, path, 400, param])
    }
    for (const [method, path, body] of [
      ['GET', "/prompts/x' or 1=1 --", undefined],
      ['PUT', '/prompts/none', { template: 'x' }],
      ['PATCH', '/prompts/greeting', { labels: { a: 9 } }],
      ['DELETE', '/prompts/none', undefined],
      ['GET', '/prompts/greeting?version=2', undefined],
    ] as const) {
      const answered = await send(gateway, method, path, body)
      expect([path, answered.status, answered.body.error?.code]).toEqual([path, 404, 'prompt_not_found'])
    }
    expect((await send(gateway, 'GET', '/prompts')).body).toMatchObject({ total_count: 1, prompts: [{ version: 1 }] })
  })

  it('that is named wrongly is told of, and no vendor is asked', async () => {
    const gateway = await started(newUrl())
    await made(gateway, greeting)
    const refusals: readonly (readonly [object, number, string])[] = [
      [{ prompt_id: 'none' }, 404, 'prompt_id'],
      [{ prompt_id: 'greeting', prompt_version: 2 }, 404, 'prompt_id'],
      [{ prompt_id: 'greeting', prompt_label: 'x' }, 404, 'prompt_id'],
      [{ prompt_id: '__proto__' }, 404, 'prompt_id'],
      [{ prompt_id: "' or '1'='1" }, 404, 'prompt_id'],
      [{ prompt_id: {} }, 400, 'prompt_id'],
      [{ prompt_id: 'greeting', prompt_version: '1' }, 400, 'prompt_version'],
      [{ prompt_id: 'greeting', prompt_variables: 'x' }, 400, 'prompt_variables'],
      [{ prompt_id: 'greeting' }, 400, 'prompt_variables.tone'],
      [{ prompt_id: 'greeting', prompt_variables: { tone: {} } }, 400, 'prompt_variables.tone'],
      [{ prompt_id: 'greeting', prompt_variables: { tone: 'x' }, messages: 'Hi' }, 400, 'messages'],
    ]
    for (const [fields, status, param] of refusals) {
      const answered = await send(gateway, 'POST', '/v1/chat/completions', { model: 'one', ...fields })
      expect([fields, answered.status, answered.body.error?.param]).toEqual([fields, status, param])
    }
    const { body } = await send(gateway, 'POST', '/v1/completions', {
      ...{ model: 'one', prompt: 'x', prompt_id: 'greeting', prompt_variables: { tone: 'x' } },
    })
    expect(body.error).toMatchObject({ message: expect.stringContaining('consists of messages'), param: 'prompt_id' })
    expect(upstream.arrived).toEqual([])
  })

  it('cannot lead to a model that its caller may not use', async () => {
    const gateway = await started(newUrl())
    await made(gateway, { name: 'bound', template: 'Hi', model: 'two' })
    await made(gateway, { name: 'aside', template: 'Hi', parameters: { fallbacks: ['two'] } })
    for (const prompt_id of ['bound', 'aside']) {
      const call = { model: 'one', messages: hi, prompt_id }
      const answered = await send(gateway, 'POST', '/v1/chat/completions', call, NARROW_KEY)
      expect([answered.status, answered.body.error?.code]).toEqual([403, 'key_model_access_denied'])
    }
    expect(upstream.arrived).toEqual([])
  })

  it('is seen by guardrails with all that is put into it', async () => {
    const gateway = await started(
      newUrl(),
      `
guardrails:
  - guardrail_name: no-addresses
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      patterns: [{ pattern_type: prebuilt, pattern_name: email, action: MASK }]`,
    )
    await made(gateway, { name: 'p', template: 'Write to {{who}}, not to boss@example.com.' })
    const body = { model: 'one', prompt_id: 'p', prompt_variables: { who: 'ada@example.com' } }
    expect(await arrivedFor(gateway, '/v1/chat/completions', body)).toEqual([
      expect.stringContaining('Write to [EMAIL_REDACTED], not to [EMAIL_REDACTED].'),
    ])
  })

  it('is looked at and changed by those alone who may', async () => {
    const gateway = await started(newUrl())
    for (const [method, path] of [
      ['GET', '/prompts'],
      ['POST', '/prompts'],
      ['POST', '/prompts/test'],
      ['GET', '/prompts/a'],
      ['PUT', '/prompts/a'],
      ['PATCH', '/prompts/a'],
      ['DELETE', '/prompts/a'],
      ['GET', '/prompts/a/versions'],
    ] as const) {
      const body = method === 'GET' ? undefined : { template: 'x' }
      expect((await send(gateway, method, path, body, NARROW_KEY)).status).toBe(403)
    }
  })
})

const promptOnly = { model: 'one', messages: hi }

describe('POST /prompts/test', () => {
  it('resolves a prompt that is kept nowhere', async () => {
    const gateway = await started(undefined)
    const variables = { tone: 'kind', n: 2, is: false }
    const text = await send(gateway, 'POST', '/prompts/test', { template: '{{tone}} {{ n }} {{is}}', variables })
    expect(text.body).toEqual({ resolved: 'kind 2 false' })
    const messages = await send(gateway, 'POST', '/prompts/test', { messages: greeting.messages, variables })
    expect(messages.body).toEqual({ resolved: [{ role: 'system', content: 'Be kind.' }] })
    expect((await send(gateway, 'POST', '/prompts/tset', { template: 'x' })).status).toBe(405)
  })
})

describe('without prompts', () => {
  it('one that is named is not there, and to keep one needs a database', async () => {
    const gateway = await started(undefined)
    const named = await send(gateway, 'POST', '/v1/chat/completions', { ...promptOnly, prompt_id: 'a' })
    expect([named.status, named.body.error.code]).toEqual([404, 'prompt_not_found'])
    expect((await send(gateway, 'GET', '/prompts')).body).toMatchObject({ prompts: [], total_count: 0 })
    const kept = await send(gateway, 'POST', '/prompts', greeting)
    expect([kept.status, kept.body.error.code]).toEqual([400, 'no_db_connection'])
  })

  it('the fields of one mean nothing where there are none: embeddings are as they are', async () => {
    const gateway = await started(undefined)
    const body = { model: 'one', input: 'x', prompt_id: 'a' }
    expect(await arrivedFor(gateway, '/v1/embeddings', body)).toEqual(['{"model":"one","input":"x"}'])
  })
})

describe('prompts of the configuration', () => {
  const own = (name: string, files: Readonly<Record<string, string>>) => {
    mkdirSync(join(folder, name))
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text)
    return join(folder, name)
  }
  const askedFor = async (gateway: Started, fields: object) => {
    const [text] = await arrivedFor(gateway, '/v1/chat/completions', { model: 'one', ...fields })
    return JSON.parse(text!)
  }

  it('are files, data or text', async () => {
    const files = own('all', {
      'hello.prompt': '---\nmodel: two\ntemperature: 0\n---\nSystem: Be brief.\nUser: Greet {{name}}.',
      'hello.v1.prompt': 'Old {{name}}.',
      'shared.prompt': 'Shared.',
    })
    const gateway = await started(
      undefined,
      `
litellm_settings: { global_prompt_directory: '${files}' }
prompts:
  - { prompt_id: filed, litellm_params: { prompt_id: hello, prompt_integration: dotprompt, prompt_directory: '${files}' } }
  - prompt_id: data
    litellm_params:
      prompt_integration: dotprompt
      prompt_data: { data: { content: 'User: Hi {{name}}', metadata: { model: two, temperature: 1 } } }
  - prompt_id: text
    litellm_params: { prompt_id: text, prompt_integration: dotprompt, dotprompt_content: "---\\nmodel: two\\n---\\nHi {{name}}" }
    prompt_info: { prompt_type: config }
`,
    )
    expect(gateway.warnings).toEqual([])
    const prompt_variables = { name: 'Ada' }
    const greet = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Greet Ada.' },
    ]
    const asked = { model: 'two', messages: greet, temperature: 0 }
    expect(await askedFor(gateway, { prompt_id: 'filed', prompt_variables })).toEqual(asked)
    expect(await askedFor(gateway, { prompt_id: 'hello', prompt_version: 2, prompt_variables })).toEqual(asked)
    expect(await askedFor(gateway, { prompt_id: 'filed', prompt_version: 1, prompt_variables })).toEqual({
      ...{ model: 'one', messages: [{ role: 'user', content: 'Old Ada.' }] },
    })
    const hiAda = [{ role: 'user', content: 'Hi Ada' }]
    expect(await askedFor(gateway, { prompt_id: 'data', prompt_variables })).toEqual({
      ...{ model: 'two', messages: hiAda, temperature: 1 },
    })
    expect(await askedFor(gateway, { prompt_id: 'text', prompt_variables })).toEqual({ model: 'two', messages: hiAda })
    expect(await askedFor(gateway, { prompt_id: 'shared' })).toMatchObject({ messages: [{ content: 'Shared.' }] })
  })

  it('are shown, and changed in the file alone', async () => {
    const text = `
prompts: [{ prompt_id: text, litellm_params: { prompt_integration: dotprompt, dotprompt_content: Hi } }]`
    const gateway = await started('sqlite::memory:', text)
    await made(gateway, { name: 'stored', template: 'x' })
    expect((await send(gateway, 'GET', '/prompts')).body.prompts).toMatchObject([
      { id: 'text', version: 1, source: 'config' },
      { id: 'stored', version: 1, source: 'database' },
    ])
    expect((await send(gateway, 'GET', '/prompts/text')).body).toMatchObject({ template: 'Hi', source: 'config' })
    expect((await send(gateway, 'GET', '/prompts/text/versions')).body).toMatchObject({ versions: [{ version: 1 }] })
    for (const [method, path, body] of [
      ['POST', '/prompts', { name: 'text', template: 'x' }],
      ['PUT', '/prompts/text', { template: 'x' }],
      ['PATCH', '/prompts/text', { metadata: {} }],
      ['DELETE', '/prompts/text', undefined],
    ] as const) {
      const answered = await send(gateway, method, path, body)
      expect([answered.status, answered.body.error.code]).toEqual([400, 'prompt_is_configured'])
    }
  })

  it('that cannot be used are left out, with a warning at their places', async () => {
    const files = own('faulty', { 'loop.prompt': '{% for x in y %}', 'fine.prompt': 'Fine.' })
    symlinkSync('/etc/hostname', join(files, 'outside.prompt'))
    const gateway = await started(
      undefined,
      `litellm_settings: { global_prompt_directory: '${files}' }
prompts:
  - { prompt_id: a, litellm_params: { prompt_integration: langfuse } }
  - { prompt_id: b, litellm_params: { prompt_integration: dotprompt } }
  - { prompt_id: ../fine, litellm_params: { prompt_integration: dotprompt, prompt_directory: '${files}/x' } }
  - { prompt_id: outside, litellm_params: { prompt_integration: dotprompt, prompt_directory: '${files}' } }
  - { prompt_id: c }
  - { prompt_id: d, litellm_params: { prompt_integration: generic_prompt_management } }`,
    )
    expect(gateway.warnings.map(({ path, message }) => [path, message.replaceAll(files, 'files')])).toEqual([
      [
        'litellm_settings.global_prompt_directory',
        expect.stringMatching(/^loop\.prompt: .* it has "\{%"; .* left out\.$/),
      ],
      [
        'litellm_settings.global_prompt_directory',
        expect.stringContaining('outside.prompt: it leads out of its folder'),
      ],
      ['prompts[0].litellm_params.prompt_integration', expect.stringContaining('no callback "langfuse" with prompts')],
      ['prompts[1].litellm_params.prompt_integration', expect.stringContaining('dotprompt needs prompt_directory')],
      ['prompts[2].litellm_params.prompt_directory', expect.stringContaining('files/x cannot be read')],
      ['prompts[3].litellm_params.prompt_directory', expect.stringContaining('leads out of its folder')],
      ['prompts[4]', expect.stringContaining('needs litellm_params')],
      ['prompts[5].litellm_params.api_base', expect.stringContaining('needs the URL')],
    ])
    expect(await askedFor(gateway, { prompt_id: 'fine' })).toMatchObject({ messages: [{ content: 'Fine.' }] })
  })

  it('may belong to a group: then its calls need not name one', async () => {
    answer()
    const bot = await startGateway(`
model_list:
  - {model_name: one, litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: sk-vendor}}
  - model_name: bot
    litellm_params: { model: openai/one, api_base: ${upstream.url}, api_key: k, prompt_id: help, prompt_variables: { who: us } }
prompts: [{ prompt_id: help, litellm_params: { prompt_integration: dotprompt, dotprompt_content: "---\\nmodel: two\\n---\\nHelp {{who}}." } }]`)
    onTestFinished(() => bot.stop(100))
    const help = (who: string) => ({ model: 'one', messages: [{ role: 'user', content: `Help ${who}.` }, ...hi] })
    expect(await askedFor(bot, { messages: hi })).toEqual({ model: 'one', messages: hi })
    expect(await askedFor(bot, { model: 'bot', messages: hi })).toEqual(help('us'))
    expect(await askedFor(bot, { model: 'bot', messages: hi, prompt_variables: { who: 'me' } })).toEqual(help('me'))
  })

  it('may be those of a server or of a callback', async () => {
    const server = await fakeUpstream()
    onTestFinished(() => server.close())
    server.script({ body: { prompt_template: [{ role: 'user', content: 'Hi {name}' }], prompt_template_model: 'two' } })
    register({
      ...{ kind: 'callback', name: 'prompt_friend', title: 'Friend', docs: 'https://example.com' },
      options: (await import('valibot')).looseObject({}),
      create: () => ({
        prompts: { find: (id: string) => (id === 'theirs' ? { template: 'Dear {{name}}' } : undefined) },
      }),
    } as never)
    const gateway = await started(
      undefined,
      `
litellm_settings: { callbacks: [prompt_friend] }
prompts:
  - prompt_id: served
    litellm_params:
      prompt_integration: generic_prompt_management
      api_base: ${server.url}
      api_key: sk-prompts
      ignore_prompt_manager_model: true
  - { prompt_id: ours, litellm_params: { prompt_id: theirs, prompt_integration: prompt_friend } }`,
    )
    const prompt_variables = { name: 'Ada' }
    expect(await askedFor(gateway, { prompt_id: 'served', prompt_variables })).toEqual({
      ...{ model: 'one', messages: [{ role: 'user', content: 'Hi Ada' }] },
    })
    for (const prompt_id of ['ours', 'theirs'])
      expect(await askedFor(gateway, { prompt_id, prompt_variables })).toMatchObject({
        messages: [{ content: 'Dear Ada' }],
      })
    server.script({ status: 500 })
    const failed = await send(gateway, 'POST', '/v1/chat/completions', {
      ...{ model: 'one', prompt_id: 'served', prompt_version: 7 },
    })
    expect(failed.status).toBe(500)
    expect(failed.text).not.toContain('sk-prompts')
  })
})
