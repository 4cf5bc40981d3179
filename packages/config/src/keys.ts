import { hash } from 'node:crypto'
import type { JsonObject } from '@tianjillm/core'
import { toBudget, toBudgets } from './budgets.ts'
import { mapValues, toFlag, toMap, toMaps, toNumber, toText, toTexts, valueAt } from './coerce.ts'
import type { KeyConfig } from './config.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/** The keys of `keys`. One that is there twice, or is the master key, is an error. */
export function readKeys(file: JsonObject, source: Source): readonly KeyConfig[] {
  const keys = toMaps(file.keys).map((entry, index) => readKey(entry, ['keys', index], source))
  const masterKey = toText(valueAt(file, ['general_settings', 'master_key']))
  const known = new Map<string, string>(masterKey === undefined ? [] : [[sha256(masterKey), 'the master key']])
  keys.forEach(({ keyHash }, index) => {
    if (keyHash === '') return
    const other = known.get(keyHash)
    if (other !== undefined) source.error(['keys', index], `is the same key as ${other}`)
    else known.set(keyHash, `keys[${index}]`)
  })
  return keys
}

function readKey(entry: JsonObject, path: Path, source: Source): KeyConfig {
  const key = toText(entry.key) || undefined
  const written = toText(entry.key_hash)?.toLowerCase()
  if (key === undefined && written === undefined) source.error(path, 'names no key: give key or key_hash')
  if (key !== undefined && written !== undefined) source.error(path, 'gives both key and key_hash, and one is enough')
  return {
    key,
    keyHash: key === undefined ? (written ?? '') : sha256(key),
    keyAlias: toText(entry.key_alias),
    userId: toText(entry.user_id),
    teamId: toText(entry.team_id),
    models: toTexts(entry.models),
    allowedRoutes: toTexts(entry.allowed_routes),
    rpmLimit: toNumber(entry.rpm_limit),
    tpmLimit: toNumber(entry.tpm_limit),
    modelRpmLimit: mapValues(toMap(entry.model_rpm_limit), toNumber),
    modelTpmLimit: mapValues(toMap(entry.model_tpm_limit), toNumber),
    budget: toBudget(entry),
    modelBudgets: toBudgets(entry.model_max_budget),
    maxParallelRequests: toNumber(entry.max_parallel_requests),
    expires: typeof entry.expires === 'string' ? Date.parse(entry.expires) : undefined,
    isBlocked: toFlag(entry.blocked) ?? false,
    metadata: toMap(entry.metadata),
    objectPermission: entry.object_permission == null ? undefined : toMap(entry.object_permission),
    position: source.positionOf(path),
  }
}

function sha256(key: string): string {
  return hash('sha256', key)
}
