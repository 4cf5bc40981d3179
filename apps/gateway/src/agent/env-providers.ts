import {
  type Config,
  environmentProviders as known,
  type ModelConfig,
  type Problem,
  type ProviderVariables,
  readConfig,
} from '@tianjillm/config'
import { didYouMean, type Host } from '@tianjillm/core'

/** Whom the agent asks besides the groups of a configuration, and in which order. */
export interface EnvProviders {
  /** Groups that only the agent sees. */
  readonly models: readonly ModelConfig[]
  /** Names of providers and groups; some may not be there. */
  readonly order: readonly string[]
  readonly problems: readonly Problem[]
}

/**
 * The providers of the environment. Those are offered when the operator has chosen no models, or wants one of them by
 * `LLM_PROVIDER` or `agent`: a key that is there for the operator's own groups must not open others to everybody.
 */
export function envProviders(config: Config, host: Pick<Host, 'env'>, hasOwnModels: boolean): EnvProviders {
  const { agent, models, router, positionOf } = config
  if (!agent.isEnabled) return { models: [], order: [], problems: [] }
  const position = positionOf(['agent'])
  const problems: Problem[] = []
  const tell = (severity: Problem['severity'], message: string) =>
    problems.push({ severity, ...position, path: 'agent', message })
  const groups = [...models.map(({ name }) => name), ...router.modelGroupAlias.keys()]
  const wanted = host.env('LLM_PROVIDER')
  const named = [agent.defaultProvider, ...(agent.providers ?? [])].filter((name) => name !== undefined)
  const isKnown = (name: string) => Object.hasOwn(known, name) || groups.some((group) => group === name)
  if (wanted !== undefined && !isKnown(wanted))
    tell('warning', `LLM_PROVIDER is ${wanted}, which is no provider here.${didYouMean(wanted, Object.keys(known))}`)
  // A group with a * may have any name.
  for (const name of named)
    if (!isKnown(name) && !groups.some((group) => group.includes('*')))
      tell('warning', `there is no provider "${name}".${didYouMean(name, [...Object.keys(known), ...groups])}`)
  const isWanted = wanted !== undefined && Object.hasOwn(known, wanted) && !groups.includes(wanted)
  const offered = Object.entries(known).filter(
    ([name]) => !groups.includes(name) && (!hasOwnModels || isWanted || named.includes(name)),
  )
  const found = offered.flatMap(([name, provider]) => {
    const wrong = wrongIn(provider, host)
    if (wrong === undefined) {
      const [model] = modelsOf(name, `${name}/${host.env(provider.model) ?? provider.usualModel}`)
      return [{ ...model!, position, positionOf: () => position }]
    }
    // Who says nothing of it does not want it.
    const isMeant = wanted === name || named.includes(name) || hasKey(provider, host)
    if (isMeant) tell(wanted === name ? 'error' : 'warning', `the provider ${name} cannot be asked: ${wrong}`)
    return []
  })
  const hasServer = ['MCP_SERVER_URL', 'MCP_SERVER_COMMAND'].some((name) => host.env(name) !== undefined)
  if (found.length === 0 && !hasOwnModels && hasServer && problems.length === 0)
    tell(
      'warning',
      'there is no model that could use the MCP server: set OPENAI_API_KEY, or MAAS_API_KEY and MAAS_MODEL_NAME.',
    )
  // A group with a * would have them all, and none is meant.
  const usual = Object.keys(known).filter((name) => groups.includes(name) || found.some((model) => model.name === name))
  const first = [agent.defaultProvider, wanted !== undefined && isKnown(wanted) ? wanted : undefined]
  const order = [...first, ...(agent.providers ?? usual)]
  return { problems, models: found, order: [...new Set(order)].filter((name) => name !== undefined) }
}

function hasKey({ keys }: ProviderVariables, { env }: Pick<Host, 'env'>): boolean {
  return keys.some((name) => env(name) !== undefined)
}

/** What has to be set. */
function wrongIn(provider: ProviderVariables, host: Pick<Host, 'env'>): string | undefined {
  const { keys, model, usualModel, urls } = provider
  const missing = [
    ...(hasKey(provider, host) ? [] : [keys[0]!]),
    ...(usualModel === undefined && host.env(model) === undefined ? [model] : []),
  ]
  if (missing.length > 0) return `set ${missing.join(' and ')}.`
  const wrong = urls.find((name) => {
    const url = host.env(name)
    return url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')
  })
  return wrong && `${wrong} must be a URL such as https://example.com/v1.`
}

function modelsOf(name: string, model: string): readonly ModelConfig[] {
  // JSON is YAML.
  const text = JSON.stringify({ model_list: [{ model_name: name, litellm_params: { model } }] })
  return readConfig(text, { env: () => undefined }).config!.models
}
