import type { Config, SearchToolConfig } from '@tianjillm/config'
import type { GatewayError } from '@tianjillm/core'
import { type CostOf, createDeployment, type Deployment } from '@tianjillm/engine'
import type { Surroundings } from './compose.ts'
import type { Priced } from './costs.ts'
import { loadPlugin } from './plugins.ts'

/** A search tool, as a deployment whose only operation is `search`. */
export async function searchToolOf(
  tool: SearchToolConfig,
  config: Config,
  { host, transport, places }: Surroundings,
  costs: (priced: Priced) => CostOf | undefined,
  onBroken: (error: GatewayError) => void,
): Promise<Deployment> {
  const plugin = await loadPlugin('search', tool.provider, places)
  const timeout = tool.timeout ?? config.router.timeout ?? config.settings.requestTimeout
  const facts = {
    id: idOf(tool, config),
    group: tool.name,
    model: tool.name,
    options: tool.options,
    traits: { numRetries: tool.maxRetries },
    costOf: costOf(tool, costs),
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
  }
  return createDeployment(plugin, facts, host, transport, onBroken)
}

/** Tools of one name and provider are told apart by their order, so that one can fail without the other. */
function idOf(tool: SearchToolConfig, { searchTools }: Config): string {
  const twins = searchTools.filter(({ name, provider }) => name === tool.name && provider === tool.provider)
  const number = twins.indexOf(tool) + 1
  return `${tool.provider}/${tool.name}${number > 1 ? `#${number}` : ''}`
}

/** The map of models has the prices of searches under `brave/search`. */
function costOf(
  { provider, info, prices }: SearchToolConfig,
  costs: (priced: Priced) => CostOf | undefined,
): CostOf | undefined {
  const cost = costs({ provider, info, gatewayParams: prices })
  return cost && ((used) => cost({ ...used, model: 'search' }))
}
