import { GatewayError, type JsonObject } from '@tianjillm/core'
import { describe, expect, it, vi } from 'vitest'
import { createAutoRouter } from '../src/index.ts'
import { alone, occasionOf, says, stubHouse } from './house.ts'

const groups = { cheap: false, medium: undefined, able: true, thinker: true, judge: false, other: false }
const tiers = { SIMPLE: 'cheap', MEDIUM: 'medium', COMPLEX: 'able', REASONING: 'thinker' }
const SIMPLE = 'What is the capital of Australia?'
const COMPLEX = 'Design a rate limiter for a distributed API gateway that must survive the loss of one data centre.'

function routerOf(config: JsonObject, params: JsonObject = {}, house = stubHouse(groups)) {
  return createAutoRouter('auto', 'complexity_router', { complexity_router_config: config, ...params }, house)
}

describe('by complexity', () => {
  it('a simple prompt goes to the cheap model, a complex one to the able', async () => {
    const router = routerOf({ tiers })
    expect(await router.choose(says(SIMPLE), alone)).toMatchObject({ model: 'cheap', tier: 'SIMPLE' })
    expect(await router.choose(says(COMPLEX), alone)).toMatchObject({ model: 'able', tier: 'COMPLEX' })
  })

  it('a decision says why', async () => {
    const { why, score, signals } = await routerOf({ tiers }).choose(says(SIMPLE), alone)
    expect(why).toEqual(['scores less than 0.15 by more than 0.1'])
    expect(score).toBeLessThan(0.05)
    expect(signals?.map(({ signal }) => signal)).toContain('simpleOpener')
  })

  it('the last message of the user counts, its text parts joined', async () => {
    const router = routerOf({ tiers })
    const parts = [
      { type: 'text', text: 'Design a distributed rate limiter.' },
      { type: 'text', text: 'It must survive the loss of a data centre.' },
    ]
    expect((await router.choose(says(SIMPLE, parts), alone)).model).toBe('able')
    expect(
      (await router.choose(says(COMPLEX, 'Thanks! What time zone is Denver in, and how is the weather there?'), alone))
        .model,
    ).toBe('cheap')
    expect((await router.choose({ prompt: SIMPLE }, alone)).model).toBe('cheap')
  })

  it('a short message counts for as much as the one before it', async () => {
    const { model, why } = await routerOf({ tiers }).choose(says(COMPLEX, 'ok, one more please'), alone)
    expect(model).toBe('able')
    expect(why[0]).toBe('a short message, so the one before it counts')
  })

  it('the models of one tier take turns', async () => {
    const router = routerOf({ tiers: { ...tiers, SIMPLE: ['cheap', { model_name: 'other' }] } })
    const chosen = [await router.choose(says(SIMPLE), alone), await router.choose(says(SIMPLE), alone)]
    expect(chosen.map(({ model }) => model)).toEqual(['cheap', 'other'])
  })

  it('a tier without a model has the default, without one the medium', async () => {
    const { SIMPLE: _simple, ...without } = tiers
    expect((await routerOf({ tiers: without }).choose(says(SIMPLE), alone)).model).toBe('medium')
    expect((await routerOf({ tiers: without, default_model: 'other' }).choose(says(SIMPLE), alone)).model).toBe('other')
    const params = { complexity_router_default_model: 'able' }
    expect((await routerOf({ tiers: without, default_model: 'other' }, params).choose(says(SIMPLE), alone)).model).toBe(
      'able',
    )
  })

  it('a request without text has the default', async () => {
    expect(await routerOf({ tiers }).choose({ messages: [] }, alone)).toEqual({
      model: 'medium',
      why: ['there is no text to judge'],
    })
  })

  it('a keyword rule comes before any score', async () => {
    const rules = [{ keywords: ['invoice*', 'capital of'], tier: 'REASONING' }]
    const decision = await routerOf({ tiers, keyword_tier_rules: rules }).choose(says(SIMPLE), alone)
    expect(decision).toEqual({ model: 'thinker', tier: 'REASONING', why: ['a keyword rule has "capital of"'] })
  })

  it.each([
    ['boundaries', { tier_boundaries: { simple_medium: -3, medium_complex: -2, complex_reasoning: -1 } }, 'thinker'],
    ['abstain band', { abstain_band: 2 }, 'medium'],
    ['weights', { dimension_weights: { simpleIndicators: -0.5 } }, 'thinker'],
    ['technical keywords', { technical_keywords: ['capital'], dimension_weights: { technicalTerms: 3 } }, 'thinker'],
    ['simple keywords', { simple_keywords: ['please'] }, 'medium'],
  ])('its own %s count', async (_name, config, model) => {
    expect((await routerOf({ tiers, ...config }).choose(says(SIMPLE), alone)).model).toBe(model)
  })
})

describe('with images', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }
  const picture = says([{ type: 'text', text: SIMPLE }, image])

  it('the next higher tier that can see is chosen', async () => {
    const { model, why } = await routerOf({ tiers }).choose(picture, alone)
    expect(model).toBe('able')
    expect(why).toContain('there are images, so not cheap')
  })

  it('also when an earlier message has them', async () => {
    expect(
      (
        await routerOf({ tiers }).choose(
          { messages: [...(picture.messages as []), ...(says(SIMPLE).messages as [])] },
          alone,
        )
      ).model,
    ).toBe('able')
  })

  it('a model of which nothing is said is chosen when none is known to see', async () => {
    expect((await routerOf({ tiers: { SIMPLE: 'cheap', MEDIUM: 'medium' } }).choose(picture, alone)).model).toBe(
      'medium',
    )
  })

  it('without any that sees the choice stays, and says so', async () => {
    const { model, why } = await routerOf({ tiers: { SIMPLE: 'cheap' }, default_model: 'other' }).choose(picture, alone)
    expect(model).toBe('cheap')
    expect(why).toContain('there are images, and no model here takes any')
  })
})

describe('with a model that classifies', () => {
  const config = { tiers, classifier_type: 'llm', classifier_llm_config: { model: 'judge', timeout_ms: 50 } }
  const answer = (content: string) => ({ choices: [{ message: { role: 'assistant', content } }] })

  it('its tier counts', async () => {
    const ask = vi.fn().mockResolvedValue(answer('{"tier":"REASONING"}'))
    const decision = await routerOf(config).choose(says(SIMPLE), occasionOf(ask))
    expect(decision).toEqual({ model: 'thinker', tier: 'REASONING', why: ['judge judged the prompt'] })
    const [operation, input] = ask.mock.calls[0]!
    expect(operation).toBe('chat')
    expect(input).toMatchObject({
      model: 'judge',
      response_format: { type: 'json_schema', json_schema: { strict: true } },
    })
    expect(JSON.stringify(input.messages)).toContain(SIMPLE)
  })

  it.each([
    ['does not answer', () => Promise.reject(new GatewayError('upstream_error', 'judge is down.')), 'judge is down.'],
    ['says nonsense', () => Promise.resolve(answer('SIMPLE, I think')), 'judge did not answer with a tier.'],
    ['names another tier', () => Promise.resolve(answer('{"tier":"HARD"}')), 'judge did not answer with a tier.'],
    ['takes too long', () => new Promise<JsonObject>(() => {}), 'no answer within 0.05 s.'],
  ])('when it %s the looks of the prompt count, with a warning', async (_what, ask, reason) => {
    const house = stubHouse(groups)
    const { model, why } = await routerOf(config, {}, house).choose(says(SIMPLE), occasionOf(ask))
    expect(model).toBe('cheap')
    expect(why[0]).toBe(reason)
    expect(house.log.lines).toEqual([
      `warn: The auto-router auto cannot have prompts classified by judge and goes by their looks: ${reason}`,
    ])
  })

  it('is not asked where a keyword rule speaks', async () => {
    const rules = [{ keywords: ['capital'], tier: 'MEDIUM' }]
    expect((await routerOf({ ...config, keyword_tier_rules: rules }).choose(says(SIMPLE), alone)).model).toBe('medium')
  })
})

describe('a configuration', () => {
  it.each([
    [{}, 'names neither a default_model nor a model for any tier above SIMPLE'],
    [{ tiers: { SIMPLE: 'cheap' } }, 'names neither a default_model nor a model for any tier above SIMPLE'],
    [{ tiers: { ...tiers, COMPLEX: 'none' } }, 'The model "none" is not configured.'],
    [{ tiers: { HARD: 'able' } }, 'tiers.HARD: expected one of SIMPLE, MEDIUM, COMPLEX, REASONING'],
    [{ tiers: { MEDIUM: 5 } }, 'tiers.MEDIUM: expected the name of a model, a list of names, or a map with model_name'],
    [{ tiers, tier_boundaries: { simple_medium: 0.5 } }, 'tier_boundaries: each must be at least the one before'],
    [
      { tiers, token_thresholds: { simple: 500 } },
      'token_thresholds: complex must be more than simple, and simple 0 or more',
    ],
    [{ tiers, classifier_type: 'llm' }, 'classifier_llm_config: is missing, and with it the model that classifies'],
    [
      { tiers, keyword_tier_rules: [{ keywords: ['a'], tier: 'LOW' }] },
      'keyword_tier_rules.0.tier: expected one of SIMPLE, MEDIUM, COMPLEX, REASONING',
    ],
  ])('%j is refused', (config, reason) => {
    expect(() => routerOf(config)).toThrow(`auto_router: complexity_router_config: ${reason}`)
  })
})
