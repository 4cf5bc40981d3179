import { createSafety, embed, type JsonObject } from '@tianjillm/core'
import type { AutoRouter, Decision, Occasion } from './decision.ts'
import { demandKnown, type House } from './house.ts'
import { promptOf } from './prompt.ts'
import { readSemanticConfig } from './semantic-config.ts'
import { createUtterances, matches } from './utterances.ts'
import { chooseSeeing } from './vision.ts'

/** Milliseconds until a request has to know where it goes. */
const DEADLINE = 2_000

/** Chooses by what a prompt means: the route whose utterances are closest. Throws GatewayError `misconfigured`. */
export function createSemanticRouter(name: string, params: JsonObject, house: House): AutoRouter {
  const { routes, defaultModel, embeddingModel, maxInputChars } = readSemanticConfig(params)
  const source = params.auto_router_config_path === undefined ? 'auto_router_config' : 'auto_router_config_path'
  demandKnown(
    source,
    routes.map((route) => route.name),
    house,
  )
  demandKnown('auto_router_default_model', [defaultModel], house)
  demandKnown('auto_router_embedding_model', [embeddingModel], house)

  const utterances = createUtterances(routes, embeddingModel)
  const safety = createSafety({
    task: `The auto-router ${name} cannot have texts embedded by ${embeddingModel} and gives requests to ${defaultModel}`,
    deadline: DEADLINE,
    host: house,
  })

  const decide = async (text: string, { ask, askApart }: Occasion): Promise<Decision> => {
    if (text.trim() === '') return { model: defaultModel, why: ['there is no text to judge'] }
    const outcome = await safety.attempt(async (signal) => {
      const [known, [vector]] = await Promise.all([
        utterances.learn(askApart),
        embed([text.slice(0, maxInputChars)], embeddingModel, ask, signal),
      ])
      return matches(vector!, known)
    })
    if (!outcome.isDone) return { model: defaultModel, why: [outcome.reason, 'so the default'] }
    const best = outcome.result.find(({ route, score }) => score >= route.threshold)
    if (best !== undefined) {
      const { route, score } = best
      return { model: route.name, route: route.name, score, why: [`closest to the utterances of ${route.name}`] }
    }
    const [closest] = outcome.result
    const why = [`closest to the utterances of ${closest!.route.name}, but not close enough`, 'so the default']
    return { model: defaultModel, score: closest!.score, why }
  }

  return {
    async choose(input, occasion) {
      const { text, hasImages } = promptOf(input)
      const decision = await decide(text, occasion)
      return hasImages ? chooseSeeing(decision, [defaultModel], house) : decision
    },
  }
}
