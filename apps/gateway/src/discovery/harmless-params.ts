import type { ModelConfig } from '@tianjillm/config'
import type { JsonObject } from '@tianjillm/core'
import type { Redact } from '../redact.ts'

/** What may be told of `litellm_params`: a list of what is allowed, so that nothing new is told by oversight. */
export function harmlessParams(config: ModelConfig, apiBase: string | undefined, redact: Redact): JsonObject {
  const { rpm, tpm, order, weight, timeout, streamTimeout, maxParallelRequests, tags, params } = config
  const told = {
    api_base: addressOf(apiBase),
    ...{ rpm, tpm, order, weight, timeout, stream_timeout: streamTimeout, max_parallel_requests: maxParallelRequests },
    tags: tags.length > 0 ? tags : undefined,
    ...Object.fromEntries(Object.entries(params).filter(([name, value]) => harmless.has(name) && isPlain(value))),
  }
  return Object.fromEntries(
    Object.entries(told).flatMap(([name, value]) => {
      if (value === undefined) return []
      return [[name, typeof value === 'string' ? redact(value) : value]]
    }),
  )
}

/** Parameters that say where and how a model is asked, and nothing of who asks. */
const harmless: ReadonlySet<string> = new Set(
  `api_version aws_region_name dimensions frequency_penalty max_completion_tokens max_tokens n parallel_tool_calls
  presence_penalty quality reasoning_effort region_name seed service_tier size temperature top_k top_p verbosity
  voice`.split(/\s+/),
)

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** Without name and password, and without its query. */
function addressOf(written: string | undefined): string | undefined {
  const url = written === undefined ? null : URL.parse(written)
  return url === null ? undefined : `${url.origin}${url.pathname}`
}
