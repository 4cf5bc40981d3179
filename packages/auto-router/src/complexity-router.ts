import { createSafety, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import { checkOption } from './check-options.ts'
import { classify } from './classify.ts'
import { type ComplexityConfig, readComplexityConfig } from './complexity-config.ts'
import { type AutoRouter, type Decision, type Occasion, type Tier, tiers } from './decision.ts'
import { demandKnown, type House, misconfigured } from './house.ts'
import { type Prompt, promptOf } from './prompt.ts'
import { readAll } from './reading.ts'
import { type Score, type ScoreSettings, score } from './score.ts'
import { chooseSeeing } from './vision.ts'

const CONFIG = 'complexity_router_config'
const DEFAULT_MODEL = 'complexity_router_default_model'

/** Words of a message that is hardly to be understood without the one before. */
const FOLLOW_UP = 8

/** A verdict without the model that goes with it. */
type Verdict = Omit<Decision, 'model'>

/** Chooses by how much a prompt asks of a model: by keywords, by a model's judgement, or by signals. Throws GatewayError `misconfigured`. */
export function createComplexityRouter(name: string, params: JsonObject, house: House): AutoRouter {
  const config = readComplexityConfig(CONFIG, params[CONFIG])
  const ownDefault = checkOption(DEFAULT_MODEL, v.optional(v.string('expected a string')), params[DEFAULT_MODEL])
  const { models, rules, classifier } = config
  const defaultModel = ownDefault ?? config.defaultModel
  // Without a default, the middle; without a middle, the most able: never the cheapest.
  const fallback =
    defaultModel ?? models.get('MEDIUM')?.[0] ?? models.get('COMPLEX')?.[0] ?? models.get('REASONING')?.[0]
  if (fallback === undefined)
    throw misconfigured(CONFIG, 'names neither a default_model nor a model for any tier above SIMPLE')
  demandKnown(CONFIG, [...models.values()].flat(), house)
  demandKnown(ownDefault === undefined ? CONFIG : DEFAULT_MODEL, [fallback], house)
  if (classifier) demandKnown(CONFIG, [classifier.model], house)

  const takeTurns = turns()
  const safety =
    classifier &&
    createSafety({
      task: `The auto-router ${name} cannot have prompts classified by ${classifier.model} and goes by their looks`,
      deadline: classifier.timeout,
      host: house,
    })

  const judge = async (prompt: Prompt, { ask }: Occasion): Promise<Verdict> => {
    const ruled = byRule(prompt, rules)
    if (ruled !== undefined) return ruled
    if (classifier === undefined || safety === undefined) return byScore(prompt, config.score)
    const outcome = await safety.attempt((signal) => classify(prompt.text, classifier.model, ask, signal))
    if (outcome.isDone) return { tier: outcome.result, why: [`${classifier.model} judged the prompt`] }
    const verdict = byScore(prompt, config.score)
    return { ...verdict, why: [outcome.reason, ...verdict.why] }
  }
  const modelsFrom = (tier: Tier): readonly string[] =>
    tiers.slice(tiers.indexOf(tier)).flatMap((each) => models.get(each) ?? [])

  const seen = (decision: Decision, { hasImages }: Prompt, higher: readonly string[]): Decision =>
    hasImages ? chooseSeeing(decision, [...higher, fallback], house) : decision

  return {
    async choose(input, occasion) {
      const prompt = promptOf(input)
      if (prompt.text.trim() === '')
        return seen({ model: fallback, why: ['there is no text to judge'] }, prompt, modelsFrom('MEDIUM'))
      const verdict = await judge(prompt, occasion)
      const tier = verdict.tier ?? 'MEDIUM'
      const chosen = models.get(tier)
      if (chosen === undefined) {
        const why = [...verdict.why, `no model is configured for ${tier}`]
        return seen({ ...verdict, model: fallback, why }, prompt, modelsFrom(tier))
      }
      return seen({ ...verdict, model: takeTurns(tier, chosen) }, prompt, modelsFrom(tier))
    },
  }
}

function byRule({ text }: Prompt, rules: ComplexityConfig['rules']): Verdict | undefined {
  if (rules.length === 0) return undefined
  const reading = readAll(text)
  for (const { lexicon, tier } of rules) {
    const [found] = lexicon.find(reading, 1)
    if (found !== undefined) return { tier, why: [`a keyword rule has "${found}"`] }
  }
  return undefined
}

function byScore({ text, before }: Prompt, settings: ScoreSettings): Verdict {
  const own = score(text, settings)
  if (before === '' || readAll(text).wordCount > FOLLOW_UP) return verdictOf(own)
  const earlier = score(before, settings)
  if (tiers.indexOf(earlier.tier) <= tiers.indexOf(own.tier)) return verdictOf(own)
  const verdict = verdictOf(earlier)
  return { ...verdict, why: ['a short message, so the one before it counts', ...verdict.why] }
}

function verdictOf({ tier, score, signals, abstains, why }: Score): Verdict {
  return { tier, score, signals, ...(abstains && { abstains }), why: [why] }
}

/** Gives one of several names after the other. */
function turns(): (tier: Tier, names: readonly string[]) => string {
  const counts = new Map<Tier, number>()
  return (tier, names) => {
    const count = counts.get(tier) ?? 0
    counts.set(tier, (count + 1) % names.length)
    return names[count]!
  }
}
