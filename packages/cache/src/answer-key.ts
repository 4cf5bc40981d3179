import { hash } from 'node:crypto'
import { isJsonObject, type JsonObject, type OperationName } from '@tianjillm/core'

/** All that shapes an answer. */
export interface KeyFacts {
  readonly operation: OperationName
  readonly input: JsonObject
  /** Which configuration is in force, as far as it shapes answers. */
  readonly scope: string
  /** Whom the answer may be given again; undefined: everybody. */
  readonly tenant: string | undefined
  readonly namespace: string | undefined
  /** Tags choose deployments. */
  readonly tags: readonly string[]
}

/** Request fields that change no answer: they steer the cache, are for reports, or say how long to try. */
const silentFields: ReadonlySet<string> = new Set([
  'cache',
  'caching',
  'litellm_metadata',
  'litellm_session_id',
  'litellm_trace_id',
  'metadata',
  'num_retries',
  'stream_timeout',
  'tianji_metadata',
  'timeout',
])

/** The SHA-256, in hex, of everything that shapes an answer. The order of keys makes no difference, that of lists does. */
export function answerKey({ operation, input, scope, tenant, namespace, tags }: KeyFacts): string {
  const asked = Object.fromEntries(Object.entries(input).filter(([name]) => !silentFields.has(name)))
  return hash('sha256', canonical([operation, asked, scope, tenant ?? null, namespace ?? null, tags]))
}

/** JSON with its keys sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null'
  const names = Object.keys(value).filter((name) => value[name] !== undefined)
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
    .join(',')}}`
}
