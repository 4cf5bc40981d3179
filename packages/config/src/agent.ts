import type { JsonObject } from '@tianjillm/core'
import { toFlag, toMap, toNumber, toText, toTexts } from './coerce.ts'
import type { AgentConfig } from './config.ts'

/** What `agent` says, with the usual value of what it does not. */
export function readAgent({ agent }: JsonObject): AgentConfig {
  const written = toMap(agent)
  const { transports } = written
  const isOn = (name: string) => toFlag(toMap(transports)[name]) ?? true
  return {
    isEnabled: toFlag(written.enabled) ?? true,
    rateLimit: toNumber(written.rate_limit) ?? 10,
    window: toNumber(written.window) ?? 60,
    maxParallel: toNumber(written.max_parallel) ?? 10,
    queryTimeout: toNumber(written.query_timeout) ?? 60,
    toolTimeout: toNumber(written.tool_timeout) ?? 30,
    maxTurns: toNumber(written.max_turns) ?? 10,
    maxResultTokens: toNumber(written.max_result_tokens) ?? 16_384,
    sessionIdle: toNumber(written.session_idle) ?? 3_600,
    defaultProvider: toText(written.default_provider),
    providers: written.providers == null ? undefined : toTexts(written.providers),
    transports: { stdio: isOn('stdio'), sse: isOn('sse'), http: isOn('http') },
    trustedProxies: toTexts(written.trusted_proxies),
  }
}
