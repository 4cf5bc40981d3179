import { type CallReport, defineCallback, register } from '@tianjillm/core'
import { type Scripted, sse } from '@tianjillm/testing'
import { countText, countTokens } from '@tianjillm/tokens'
import * as v from 'valibot'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { openaiClient } from './clients/openai-client.ts'
import { anthropicWire, openaiWire, type Wire } from './events.ts'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'

const reports: CallReport[] = []
register(
  defineCallback({
    name: 'estimates_test',
    title: 'Reports of this file',
    docs: 'https://example.com',
    options: v.object({}),
    create: () => ({ success: (report) => void reports.push(report), failure: (report) => void reports.push(report) }),
  }),
)
beforeEach(() => {
  reports.length = 0
})

const prices = 'input_cost_per_token: 0.001, output_cost_per_token: 0.002'
const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${url}/v1, api_key: any, ${prices}}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${url}, api_key: any, ${prices}}}
  - {model_name: unpriced, litellm_params: {model: openai/of-my-own, api_base: ${url}/v1, api_key: any}}
  - {model_name: embedder, litellm_params: {model: openai/embedder, api_base: ${url}/v1, api_key: any, ${prices}}}
general_settings: {master_key: ${MASTER_KEY}}
litellm_settings: {callbacks: [estimates_test]}
router_settings: {num_retries: 0}
`,
)

const messages = [{ role: 'user' as const, content: 'Tell me about the sea, in a few thousand words.' }]
const events = { 'content-type': 'text/event-stream' }

/** Pieces of prose as models send them, some thousand tokens in all. */
const said = Array.from({ length: 2_000 }, (_, at) => `${['the', 'sea', 'rises', 'and', 'falls,'][at % 5]} ${at % 97} `)
const few = said.slice(0, 10)

async function reported(): Promise<CallReport> {
  // The first one waits for what counts to be loaded.
  return vi.waitFor(
    () => {
      expect(reports).toHaveLength(1)
      return reports[0]!
    },
    { timeout: 10_000 },
  )
}

/** Expects tokens of the prompt exactly, of the answer within a tenth, and their price. */
async function expectEstimate(text: string): Promise<void> {
  const { usage, usageIsEstimated, cost } = await reported()
  const [prompt, completion] = [await countTokens({ messages }), await countText(text)]
  expect(usageIsEstimated).toBe(true)
  expect(usage?.prompt_tokens).toBe(prompt)
  expect(usage?.completion_tokens).toBeGreaterThan(completion * 0.9)
  expect(usage?.completion_tokens).toBeLessThan(completion * 1.1)
  expect(usage?.total_tokens).toBe(prompt + usage!.completion_tokens)
  expect(cost).toBeCloseTo(prompt * 0.001 + usage!.completion_tokens * 0.002, 9)
}

/** Takes a stream until it has said all of `texts`, and hangs up though the vendor goes on. */
async function hangUpAfter(model: string, texts: readonly string[]): Promise<void> {
  const stream = await openaiClient(gateway()).chat.completions.create({ model, messages, stream: true })
  let heard = ''
  for await (const { choices } of stream) {
    heard += choices[0]?.delta.content ?? ''
    if (heard === texts.join('')) break
  }
  await upstream().arrived[0]!.abandoned
}

describe.each<Wire>([openaiWire, anthropicWire])('$title', ({ model, begin, end }) => {
  it.each([
    ['short', few],
    ['long', said],
  ])('costs what was sent of it when its client hangs up: a %s one', async (_length, texts) => {
    upstream().script({ headers: events, pieces: begin(...texts), hangs: true })
    await hangUpAfter(model, texts)
    await expectEstimate(texts.join(''))
    expect(reports[0]).toMatchObject({ status: 'failure', stream: true, error: { kind: 'client_closed' } })
  })

  it('costs what was sent of it when it breaks off', async () => {
    upstream().script({ headers: events, pieces: begin(...few), dies: true })
    const stream = await openaiClient(gateway()).chat.completions.create({ model, messages, stream: true })
    await expect(Array.fromAsync(stream)).rejects.toThrow()
    await expectEstimate(few.join(''))
  })

  it('costs what its vendor counted, where it did', async () => {
    upstream().script({ headers: events, pieces: [...begin(...few), ...end] })
    await openaiClient(gateway()).chat.completions.stream({ model, messages }).finalContent()
    const { usage, cost } = await reported()
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 2 })
    expect(cost).toBeCloseTo(0.007, 9)
    expect(reports[0]).not.toHaveProperty('usageIsEstimated')
  })
})

describe('an answer whose vendor does not count', () => {
  it('costs what it says: a whole stream', async () => {
    const [begin, [stop]] = [openaiWire.begin(...said), openaiWire.end]
    upstream().script({ headers: events, pieces: [...begin, stop!, sse('[DONE]')] })
    await openaiClient(gateway()).chat.completions.stream({ model: 'gpt', messages }).finalContent()
    await expectEstimate(said.join(''))
  })

  it('costs what it says: one that is not streamed, its calls of tools too', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city":"Kraków"}' } }
    const message = { role: 'assistant', content: few.join(''), tool_calls: [call] }
    upstream().script({ body: { id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }] } })
    await openaiClient(gateway()).chat.completions.create({ model: 'gpt', messages })
    await expectEstimate(`${few.join('')}weather{"city":"Kraków"}`)
  })

  it('costs its prompt alone when it says nothing', async () => {
    upstream().script({ body: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 2] }] } })
    const input = ['The sea rises.', 'The sea falls.']
    await openaiClient(gateway()).embeddings.create({ model: 'embedder', input, encoding_format: 'float' })
    const tokens = await countTokens({ input })
    expect((await reported()).usage).toEqual({ prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens })
  })

  it('is not counted when nobody knows its price', async () => {
    upstream().script({ headers: events, pieces: openaiWire.begin(...few), hangs: true })
    await hangUpAfter('unpriced', few)
    const report = await reported()
    expect(report.cost).toBeUndefined()
  })

  it.each<[string, Scripted]>([
    ['an error', { status: 500, body: {} }],
    ['nothing', { delay: 60_000 }],
  ])('costs nothing where it is %s', async (_what, answer) => {
    upstream().script(answer)
    const signal = AbortSignal.timeout(200)
    const asking = openaiClient(gateway()).chat.completions.create({ model: 'gpt', messages }, { signal })
    await expect(asking).rejects.toThrow()
    expect(await reported()).toMatchObject({ status: 'failure', usage: undefined, cost: 0 })
  })
})

it('pictures are not taken for words', async () => {
  const url = `data:image/png;base64,${Buffer.alloc(200_000, 'p').toString('base64')}`
  const content = [{ type: 'image_url' as const, image_url: { url, detail: 'low' as const } }]
  upstream().script({ body: { id: 'c', choices: [{ index: 0, message: { role: 'assistant', content: 'A p.' } }] } })
  await openaiClient(gateway()).chat.completions.create({ model: 'gpt', messages: [{ role: 'user', content }] })
  expect((await reported()).usage?.prompt_tokens).toBe(3 + 1 + 85 + 3)
})

it('an answer of many pages is estimated', async () => {
  const content = 'I do not know. '.repeat(20_000)
  upstream().script({ body: { id: 'c', choices: [{ index: 0, message: { role: 'assistant', content } }] } })
  await openaiClient(gateway()).chat.completions.create({ model: 'gpt', messages })
  await expectEstimate(content)
})
