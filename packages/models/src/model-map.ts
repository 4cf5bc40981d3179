import { type ModelFacts, type Models, overlaid, withoutPrices } from './facts.ts'
import { namesOf } from './names.ts'

/** What is known of all models. */
export interface ModelMap {
  /** How many there are. */
  readonly size: number
  /** All of them by their keys, in LiteLLM's shape. */
  readonly models: Models
  /**
   * What is known of a vendor's model. `baseModel` is a key of the map and goes first; without one, the id under the
   * provider's name and alone, then its family. Found at another vendor only, or being a fine-tune of what is found,
   * it comes without prices.
   */
  find(provider: string, model: string, baseModel?: string): ModelFacts | undefined
  /** The same for an image of a size (`1024x1024`) and quality, which may have a price of their own. */
  findImage(
    provider: string,
    model: string,
    size?: string,
    quality?: string,
    baseModel?: string,
  ): ModelFacts | undefined
}

/** A map of models from several, of which the first say it best; what the later ones know besides is added. */
export function createModelMap(...layers: readonly Models[]): ModelMap {
  const known = new Map<string, ModelFacts>()
  for (const models of layers.toReversed())
    for (const [key, facts] of Object.entries(models)) {
      const below = known.get(key)
      known.set(key, below ? overlaid(below, facts) : facts)
    }

  function find(provider: string, model: string, baseModel?: string): ModelFacts | undefined {
    return (baseModel === undefined ? undefined : findBase(provider, baseModel)) ?? findNamed(provider, model)
  }

  /** The operator has said what it is, so that prices count whoever's they are. */
  function findBase(provider: string, baseModel: string): ModelFacts | undefined {
    return first(namesOf(baseModel).own, (name) => known.get(name) ?? known.get(`${provider}/${name}`))
  }

  function findNamed(provider: string, model: string): ModelFacts | undefined {
    const { own, kin } = namesOf(model)
    const found = first(own, (name) => findOwn(provider, name))
    if (found) return found
    const related = first(kin, (name) => findOwn(provider, name)) ?? first([...own, ...kin], (name) => known.get(name))
    return related && withoutPrices(related)
  }

  function findOwn(provider: string, name: string): ModelFacts | undefined {
    const prefixed = known.get(`${provider}/${name}`)
    if (prefixed) return prefixed
    const bare = known.get(name)
    return bare && providerOf(bare) === provider ? bare : undefined
  }

  return {
    size: known.size,
    get models() {
      return Object.fromEntries(known)
    },
    find,
    findImage: (provider, model, size, quality, baseModel) => {
      const named = baseModel ?? model
      const variants = size === undefined ? [] : variantsOf(named, size.replace('x', '-x-'), quality)
      return first(variants, (name) => findOwn(provider, name)) ?? find(provider, model, baseModel)
    },
  }
}

/** `hd/1024-x-1024/dall-e-3` and `1024-x-1024/dall-e-3`. */
function variantsOf(model: string, size: string, quality: string | undefined): readonly string[] {
  const prefix = model.slice(0, model.indexOf('/') + 1)
  const ofSize = `${size}/${model.slice(prefix.length)}`
  return quality === undefined ? [prefix + ofSize] : [`${prefix}${quality}/${ofSize}`, prefix + ofSize]
}

/** LiteLLM tells apart what a vendor is asked for: `cohere_chat`, `vertex_ai-language-models`. */
function providerOf({ litellm_provider: written = '' }: ModelFacts): string {
  return written.replace(/^text-completion-/, '').replace(/(?:_chat|_converse|_text|-.+)$/, '')
}

function first<Item, Found>(items: readonly Item[], find: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
