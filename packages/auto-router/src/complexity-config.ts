import * as v from 'valibot'
import { checkOption } from './check-options.ts'
import { type Tier, tiers } from './decision.ts'
import { misconfigured } from './house.ts'
import { type Lexicon, lexiconOf } from './lexicon.ts'
import { defaultScoreSettings, type ScoreSettings } from './score.ts'
import { type SignalName, signals } from './signals.ts'

/** `complexity_router_config`, read. */
export interface ComplexityConfig {
  /** Groups by tier; those of one tier take turns. */
  readonly models: ReadonlyMap<Tier, readonly string[]>
  readonly defaultModel: string | undefined
  /** What comes before any score: the first rule that a prompt has a word of. */
  readonly rules: readonly { readonly lexicon: Lexicon; readonly tier: Tier }[]
  readonly score: ScoreSettings
  /** The model that judges in place of the heuristic. */
  readonly classifier: { readonly model: string; readonly timeout: number } | undefined
}

/** Milliseconds that a classifying model has when nothing is configured. */
const CLASSIFIER_TIMEOUT = 2_000

const text = v.string('expected a string')
const number = v.number('expected a number')
const named = v.pipe(
  v.looseObject({ model_name: text }),
  v.transform(({ model_name }) => model_name),
)
const name = v.union([text, named])
const names = v.pipe(
  v.union([name, v.array(name)], 'expected the name of a model, a list of names, or a map with model_name'),
  v.transform((written) => (typeof written === 'string' ? [written] : written)),
)
const words = v.array(text, 'expected a list of words')
const tier = v.picklist(tiers, `expected one of ${tiers.join(', ')}`)
// The keys of the table.
const signalName = v.picklist(
  Object.keys(signals) as SignalName[],
  `expected one of ${Object.keys(signals).join(', ')}`,
)

const schema = v.looseObject(
  {
    tiers: v.optional(v.record(tier, names, 'expected a map'), {}),
    default_model: v.optional(text),
    tier_boundaries: v.optional(
      v.looseObject(
        {
          simple_medium: v.optional(number),
          medium_complex: v.optional(number),
          complex_reasoning: v.optional(number),
        },
        'expected a map',
      ),
      {},
    ),
    abstain_band: v.optional(v.pipe(number, v.minValue(0, 'expected 0 or more')), defaultScoreSettings.abstainBand),
    token_thresholds: v.optional(
      v.looseObject({ simple: v.optional(number), complex: v.optional(number) }, 'expected a map'),
      {},
    ),
    dimension_weights: v.optional(v.record(signalName, number, 'expected a map'), {}),
    code_keywords: v.optional(words),
    reasoning_keywords: v.optional(words),
    technical_keywords: v.optional(words),
    simple_keywords: v.optional(words),
    keyword_tier_rules: v.optional(v.array(v.looseObject({ keywords: words, tier }), 'expected a list'), []),
    classifier_type: v.optional(v.picklist(['heuristic', 'llm'], 'expected heuristic or llm'), 'heuristic'),
    classifier_llm_config: v.optional(
      v.looseObject({ model: text, timeout_ms: v.optional(v.pipe(number, v.minValue(1)), CLASSIFIER_TIMEOUT) }),
    ),
  },
  'expected a map',
)

/** Reads `complexity_router_config`. Throws GatewayError `misconfigured`. */
export function readComplexityConfig(option: string, written: unknown): ComplexityConfig {
  const config = checkOption(option, schema, written ?? {})
  if (config.classifier_type === 'llm' && config.classifier_llm_config === undefined)
    throw misconfigured(option, 'classifier_llm_config: is missing, and with it the model that classifies')
  return {
    models: new Map(tiers.flatMap((tier) => (config.tiers[tier]?.length ? [[tier, config.tiers[tier]]] : []))),
    defaultModel: config.default_model,
    rules: config.keyword_tier_rules.map(({ keywords, tier }) => ({ lexicon: lexiconOf(keywords), tier })),
    score: scoreSettings(option, config),
    classifier:
      config.classifier_type === 'llm' && config.classifier_llm_config !== undefined
        ? { model: config.classifier_llm_config.model, timeout: config.classifier_llm_config.timeout_ms }
        : undefined,
  }
}

function scoreSettings(option: string, config: v.InferOutput<typeof schema>): ScoreSettings {
  const { boundaries, tokens, weights, code, reasoning, technical, simple } = defaultScoreSettings
  const { tier_boundaries: written, token_thresholds: thresholds } = config
  const settings: ScoreSettings = {
    weights: { ...weights, ...config.dimension_weights },
    boundaries: {
      MEDIUM: written.simple_medium ?? boundaries.MEDIUM,
      COMPLEX: written.medium_complex ?? boundaries.COMPLEX,
      REASONING: written.complex_reasoning ?? boundaries.REASONING,
    },
    abstainBand: config.abstain_band,
    tokens: { simple: thresholds.simple ?? tokens.simple, complex: thresholds.complex ?? tokens.complex },
    code: own(config.code_keywords) ?? code,
    reasoning: own(config.reasoning_keywords) ?? reasoning,
    technical: own(config.technical_keywords) ?? technical,
    simple: own(config.simple_keywords) ?? simple,
  }
  const { MEDIUM, COMPLEX, REASONING } = settings.boundaries
  if (!(MEDIUM <= COMPLEX && COMPLEX <= REASONING))
    throw misconfigured(option, 'tier_boundaries: each must be at least the one before')
  if (!(settings.tokens.simple >= 0 && settings.tokens.simple < settings.tokens.complex))
    throw misconfigured(option, 'token_thresholds: complex must be more than simple, and simple 0 or more')
  return settings
}

function own(keywords: readonly string[] | undefined): Lexicon | undefined {
  return keywords && lexiconOf(keywords)
}
