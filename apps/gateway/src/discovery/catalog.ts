import type { ModelConfig } from '@tianjillm/config'
import type { Engine } from '@tianjillm/engine'
import type { ModelMap } from '@tianjillm/models'
import { isAutoRouter } from '../auto-routers.ts'
import { type ModelGroup, modelGroup } from './model-group.ts'
import { type ModelInfo, modelInfo } from './model-info.ts'
import { autoRouterOffer, type Offer, offerOf } from './offer.ts'

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

/** A catalog of what these entries of `model_list` were made into; `publicGroups` are told to anybody. */
export function createCatalog(
  models: readonly ModelConfig[],
  { deployments, router, autoRouters, redact }: Engine,
  map: ModelMap,
  publicGroups: ReadonlySet<string>,
): Catalog {
  const served = models.filter((model) => !isAutoRouter(model))
  // An engine has its deployments in the order of the file.
  const configOf = new Map(deployments.map((deployment, index) => [deployment, served[index]!]))

  const offersOf = (name: string): readonly Offer[] | undefined => {
    const group = router.rules.aliases.get(name) ?? name
    if (autoRouters?.has(group)) return models.filter((model) => model.name === group).map(autoRouterOffer)
    return router
      .find(name)
      ?.map(({ deployment, model }) => offerOf(deployment, configOf.get(deployment)!, model, map, redact))
  }

  const entryOf = (name: string): Entry | undefined => {
    const offers = offersOf(name)
    return (
      offers && {
        group: modelGroup(name, offers, publicGroups.has(name)),
        models: offers.map((offer) => modelInfo(name, offer)),
      }
    )
  }

  const names = new Set([...models.map(({ name }) => name), ...router.rules.aliases.keys()])
  const entries = new Map([...names].map((name) => [name, entryOf(name)]))
  // What a `*` may stand for has no end, so it is not kept.
  return { find: (name) => entries.get(name) ?? entryOf(name) }
}
