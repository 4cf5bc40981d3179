import type { Config, ModelConfig } from '@tianjillm/config'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { CostOf, Used } from '@tianjillm/engine'
import type { Consumption, ModelFacts, ModelMap } from '@tianjillm/models'
import type { ModelMaps } from './model-maps.ts'

/** Models of one deployment whose prices are kept at hand; one with a `*` may have any number. */
const MOST_MODELS = 1_000

/** What is paid for, and what its operator says of its prices. */
export type Priced = Pick<ModelConfig, 'provider' | 'info' | 'gatewayParams'>

/** What calls of each deployment cost. The prices are not even loaded when no callback, nor anybody else, asks. */
export async function costsOf(
  { callbacks }: Config,
  isAskedFor: boolean,
  maps: ModelMaps,
): Promise<(priced: Priced) => CostOf | undefined> {
  if (callbacks.length === 0 && !isAskedFor) return () => undefined
  const { costOf, overlaid } = await import('@tianjillm/models')
  const live = await maps.load()
  return ({ provider, info, gatewayParams }) => {
    // Of what the operator writes only prices are looked at, and of those only numbers.
    const own = { ...info, ...gatewayParams } as ModelFacts
    const base = typeof info.base_model === 'string' ? info.base_model : undefined
    const known = new Map<string, ModelFacts>()
    let knownFrom: ModelMap | undefined
    const factsOf = (model: string, size: string | undefined, quality: string | undefined) => {
      const { map } = live
      // Another map has come, with other prices.
      if (map !== knownFrom) known.clear()
      knownFrom = map
      const name = `${model} ${size} ${quality}`
      const facts = known.get(name) ?? overlaid(map.findImage(provider, model, size, quality, base) ?? {}, own)
      if (known.size >= MOST_MODELS) known.clear()
      known.set(name, facts)
      return facts
    }
    return (used) => {
      const { size, quality } = imageOf(used)
      return costOf(factsOf(used.model, size, quality), consumptionOf(used), used.operation)
    }
  }
}

/** Images of another size or quality have another price. */
function imageOf({ operation, input }: Used): { readonly size?: string; readonly quality?: string } {
  if (!operation.startsWith('image')) return {}
  return {
    ...(typeof input.size === 'string' && { size: input.size }),
    ...(typeof input.quality === 'string' && { quality: input.quality }),
  }
}

function consumptionOf({ operation, input, usage }: Used): Consumption {
  const images = operation.startsWith('image') ? countIn(input) : undefined
  return {
    usage,
    images,
    pixels: images && pixelsOf(input, images),
    // Points of Unicode: an emoji is one character.
    characters: operation === 'speech' && typeof input.input === 'string' ? [...input.input].length : undefined,
    searchContextSize: searchSizeOf(input),
    queries: operation === 'search' || operation === 'rerank' ? 1 : undefined,
  }
}

function pixelsOf({ size }: JsonObject, images: number): number | undefined {
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(String(size)) ?? []
  return width === undefined ? undefined : Number(width) * Number(height) * images
}

/** How much the vendor's own search was to read; a tool of the Responses API says it too. */
function searchSizeOf({ web_search_options: options, tools }: JsonObject): string | undefined {
  const search = options ?? (Array.isArray(tools) ? tools.find(isSearch) : undefined)
  return isJsonObject(search) && typeof search.search_context_size === 'string' ? search.search_context_size : undefined
}

function isSearch(tool: unknown): boolean {
  return isJsonObject(tool) && String(tool.type).startsWith('web_search')
}

function countIn({ n }: JsonObject): number {
  return typeof n === 'number' ? n : 1
}
