import type { Engine } from '@tianjillm/engine'

/** Whether there is a group, an alias or an auto-router of this name, or a group with a `*` that serves it. */
export function hasGroup({ router, autoRouters }: Engine, name: string): boolean {
  return router.find(name) !== undefined || autoRouters?.has(name) === true
}
