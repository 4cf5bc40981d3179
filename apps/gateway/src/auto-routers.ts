import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AutoRouter, House } from '@tianjillm/auto-router'
import type { Config, ModelConfig, Problem } from '@tianjillm/config'
import { didYouMean, GatewayError, type Host, type JsonObject } from '@tianjillm/core'
import { matcherOf } from './http/matcher.ts'
import type { KnownModels } from './known-models.ts'
import type { PluginPlaces } from './plugins.ts'
import { buildEach } from './problems.ts'

/** Whether an entry of `model_list` is no deployment, but chooses among others: `model: auto_router/…`. */
export function isAutoRouter({ provider }: ModelConfig): boolean {
  return provider === 'auto_router'
}

/** The auto-routers of a configuration by name; undefined when it has none, and then none of their code is loaded. */
export async function autoRoutersOf(
  config: Config,
  { host, places }: { readonly host: Host; readonly places: PluginPlaces },
  known: KnownModels,
  problems: Problem[],
): Promise<ReadonlyMap<string, AutoRouter> | undefined> {
  const models = config.models.filter(isAutoRouter)
  if (models.length === 0) return undefined
  const { createAutoRouter } = await import('@tianjillm/auto-router')
  const house = houseOf(config, host, known)
  const built = await buildEach(models, 'model', problems, async (model) => {
    const { name } = model
    const others = config.models.filter((other) => other !== model && other.name === name)
    if (name.includes('*') || others.length > 0)
      throw new GatewayError('misconfigured', `The auto-router ${name} needs a model_name of its own, without a *.`)
    const params = withFile(model.gatewayParams, places)
    return [name, createAutoRouter(name, model.model, params, house)] as const
  })
  return new Map(built)
}

/** What auto-routers are told of the groups they choose from. */
function houseOf({ models, router }: Config, host: Host, known: KnownModels): House {
  const groups = models.filter((model) => !isAutoRouter(model))
  const names = [...groups.flatMap(({ name, id }) => (id === undefined ? [name] : [name, id]))]
  const isKnown = matcherOf(names)
  const autoRouters = new Set(models.filter(isAutoRouter).map(({ name }) => name))
  const groupOf = (name: string) => router.modelGroupAlias.get(name)?.model ?? name
  return {
    log: host.log,
    now: () => host.now(),
    problemWith(written) {
      const name = groupOf(written)
      if (autoRouters.has(name)) return `The model "${written}" is an auto-router itself.`
      return isKnown(name) ? undefined : `The model "${written}" is not configured.${didYouMean(written, names)}`
    },
    canSee(written) {
      const name = groupOf(written)
      const exact = groups.filter((group) => group.name === name || group.id === name)
      const serving = exact.length > 0 ? exact : groups.filter((group) => matcherOf([group.name])(name))
      const said = new Set(serving.map((group) => group.info.supports_vision ?? known(group).supports_vision))
      if (said.has(false)) return false
      return said.has(true) ? true : undefined
    },
  }
}

/** The options with the text of the file they name, a path from the configuration's folder, as `auto_router_config`. */
function withFile(params: JsonObject, { folders }: PluginPlaces): JsonObject {
  const { auto_router_config_path: path } = params
  if (typeof path !== 'string') return params
  try {
    return { ...params, auto_router_config: readFileSync(resolve(folders[0]!, path), 'utf8') }
  } catch (cause) {
    const reason = `the file ${path} cannot be read`
    throw new GatewayError('misconfigured', `auto_router: ${reason}.`, {
      provider: 'auto_router',
      details: { option: 'auto_router_config_path', reason },
      cause,
    })
  }
}
