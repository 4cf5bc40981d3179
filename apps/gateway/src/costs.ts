import type { Config, ModelConfig } from '@tianjillm/config'
import type { JsonObject } from '@tianjillm/core'
import type { CostOf, Used } from '@tianjillm/engine'
import type { Consumption, ModelFacts } from '@tianjillm/models'

/** Models of one deployment whose prices are kept at hand; one with a `*` may have any number. */
const MOST_MODELS = 1_000

/** What calls of each deployment cost. The prices are not even loaded when no callback, nor anybody else, asks. */
export async function costsOf(
  { callbacks }: Config,
  isAskedFor: boolean,
): Promise<(model: ModelConfig) => CostOf | undefined> {
  if (callbacks.length === 0 && !isAskedFor) return () => undefined
  const { costOf, loadModelMap, overlaid } = await import('@tianjillm/models')
  const map = await loadModelMap()
  return ({ provider, info, gatewayParams }) => {
    // Of what the operator writes only prices are looked at, and of those only numbers.
    const own = { ...info, ...gatewayParams } as ModelFacts
    const base = typeof info.base_model === 'string' ? info.base_model : undefined
    const known = new Map<string, ModelFacts>()
    const factsOf = (model: string, size: string | undefined, quality: string | undefined) => {
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
  return {
    usage,
    images: operation.startsWith('image') ? countIn(input) : undefined,
    characters: operation === 'speech' && typeof input.input === 'string' ? input.input.length : undefined,
    queries: operation === 'search' || operation === 'rerank' ? 1 : undefined,
  }
}

function countIn({ n }: JsonObject): number {
  return typeof n === 'number' ? n : 1
}
