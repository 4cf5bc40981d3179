import type { ModelConfig } from '@tianjillm/config'
import type { Engine } from '@tianjillm/engine'
import type { ModelMap } from '@tianjillm/models'
import { isAutoRouter } from '../auto-routers.ts'
import { type ModelGroup, modelGroup } from './model-group.ts'
import { autoRouterInfo, type ModelInfo, modelInfo } from './model-info.ts'
import { autoRouterOffer, offerOf } from './offer.ts'

/** What is told of a name that may be asked for. */
export interface Entry {
  readonly group: ModelGroup
  /** The deployments that serve it. */
  readonly models: readonly ModelInfo[]
}

/** What there is behind the names that may be asked for. */
export interface Catalog {
  /** Of a group, another name of one, an auto-router, or a name that a group with a `*` serves; undefined: nothing is. */
  find(name: string): Entry | undefined
}

/** A catalog of what these entries of `model_list` were made into; `isPublic` are names of groups told to anybody. */
export function createCatalog(
  models: readonly ModelConfig[],
  engine: Engine,
  map: ModelMap,
  isPublic: ReadonlySet<string>,
): Catalog {
  const { router, autoRouters, redact } = engine
  const served = models.filter((model) => !isAutoRouter(model))
  // An engine has its deployments in the order of the file.
  const configOf = new Map(engine.deployments.map((deployment, index) => [deployment, served[index]!]))

  const entryOf = (name: string): Entry | undefined => {
    if (autoRouters?.has(name)) return autoRouterEntry(name)
    const found = router.find(name)?.map(({ deployment, model }) => {
      const config = configOf.get(deployment)!
      return { deployment, config, offer: offerOf(deployment, config, model, map, redact) }
    })
    return (
      found && {
        group: modelGroup(
          name,
          found.map(({ offer }) => offer),
          isPublic.has(name),
        ),
        models: found.map(({ deployment, config, offer }) => modelInfo(name, deployment, config, offer, redact)),
      }
    )
  }

  const autoRouterEntry = (name: string): Entry => ({
    group: modelGroup(name, [autoRouterOffer], isPublic.has(name)),
    models: models.filter((model) => model.name === name).map(autoRouterInfo),
  })

  const names = [...models.map(({ name }) => name), ...router.rules.aliases.keys()]
  const entries = new Map(names.map((name) => [name, entryOf(name)]))
  return { find: (name) => (entries.has(name) ? entries.get(name) : entryOf(name)) }
}
