import { readConfig } from '@tianjillm/config'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Started } from '../src/index.ts'
import { knownModels } from '../src/known-models.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
let gateway: Started | undefined

beforeAll(async () => {
  upstream = await fakeUpstream()
  upstream.script(({ text }) => ({
    body: {
      id: 'c',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: JSON.parse(text).model }, finish_reason: 'stop' }],
    },
  }))
})
afterEach(async () => {
  await gateway?.stop(100)
  gateway = undefined
})
afterAll(() => upstream.close())

interface Deployment {
  readonly model: string
  readonly info?: string
  readonly group?: string
}

async function serve(settings: string, ...deployments: readonly Deployment[]): Promise<void> {
  const list = deployments.map(
    ({ model, info = '{}', group = 'm' }) =>
      `  - {model_name: ${group}, litellm_params: {model: openai/${model}, api_key: k, api_base: '${upstream.url}'}, model_info: ${info}}`,
  )
  gateway = await startGateway(
    `model_list:\n${list.join('\n')}\n${settings}\ngeneral_settings: {master_key: ${MASTER_KEY}}\n`,
  )
}

/** The model that answers; asked often enough for chance to be seen. */
async function answering(content: unknown = 'hi', model = 'm'): Promise<readonly string[]> {
  const answers = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const response = await fetch(`${gateway!.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
        body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
      })
      const { choices } = (await response.json()) as { choices: [{ message: { content: string } }] }
      return choices[0].message.content
    }),
  )
  return [...new Set(answers)]
}

describe('cost-based-routing', () => {
  const cheapest = 'router_settings: {routing_strategy: cost-based-routing}'

  it('knows what models cost', async () => {
    await serve(cheapest, { model: 'gpt-4o' }, { model: 'gpt-4o-mini-2024-07-18' })
    expect(await answering()).toEqual(['gpt-4o-mini-2024-07-18'])
  })

  it('believes model_info first', async () => {
    await serve(
      cheapest,
      { model: 'gpt-4o', info: '{input_cost_per_token: 1.0e-9, output_cost_per_token: 1.0e-9}' },
      { model: 'gpt-4o-mini' },
    )
    expect(await answering()).toEqual(['gpt-4o'])
  })

  it('looks under the base model of a deployment with a name of its own', async () => {
    await serve(cheapest, { model: 'ours', info: '{base_model: gpt-4o-mini}' }, { model: 'gpt-4o' })
    expect(await answering()).toEqual(['ours'])
  })
})

describe('enable_pre_call_checks', () => {
  const checking = 'router_settings: {enable_pre_call_checks: true}'
  const long = 'a word and one more '.repeat(4_000)

  it('knows how much models read', async () => {
    await serve(checking, { model: 'gpt-4' }, { model: 'gpt-4.1' })
    expect(await answering(long)).toEqual(['gpt-4.1'])
    expect((await answering('hi')).toSorted()).toEqual(['gpt-4', 'gpt-4.1'])
  })

  it('believes model_info first', async () => {
    await serve(
      checking,
      { model: 'gpt-4', info: '{max_input_tokens: 100000}' },
      { model: 'gpt-4.1', info: '{max_input_tokens: 100}' },
    )
    expect(await answering(long)).toEqual(['gpt-4'])
  })
})

describe('an auto-router', () => {
  it('knows which models can see', async () => {
    await serve(
      `  - model_name: auto
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config: {tiers: {SIMPLE: blind, COMPLEX: seeing}}
      complexity_router_default_model: seeing`,
      { model: 'gpt-3.5-turbo', group: 'blind', info: '{base_model: gpt-4}' },
      { model: 'gpt-4o', group: 'seeing' },
    )
    const image = { type: 'image_url', image_url: { url: 'https://example.test/a.png' } }
    expect(await answering('hi', 'auto')).toEqual(['gpt-3.5-turbo'])
    expect(await answering([{ type: 'text', text: 'hi' }, image], 'auto')).toEqual(['gpt-4o'])
  })
})

it('where nothing goes by them, nothing is known of models', async () => {
  const { config } = readConfig('model_list: [{model_name: m, litellm_params: {model: openai/gpt-4o}}]', {
    env: () => undefined,
  })
  const unread = { load: () => Promise.reject(new Error('read all the same')), refresh: () => {} }
  const known = await knownModels(config!, unread)
  expect(known(config!.models[0]!)).toEqual({})
})
