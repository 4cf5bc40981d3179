import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '@tianjillm/core'
import { type Arrived, type FakeUpstream, fakeUpstream, type Scripted, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { anthropicWire, contentIn, eventsIn, openaiWire } from './events.ts'
import { gatewayAndUpstream, MASTER_KEY, startGateway } from './support.ts'

const events = { 'content-type': 'text/event-stream' }
/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:1'

let judge: FakeUpstream
let ingestion: FakeUpstream

beforeAll(async () => {
  judge = await fakeUpstream()
  ingestion = await fakeUpstream()
})

afterAll(() => Promise.all([judge.close(), ingestion.close()]))

const models = (url: string) => `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${url}/v1, api_key: vendor-key-of-the-tests}}
  - {model_name: counted, litellm_params: {model: openai/gpt-4o, api_base: ${url}/v1, api_key: vendor-key-of-the-tests}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${url}, api_key: vendor-key-of-the-tests}}
`

const langfuse = (url: string) =>
  `{public_key: pk-lf-of-the-tests, secret_key: sk-lf-of-the-tests, api_base: ${url}, flush_interval: 0.02}`

const lakera = (name: string, mode: string, url: string, more = '') =>
  `  - {guardrail_name: ${name}, litellm_params: {guardrail: lakera_v2, mode: ${mode}, api_base: ${url}, api_key: lakera-key${more}}}`

const filter = (name: string, mode: string, more = '') => `
  - guardrail_name: ${name}
    litellm_params:
      guardrail: litellm_content_filter
      mode: ${mode}${more}
      patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}]
      blocked_words: [{keyword: forbidden, action: BLOCK}]
`

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `${models(url)}
general_settings: {master_key: ${MASTER_KEY}}
litellm_settings: {callbacks: [langfuse, prometheus]}
callback_settings: {langfuse: ${langfuse(ingestion.url)}}
guardrails:
${lakera('before', 'pre_call', judge.url)}
${lakera('beside', 'during_call', judge.url)}
${lakera('after', 'post_call', judge.url)}
${lakera('around', '[pre_call, post_call]', judge.url)}
${lakera('quick', 'pre_call', judge.url, ', timeout: 0.2')}
${lakera('strict', 'pre_call', DEAD)}
${lakera('lenient', 'pre_call', DEAD, ', unreachable_fallback: fail_open')}
${filter('masks', 'pre_call')}
${filter('masks-answers', 'post_call')}
${filter('masks-logs', 'logging_only')}
`,
)

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function post(path: string, body: BodyInit | object, url: string = gateway().url): Promise<Reply> {
  const isForm = body instanceof FormData
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER_KEY}`, ...(!isForm && { 'content-type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const user = (content: unknown) => [{ role: 'user', content }]

function chat(content: unknown, more: object = {}, url?: string): Promise<Reply> {
  return post('/v1/chat/completions', { model: 'gpt', messages: user(content), ...more }, url)
}

const guardedBy = (...guardrails: readonly string[]) => ({ guardrails })

const completion = (content: string, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o',
  choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
})

const messagesAnswer = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 3, output_tokens: 2 },
})

/** Lakera, which flags attacks and knows where Ann's name is. */
function verdict({ text }: Pick<Arrived, 'text'>): Scripted {
  const { messages } = JSON.parse(text) as { messages: readonly { content: string }[] }
  const found = (detector_type: string, word: string) =>
    messages.flatMap(({ content }, message_id) =>
      content.includes(word)
        ? [{ detector_type, message_id, detected: true, start: content.indexOf(word), end: 0, text: word }]
        : [],
    )
  const attacks = found('prompt_attack', 'attack')
  const names = found('pii/name', 'Ann')
  return { body: { flagged: attacks.length + names.length > 0, breakdown: [...attacks, ...names], payload: names } }
}

beforeEach(() => {
  judge.script(verdict)
  ingestion.script({ status: 207, body: { successes: [], errors: [] } })
  upstream().script({ body: completion('Hi') })
})

const errorIn = ({ text }: Reply) => (JSON.parse(text) as { readonly error: JsonObject }).error
const sentMessages = () => (JSON.parse(upstream().arrived[0]!.text) as JsonObject).messages
const blocked = { type: 'invalid_request_error', code: 'guardrail_blocked', param: null }

describe('a guardrail before the call', () => {
  it('blocks what it flags, and the vendor hears nothing of it', async () => {
    const reply = await chat('an attack', guardedBy('before'))
    expect(reply.status).toBe(400)
    expect(errorIn(reply)).toMatchObject({
      ...blocked,
      message: 'Blocked by the guardrail before: Violated guardrail policy',
      provider_specific_fields: { guardrail_name: 'before', lakera_guardrail_response: { flagged: true } },
    })
    expect(upstream().arrived).toEqual([])
  })

  it('lets the rest pass, and says that it judged', async () => {
    const reply = await chat('Hello', { ...guardedBy('before', 'masks'), temperature: 0.5 })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-litellm-applied-guardrails')).toBe('before,masks')
    expect(reply.headers.get('x-tianji-applied-guardrails')).toBe('before,masks')
    expect(JSON.parse(upstream().arrived[0]!.text)).toEqual({
      model: 'gpt-4o',
      messages: user('Hello'),
      temperature: 0.5,
    })
    expect(judge.arrived[0]).toMatchObject({ path: '/v2/guard', headers: { authorization: 'Bearer lakera-key' } })
    expect(JSON.parse(judge.arrived[0]!.text)).toMatchObject({ messages: user('Hello') })
  })

  it('is not asked unless the request names it', async () => {
    const reply = await chat('an attack')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-litellm-applied-guardrails')).toBeNull()
    expect(judge.arrived).toEqual([])
  })

  it('masks what the vendor must not see', async () => {
    await chat('I am Ann, hello', guardedBy('before'))
    expect(sentMessages()).toEqual(user('I am [MASKED NAME], hello'))
  })

  it('masks in every part and leaves the others alone', async () => {
    const image = { type: 'image_url', image_url: { url: 'https://x.test/a.png' } }
    await chat([{ type: 'text', text: 'Write to a@b.test' }, image, { type: 'text', text: 'or c@d.test' }], {
      ...guardedBy('masks'),
      stop: ['e@f.test'],
    })
    expect(sentMessages()).toEqual(
      user([{ type: 'text', text: 'Write to [EMAIL_REDACTED]' }, image, { type: 'text', text: 'or [EMAIL_REDACTED]' }]),
    )
    expect(JSON.parse(upstream().arrived[0]!.text)).toMatchObject({ stop: ['e@f.test'] })
  })

  it('masks for a vendor of another wire', async () => {
    upstream().script({ body: messagesAnswer('Hi') })
    await chat('Write to a@b.test', { ...guardedBy('masks'), model: 'claude', max_tokens: 5 })
    expect(upstream().arrived[0]!.text).toContain('Write to [EMAIL_REDACTED]')
    expect(upstream().arrived[0]!.text).not.toContain('a@b.test')
  })

  it('masks texts to be embedded', async () => {
    upstream().script({ body: { object: 'list', model: 'e', data: [] } })
    await post('/v1/embeddings', { model: 'gpt', input: ['a@b.test', 'hello'], ...guardedBy('masks') })
    expect(JSON.parse(upstream().arrived[0]!.text)).toMatchObject({ input: ['[EMAIL_REDACTED]', 'hello'] })
  })

  it('masks the prompt of a form and keeps its file', async () => {
    upstream().script({ body: { created: 1, data: [{ url: 'https://x.test/1.png' }] } })
    const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff])
    const form = new FormData()
    form.append('model', 'gpt')
    form.append('prompt', 'Draw a@b.test')
    form.append('guardrails', 'masks')
    form.append('image', new Blob([bytes], { type: 'image/png' }), 'a.png')
    expect((await post('/v1/images/edits', form)).status).toBe(200)
    const { headers, body } = upstream().arrived[0]!
    const sent = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type']! },
    }).formData()
    expect(Object.fromEntries([...sent].filter(([name]) => name !== 'image'))).toEqual({
      model: 'gpt-4o',
      prompt: 'Draw [EMAIL_REDACTED]',
    })
    expect(new Uint8Array(await (sent.get('image') as File).arrayBuffer())).toEqual(bytes)
  })

  it('is no longer asked when the client has gone', async () => {
    judge.script(({ abandoned }) => abandoned.then(() => ({})))
    const controller = new AbortController()
    const { url } = gateway()
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt', messages: user('Hello'), ...guardedBy('before') }),
      signal: controller.signal,
    }).catch(() => {})
    await expect.poll(() => judge.arrived.length, { interval: 5 }).toBe(1)
    controller.abort()
    await judge.arrived[0]!.abandoned
    expect(upstream().arrived).toEqual([])
  })
})

describe('a guardrail beside the call', () => {
  /** Judges only when the vendor has been asked, too. */
  const whenAsked = async (request: Arrived) => {
    await expect.poll(() => upstream().arrived.length, { interval: 5 }).toBe(1)
    return verdict(request)
  }

  it('judges while the vendor works, and stops it when it blocks', async () => {
    judge.script(whenAsked)
    upstream().script(({ abandoned }) => abandoned.then(() => ({})))
    const reply = await chat('an attack', guardedBy('beside'))
    expect(reply.status).toBe(400)
    expect(errorIn(reply)).toMatchObject(blocked)
    await upstream().arrived[0]!.abandoned
  })

  it.each([openaiWire, anthropicWire])('holds $title back until it agrees', async (wire) => {
    judge.script(whenAsked)
    upstream().script({ headers: events, pieces: [...wire.begin('secret'), ...wire.end] })
    const stream = { model: wire.model, stream: true }
    const good = await chat('Hello', { ...guardedBy('beside'), ...stream })
    expect(contentIn(good.text)).toBe('secret')
    expect(good.headers.get('x-litellm-applied-guardrails')).toBe('beside')

    judge.script(async (request) => {
      await sleep(100)
      return verdict(request)
    })
    const bad = await chat('an attack', { ...guardedBy('beside'), ...stream })
    expect(bad.status).toBe(400)
    expect(bad.text).not.toContain('secret')
  })
})

describe('a guardrail after the call', () => {
  it('blocks an answer', async () => {
    upstream().script({ body: completion('an attack plan') })
    const reply = await chat('Hello', guardedBy('after'))
    expect(reply.status).toBe(400)
    expect(errorIn(reply)).toMatchObject(blocked)
    expect(reply.text).not.toContain('plan')
  })

  it('masks an answer and leaves the rest of it as it was', async () => {
    upstream().script({ body: completion('Write to a@b.test') })
    const { text } = await chat('Hello', guardedBy('masks-answers'))
    expect(JSON.parse(text)).toEqual(completion('Write to [EMAIL_REDACTED]'))
  })

  it('masks each of several choices', async () => {
    const [choice] = completion('a@b.test').choices
    const choices = [choice, { ...choice, index: 1, message: { role: 'assistant', content: 'hello' } }]
    upstream().script({ body: { ...completion(''), choices } })
    const { text } = await chat('Hello', { ...guardedBy('masks-answers'), n: 2 })
    const answer = JSON.parse(text) as { choices: { message: { content: string } }[] }
    expect(answer.choices.map(({ message }) => message.content)).toEqual(['[EMAIL_REDACTED]', 'hello'])
  })

  it.each([openaiWire, anthropicWire])('blocks $title before anything of it leaves', async (wire) => {
    upstream().script({ headers: events, pieces: [...wire.begin('an att', 'ack plan'), ...wire.end] })
    const reply = await chat('Hello', { ...guardedBy('after'), model: wire.model, stream: true })
    expect({ status: reply.status, type: reply.headers.get('content-type') }).toEqual({
      status: 400,
      type: 'application/json',
    })
    expect(errorIn(reply)).toMatchObject(blocked)
    expect(reply.text).not.toContain('plan')
  })

  it.each([openaiWire, anthropicWire])('masks $title, across its pieces', async (wire) => {
    upstream().script({ headers: events, pieces: [...wire.begin('Write to a', '@b.', 'test now'), ...wire.end] })
    const more = { ...guardedBy('masks-answers'), stream: true, stream_options: { include_usage: true } }
    const { text } = await chat('Hello', { ...more, model: wire.model })
    expect(contentIn(text)).toBe('Write to [EMAIL_REDACTED] now')
    expect(eventsIn(text).at(-2)).toMatchObject({ choices: [], usage: { total_tokens: 5 } })
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  })

  it('masks a streamed text completion', async () => {
    const chunk = (text: string, finish_reason: string | null = null) => ({
      ...{ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'gpt-4o' },
      choices: [{ index: 0, text, finish_reason }],
    })
    upstream().script({ headers: events, pieces: [sse(chunk('a@'), chunk('b.test'), chunk('', 'stop'), '[DONE]')] })
    const { text } = await post('/v1/completions', {
      model: 'gpt',
      prompt: 'Hello',
      stream: true,
      ...guardedBy('masks-answers'),
    })
    expect(contentIn(text)).toBe('[EMAIL_REDACTED]')
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  })

  it.each([openaiWire, anthropicWire])('holds $title back until its end', async (wire) => {
    upstream().script({ headers: events, pieces: wire.begin('Hel'), hangs: true })
    const controller = new AbortController()
    const answer = fetch(`${gateway().url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: wire.model, stream: true, messages: user('Hello'), ...guardedBy('after') }),
      signal: controller.signal,
    })
    answer.catch(() => {})
    expect(await Promise.race([answer.then(() => 'something'), sleep(300, 'nothing')])).toBe('nothing')
    controller.abort()
    await upstream().arrived[0]!.abandoned
  })

  it('judges what the model thought', async () => {
    upstream().script({ body: completion('Hi', { reasoning_content: 'They are a@b.test' }) })
    const { text } = await chat('Hello', guardedBy('masks-answers'))
    expect(text).not.toContain('a@b.test')
  })

  it('judges what the model hands to tools', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'mail', arguments: '{"to":"a@b.test"}' } }
    upstream().script({ body: completion('', { tool_calls: [call] }) })
    const { text } = await chat('Hello', guardedBy('masks-answers'))
    expect(text).not.toContain('a@b.test')
  })

  it('is told once, however often it judged', async () => {
    const { headers } = await chat('Hello', guardedBy('around'))
    expect(judge.arrived.length).toBe(2)
    expect(headers.get('x-litellm-applied-guardrails')).toBe('around')
  })
})

describe('a guardrail that cannot judge', () => {
  const unavailable = { type: 'api_error', code: 'guardrail_unavailable', param: null }

  it.each([
    ['cannot be reached', 'strict', {}],
    ['is broken', 'before', { status: 500, body: 'oops' }],
    ['refuses the key', 'before', { status: 401, body: {} }],
    ['gives no verdict', 'before', { body: { ok: true } }],
    ['answers with no JSON', 'before', { body: '<html>' }],
    ['dies', 'before', { body: '{"flagged":', dies: true }],
    ['takes too long', 'quick', { delay: 1500 }],
  ])('fails the request when it %s', async (_title, name, script) => {
    judge.script(script)
    const reply = await chat('Hello', guardedBy(name))
    expect({ status: reply.status, ...errorIn(reply) }).toMatchObject({ status: 503, ...unavailable })
    expect(upstream().arrived).toEqual([])
  })

  it('lets the request pass when it is configured to', async () => {
    const { status, text } = await chat('an attack', guardedBy('lenient'))
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual(completion('Hi'))
  })

  it('fails an answer it cannot judge', async () => {
    judge.script({ status: 500 })
    const reply = await chat('Hello', guardedBy('after'))
    expect({ status: reply.status, ...errorIn(reply) }).toMatchObject({ status: 503, ...unavailable })
  })
})

describe('the guardrails of a request', () => {
  it.each([
    ['nobody', 'The guardrail "nobody" is not configured.'],
    ['__proto__', 'The guardrail "__proto__" is not configured.'],
  ])('must be configured (%s)', async (name, message) => {
    const reply = await chat('Hello', guardedBy('before', name))
    expect({ status: reply.status, ...errorIn(reply) }).toMatchObject({ status: 400, param: 'guardrails', message })
    expect(judge.arrived).toEqual([])
  })

  it('cannot switch off those that always run', async () => {
    const always = await startGateway(`${models(upstream().url)}
guardrails:${filter('always', 'pre_call', '\n      default_on: true')}`)
    try {
      for (const guardrails of [undefined, [], null, {}, ['always'], 'always', false]) {
        const reply = await chat('something forbidden', { guardrails }, always.url)
        expect({ guardrails, status: reply.status }).toEqual({ guardrails, status: 400 })
      }
      expect(upstream().arrived).toEqual([])
    } finally {
      await always.stop(500)
    }
  })
})

interface IngestionEvent {
  readonly type: string
  readonly body: JsonObject
}

describe('langfuse', () => {
  const about = (id: string) => ({ metadata: { trace_id: id, team: 'shop' } })
  const input = user('Hello')
  const output = { role: 'assistant', content: 'Hi there' }
  const usage = { input: 3, output: 2, total: 5, unit: 'TOKENS' }

  /** The trace and the generation that Langfuse was told of. */
  async function told(id: string): Promise<{ readonly trace: JsonObject; readonly generation: JsonObject }> {
    const found = () =>
      ingestion.arrived
        .flatMap(({ text }) => (JSON.parse(text) as { readonly batch: readonly IngestionEvent[] }).batch)
        .filter(({ body }) => body.id === id || body.traceId === id)
    await expect.poll(() => found().map(({ type }) => type)).toEqual(['trace-create', 'generation-create'])
    const [trace, generation] = found()
    return { trace: trace!.body, generation: generation!.body }
  }

  it('is told of an answer', async () => {
    upstream().script({ body: completion('Hi there') })
    await chat('Hello', { ...about('trace-json'), temperature: 0.5 })
    const { trace, generation } = await told('trace-json')
    expect(trace).toMatchObject({ input, output })
    expect(generation).toMatchObject({
      input,
      output,
      usage,
      model: 'gpt-4o',
      level: 'DEFAULT',
      modelParameters: { temperature: 0.5 },
      metadata: { team: 'shop', model_group: 'gpt', custom_llm_provider: 'openai', user_api_key_alias: 'master_key' },
    })
    const authorization = `Basic ${btoa('pk-lf-of-the-tests:sk-lf-of-the-tests')}`
    expect(ingestion.arrived[0]).toMatchObject({ path: '/api/public/ingestion', headers: { authorization } })
  })

  it.each([openaiWire, anthropicWire])('is told of $title', async (wire) => {
    upstream().script({ headers: events, pieces: [...wire.begin('Hi', ' there'), ...wire.end] })
    const stream = { stream: true, stream_options: { include_usage: true } }
    await chat('Hello', { ...about(`trace-${wire.model}`), ...stream, model: wire.model })
    const { trace, generation } = await told(`trace-${wire.model}`)
    expect(trace).toMatchObject({ input, output })
    expect(generation).toMatchObject({
      input,
      output,
      usage,
      level: 'DEFAULT',
      completionStartTime: expect.any(String),
    })
  })

  it.each([openaiWire, anthropicWire])('is told of $title that broke, with what there was of it', async (wire) => {
    upstream().script({ headers: events, pieces: wire.begin('Hi', ' there'), dies: true })
    await chat('Hello', { ...about(`broken-${wire.model}`), stream: true, model: wire.model })
    const { generation } = await told(`broken-${wire.model}`)
    expect(generation).toMatchObject({ input, output, level: 'ERROR', statusMessage: expect.stringMatching(/broke/) })
  })

  it('is told of a failure, without the key that the vendor repeats', async () => {
    upstream().script({ status: 400, body: { error: { message: 'Not with vendor-key-of-the-tests' } } })
    await chat('Hello', about('trace-failure'))
    const { trace, generation } = await told('trace-failure')
    expect(trace).toMatchObject({ input })
    expect(generation).toMatchObject({ input, level: 'ERROR', statusMessage: 'openai: Not with [redacted]' })
  })

  it('is told of what a guardrail blocked', async () => {
    await chat('something forbidden', { ...about('trace-blocked'), ...guardedBy('masks') })
    const { generation } = await told('trace-blocked')
    expect(generation).toMatchObject({ level: 'ERROR', statusMessage: expect.stringMatching(/^Blocked by/) })
  })

  it('is told what a guardrail left of a request and an answer', async () => {
    upstream().script({ body: completion('Ask c@d.test') })
    await chat('I am a@b.test', { ...about('trace-masked'), ...guardedBy('masks', 'masks-answers') })
    const { trace, generation } = await told('trace-masked')
    expect(JSON.stringify([trace, generation])).not.toMatch(/@[bd]\.test/)
    expect(generation).toMatchObject({
      input: user('I am [EMAIL_REDACTED]'),
      output: { content: 'Ask [EMAIL_REDACTED]' },
    })
  })

  it.each([openaiWire, anthropicWire])('is told of an error that the vendor reports in $title', async (wire) => {
    const done = wire === openaiWire ? [sse('[DONE]')] : []
    upstream().script({ headers: events, pieces: [...wire.begin('Hi', ' there'), wire.failure, ...done] })
    await chat('Hello', { ...about(`reported-${wire.model}`), stream: true, model: wire.model })
    const { generation } = await told(`reported-${wire.model}`)
    expect(generation).toMatchObject({ output, level: 'ERROR', statusMessage: expect.any(String) })
  })

  it('is told what a guardrail leaves to be logged, though vendor and client get all', async () => {
    upstream().script({ body: completion('Ask c@d.test') })
    const { text } = await chat('I am a@b.test', { ...about('trace-logged'), ...guardedBy('masks-logs') })
    expect(JSON.parse(text)).toEqual(completion('Ask c@d.test'))
    expect(sentMessages()).toEqual(user('I am a@b.test'))
    const { trace, generation } = await told('trace-logged')
    expect(JSON.stringify([trace, generation])).not.toMatch(/@[bd]\.test/)
    expect(generation).toMatchObject({
      input: user('I am [EMAIL_REDACTED]'),
      output: { content: 'Ask [EMAIL_REDACTED]' },
    })
  })

  it('hears of the calls around one that cannot be told', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const body = (id: string, more: string) =>
      `{"model":"gpt","messages":${JSON.stringify(input)},"metadata":{"trace_id":"${id}"${more}}}`
    const send = (text: string) =>
      fetch(`${gateway().url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
        body: text,
      })
    const replies = [body('near-1', ''), body('deep-1', `,"x":${deep}`), body('near-2', '')].map(send)
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200, 200])
    await told('near-1')
    await told('near-2')
  })
})

describe('a callback that is out of order', () => {
  const withLangfuse = (url: string) =>
    startGateway(`${models(upstream().url)}
litellm_settings: {callbacks: [langfuse]}
callback_settings: {langfuse: ${langfuse(url)}}`)

  it.each([
    ['is dead', () => DEAD],
    ['never answers', () => ingestion.url],
  ])('neither delays nor fails a call when it %s', async (_title, url) => {
    ingestion.script(({ abandoned }) => abandoned.then(() => ({})))
    const other = await withLangfuse(url())
    const start = performance.now()
    for (let count = 0; count < 10; count++) expect((await chat('Hello', {}, other.url)).status).toBe(200)
    // Its retries would make each of them a second later, its time limit ten.
    expect(performance.now() - start).toBeLessThan(5000)
    const stop = performance.now()
    await other.stop(500)
    expect(performance.now() - stop).toBeLessThan(5000)
  })
})

describe('prometheus', () => {
  /** The sum of a metric's samples that have these labels. */
  async function metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const page = await fetch(`${gateway().url}/metrics`)
    expect(page.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const samples = (await page.text()).split('\n').filter((line) => line.startsWith(`${name}{`))
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return samples
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }
  const counted = { requested_model: 'counted' }

  it('counts calls, streams, failures and tokens', async () => {
    upstream().script(
      { body: completion('Hi') },
      { headers: events, pieces: [...openaiWire.begin('Hi'), ...openaiWire.end] },
      { status: 500, body: { error: { message: 'oops' } } },
    )
    await chat('Hello', { model: 'counted' })
    await chat('Hello', { model: 'counted', stream: true })
    await chat('Hello', { model: 'counted' })
    const total = 'litellm_proxy_total_requests_metric_total'
    await expect.poll(() => metric(total, counted)).toBe(3)
    expect(await metric(total, { ...counted, status_code: '200', route: '/v1/chat/completions' })).toBe(2)
    expect(await metric(total, { ...counted, status_code: '500' })).toBe(1)
    expect(await metric('litellm_proxy_failed_requests_metric_total', counted)).toBe(1)
    expect(await metric('litellm_input_tokens_metric_total', counted)).toBe(6)
    expect(await metric('litellm_output_tokens_metric_total', counted)).toBe(4)
    expect(await metric('litellm_request_total_latency_metric_count', counted)).toBe(2)
  })
})
