import type { JsonObject } from '@tianjillm/core'
import { toFlag, toMap, toMaps } from './coerce.ts'
import type { Source } from './source.ts'

const PATH = ['general_settings', 'litellm_jwtauth'] as const

/** Says what of `litellm_jwtauth` does not fit together, and would let in more than it seems to. */
export function checkJwtAuth(file: JsonObject, source: Source): void {
  const { enable_jwt_auth, litellm_jwtauth } = toMap(file.general_settings)
  if (toFlag(enable_jwt_auth) !== true) return
  const settings = toMap(litellm_jwtauth)
  const has = (key: string) => settings[key] !== undefined && settings[key] !== null
  const hasField = (key: string) => has(key) || toMaps(settings.issuers).some((issuer) => issuer[key] != null)
  const demand = (key: string, isThere: boolean, other: string) => {
    if (has(key) && !isThere) source.error([...PATH, key], `needs ${other} as well`)
  }
  demand('user_roles_jwt_field', has('user_allowed_roles'), 'user_allowed_roles')
  demand('user_allowed_roles', hasField('user_roles_jwt_field'), 'user_roles_jwt_field')
  demand('object_id_jwt_field', has('role_mappings'), 'role_mappings')
  demand('role_mappings', hasField('roles_jwt_field'), 'roles_jwt_field')
  demand('user_allowed_email_domain', hasField('user_email_jwt_field'), 'user_email_jwt_field')
  demand('scope_mappings', toFlag(settings.enforce_scope_based_access) === true, 'enforce_scope_based_access: true')
  if (toFlag(settings.enforce_scope_based_access))
    demand('enforce_scope_based_access', has('scope_mappings'), 'scope_mappings')
  for (const key of ['role_mappings', 'user_allowed_roles'])
    if (has(key) && toFlag(settings.enforce_rbac) !== true)
      source.warn(
        [...PATH, key],
        'keeps nobody out: tokens without such a role are let in too, unless enforce_rbac is true.',
      )
}
