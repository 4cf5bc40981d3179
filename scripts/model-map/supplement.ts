import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { ModelFacts, Models } from '../../packages/models/src/facts.ts'
import { exact } from './prices.ts'

/** What we know ourselves. */
export interface Supplement {
  /** What all chat models can whose keys match. */
  readonly families: readonly { readonly match: RegExp; readonly facts: ModelFacts }[]
  /** Models, whose facts go before those of the sources. */
  readonly models: Models
}

interface Written {
  readonly families: readonly { readonly match: string; readonly source: string; readonly facts: ModelFacts }[]
  readonly models: Readonly<Record<string, ModelFacts>>
}

/** Reads supplement.yaml, with its prices as LiteLLM has them. Throws when a model has no `source`. */
export function readSupplement(path: URL): Supplement {
  const { families, models } = parse(readFileSync(path, 'utf8'), { merge: true }) as Written
  return {
    families: families.map(({ match, facts }) => ({ match: new RegExp(match), facts })),
    models: Object.fromEntries(Object.entries(models).map(([key, facts]) => [key, converted(key, facts)])),
  }
}

/** What a model is for, as its name tells. */
export function modeOf(id: string): string {
  return modes.find(({ names }) => names.test(id))?.mode ?? 'chat'
}

const modes: readonly { readonly names: RegExp; readonly mode: string }[] = [
  { names: /rerank/i, mode: 'rerank' },
  { names: /embed|^voyage-|\/bge-|\/gte-|e5-/i, mode: 'embedding' },
  { names: /moderation/i, mode: 'moderation' },
  { names: /whisper|transcribe|voxtral-mini-(2|t|l)/i, mode: 'audio_transcription' },
  { names: /(^|[-/])tts(-|$)|aura-|melotts/i, mode: 'audio_speech' },
  { names: /realtime|-live-|sonic|native-audio|grok-voice/i, mode: 'realtime' },
  { names: /^(gpt-image|chatgpt-image)|(^|\/)(flux|imagen)|stable-diffusion|-image-\d/i, mode: 'image_generation' },
  { names: /-ocr-/i, mode: 'ocr' },
  { names: /turbo-instruct|^(ada|babbage|curie|davinci)|^text-(ada|davinci|curie|babbage)/i, mode: 'completion' },
]

/** Vendors price by the minute or the million; LiteLLM by the second, the token, the character and the query. */
const units: Readonly<Record<string, readonly [unit: string, count: number]>> = {
  minute: ['second', 60],
  hour: ['second', 3600],
  megapixel: ['pixel', 1e6],
  million_tokens: ['token', 1e6],
  million_audio_tokens: ['audio_token', 1e6],
  million_characters: ['character', 1e6],
  thousand_queries: ['query', 1e3],
}

function converted(key: string, facts: ModelFacts): ModelFacts {
  for (const name of ['litellm_provider', 'source'])
    if (typeof facts[name] !== 'string') throw new Error(`supplement.yaml: ${key} has no ${name}.`)
  const provider = String(facts.litellm_provider)
  const entries = Object.entries(facts).map(([name, value]) => {
    const [, price, written = ''] = /^(\w+_cost_per)_(\w+)$/.exec(name) ?? []
    const unit = units[written]
    return unit ? [`${price}_${unit[0]}`, exact(Number(value) / unit[1])] : [name, value]
  })
  return { mode: modeOf(key.replace(`${provider}/`, '')), ...Object.fromEntries(entries) }
}
