import { type AskModel, GatewayError, type JsonObject } from '@tianjillm/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createAutoRouter } from '../src/index.ts'
import { occasionOf, says, stubHouse } from './house.ts'

const groups = { coder: false, poet: true, default: undefined, embedder: undefined }
const routes = [
  { name: 'coder', utterances: ['write code', 'fix my code'], score_threshold: 0.6, description: 'Code.' },
  { name: 'poet', utterances: ['write a poem'] },
]

/** How much a text is about code, and how much about poems. */
const meaning = (text: string) => [Number(text.includes('code')), Number(text.includes('poem')), 0.1]

/** Answers in another order than it was asked in. */
function embedder(): { readonly ask: AskModel; readonly asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = []
  const ask: AskModel = async (_operation, { input }) => {
    const texts = input as readonly string[]
    asked.push(texts)
    return { data: texts.map((text, index) => ({ index, embedding: meaning(text) })).reverse() }
  }
  return { ask, asked }
}

function routerOf(params: JsonObject = {}, house = stubHouse(groups)) {
  return createAutoRouter(
    'auto',
    'by_meaning',
    {
      auto_router_config: JSON.stringify({ encoder_type: 'openai', routes }),
      auto_router_default_model: 'default',
      auto_router_embedding_model: 'embedder',
      ...params,
    },
    house,
  )
}

describe('by meaning', () => {
  it('a prompt goes to the route whose utterances are closest', async () => {
    const { ask } = embedder()
    const router = routerOf()
    expect(await router.choose(says('a poem, please'), occasionOf(ask))).toEqual({
      model: 'poet',
      route: 'poet',
      score: expect.closeTo(1),
      why: ['closest to the utterances of poet'],
    })
    expect(await router.choose(says('some code'), occasionOf(ask))).toMatchObject({ model: 'coder' })
  })

  it('what is close to none goes to the default', async () => {
    const { ask } = embedder()
    const decision = await routerOf().choose(says('hello'), occasionOf(ask))
    expect(decision).toMatchObject({ model: 'default', score: expect.closeTo(0.1) })
    expect(decision.why.at(-1)).toBe('so the default')
  })

  it('a route has its own threshold', async () => {
    const { ask } = embedder()
    const strict = [
      { ...routes[0], score_threshold: 0.99 },
      { ...routes[1], score_threshold: 0.2 },
    ]
    const router = routerOf({ auto_router_config: { routes: strict } })
    const decision = await router.choose(says('code and a poem'), occasionOf(ask))
    expect(decision.model).toBe('poet')
  })

  it('the mean of the five closest counts, so that one stray utterance does not decide', async () => {
    const { ask } = embedder()
    const mixed = [
      { name: 'coder', utterances: ['code', 'a poem', 'another poem'], score_threshold: 0.5 },
      { name: 'poet', utterances: ['code poem'], score_threshold: 0.5 },
    ]
    const router = routerOf({ auto_router_config: { routes: mixed } })
    expect((await router.choose(says('code'), occasionOf(ask))).model).toBe('poet')
  })

  it('utterances are learned once, a hundred at a time, however many ask at the same time', async () => {
    const { ask, asked } = embedder()
    const utterances = Array.from({ length: 250 }, (_, index) => `code ${index}`)
    const router = routerOf({ auto_router_config: { routes: [{ name: 'coder', utterances }] } })
    await Promise.all(['one', 'two'].map((text) => router.choose(says(text), occasionOf(ask))))
    await router.choose(says('three'), occasionOf(ask))
    expect(asked.map(({ length }) => length).sort((one, other) => one - other)).toEqual([1, 1, 1, 50, 100, 100])
  })

  it('utterances are learned on the account of nobody', async () => {
    const own = embedder()
    const apart = embedder()
    await routerOf().choose(says('code'), { ask: own.ask, askApart: apart.ask })
    expect(own.asked).toEqual([['code']])
    expect(apart.asked).toEqual([['write code', 'fix my code', 'write a poem']])
  })

  it('a long prompt is cut', async () => {
    const { ask, asked } = embedder()
    await routerOf({ auto_router_max_input_chars: 5 }).choose(says('a poem, please'), occasionOf(ask))
    expect(asked).toContainEqual(['a poe'])
  })

  it('a request without text goes to the default, and nobody is asked', async () => {
    const { ask, asked } = embedder()
    expect((await routerOf().choose({ messages: [] }, occasionOf(ask))).model).toBe('default')
    expect(asked).toEqual([])
  })

  it('a route that cannot see gives images to the default', async () => {
    const { ask } = embedder()
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }
    const decision = await routerOf().choose(says([{ type: 'text', text: 'code' }, image]), occasionOf(ask))
    expect(decision).toMatchObject({ model: 'default', route: 'coder' })
    expect(decision.why.at(-1)).toBe('there are images, so not coder')
  })
})

describe('when texts cannot be embedded', () => {
  afterEach(() => vi.useRealTimers())
  const warning = 'warn: The auto-router auto cannot have texts embedded by embedder and gives requests to default: '

  it.each([
    ['the vendor is down', () => Promise.reject(new GatewayError('upstream_error', 'Down.')), 'Down.'],
    ['there is no vector', async () => ({ data: [] }), 'embedder did not answer with a vector for each text.'],
    [
      'it is no vector',
      async () => ({ data: [{ index: 0, embedding: 'AAAA' }] }),
      'embedder did not answer with a vector for each text.',
    ],
  ])('because %s the default gets the request, with one warning', async (_why, ask, reason) => {
    const house = stubHouse(groups)
    const router = routerOf({}, house)
    for (let time = 0; time < 4; time++)
      expect((await router.choose(says('code'), occasionOf(ask as AskModel))).model).toBe('default')
    expect(house.log.lines).toEqual([warning + reason])
  })

  it('in time, the default gets the request', async () => {
    vi.useFakeTimers()
    const house = stubHouse(groups)
    const choosing = routerOf({}, house).choose(
      says('code'),
      occasionOf(() => new Promise(() => {})),
    )
    await vi.advanceTimersByTimeAsync(2_000)
    expect((await choosing).model).toBe('default')
    expect(house.log.lines).toEqual([`${warning}no answer within 2 s.`])
  })

  it('utterances are learned later', async () => {
    const { ask } = embedder()
    const router = routerOf()
    const down = () => Promise.reject(new GatewayError('upstream_error', 'Down.'))
    expect((await router.choose(says('code'), { ask, askApart: down })).model).toBe('default')
    expect((await router.choose(says('code'), occasionOf(ask))).model).toBe('coder')
  })

  it('the prompt is not compared with utterances of another length', async () => {
    const long: AskModel = async (_operation, { input }) => ({
      data: (input as readonly string[]).map((_text, index) => ({ index, embedding: [1, 2] })),
    })
    const { why } = await routerOf().choose(says('code'), { ask: embedder().ask, askApart: long })
    expect(why[0]).toBe('the vectors of prompt and utterances differ in length.')
  })
})

describe('a configuration', () => {
  it.each([
    [{ auto_router_config: undefined }, 'auto_router_config: is missing. Give it or auto_router_config_path.'],
    [{ auto_router_config: '{' }, 'auto_router_config: is not JSON'],
    [{ auto_router_config: '{}' }, 'auto_router_config: routes: '],
    [{ auto_router_config: { routes: [] } }, 'auto_router_config: routes: expected at least one route'],
    [
      { auto_router_config: { routes: [{ name: 'coder', utterances: [] }] } },
      'auto_router_config: routes.0.utterances: expected at least one utterance',
    ],
    [
      { auto_router_config: { routes: [{ name: 'lost', utterances: ['a'] }] } },
      'auto_router_config: The model "lost" is not configured.',
    ],
    [
      { auto_router_config: { routes: [{ name: 'lost', utterances: ['a'] }] }, auto_router_config_path: 'routes.json' },
      'auto_router_config_path: The model "lost" is not configured.',
    ],
    [{ auto_router_default_model: undefined }, 'auto_router_default_model: is missing'],
    [{ auto_router_default_model: 'lost' }, 'auto_router_default_model: The model "lost" is not configured.'],
    [{ auto_router_embedding_model: undefined }, 'auto_router_embedding_model: is missing'],
    [{ auto_router_max_input_chars: 0 }, 'auto_router_max_input_chars: expected 1 or more'],
  ])('%j is refused', (params, reason) => {
    expect(() => routerOf(params)).toThrow(`auto_router: ${reason}`)
  })
})
