import { GatewayError } from '@tianjillm/core'
import { matcherOf } from '../http/matcher.ts'
import type { Holder } from './holder.ts'

/** Names that stand for several models in lists of what may be used. */
export type AccessGroups = ReadonlyMap<string, readonly string[]>

/** Somebody who may use some models only. */
export interface Confinement {
  readonly kind: string
  readonly owner: string
  readonly models: readonly string[]
  includes(model: string): boolean
}

/** LiteLLM's names for all models, and for none. */
const ALL: ReadonlySet<string> = new Set(['all-proxy-models', 'all-team-models', '*'])
const NONE = 'no-default-models'

/** What somebody is confined to; undefined: nothing. */
export function confinementOf(
  { kind, owner, models }: Pick<Holder, 'kind' | 'owner' | 'models'>,
  groups: AccessGroups,
): Confinement | undefined {
  if (models.length === 0 || models.some((name) => ALL.has(name))) return undefined
  const names = models.filter((name) => name !== NONE).flatMap((name) => [name, ...(groups.get(name) ?? [])])
  return { kind, owner, models: names, includes: matcherOf(names) }
}

/** Throws GatewayError `permission_denied` with the code `key_model_access_denied` or its like. */
export function demandUse(confined: readonly Confinement[], model: string): void {
  const narrow = confined.find(({ includes }) => !includes(model))
  if (narrow === undefined) return
  const { kind, owner, models } = narrow
  const what = models.length === 0 ? 'It may use none.' : `It may use ${models.slice(0, 50).join(', ')}.`
  const message = `The gateway does not let ${owner} use the model "${model.slice(0, 100)}". ${what}`
  throw new GatewayError('permission_denied', message, { code: `${kind}_model_access_denied`, param: 'model' })
}
