import type { Host, Log } from '@tianjillm/core'

/** What an agent leans on. */
export type AgentHost = Pick<Host, 'fetch' | 'log' | 'now' | 'uuid'>

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** What there is in this process, for an agent that is used alone; nobody reads its log. */
export function ownHost(): AgentHost {
  return {
    // biome-ignore lint/style/noRestrictedGlobals: There is no host to ask.
    fetch,
    log: silent,
    // biome-ignore lint/nursery/noJsRestrictedProperties: There is no host to ask.
    now: Date.now,
    // biome-ignore lint/nursery/noJsRestrictedProperties: There is no host to ask.
    uuid: () => crypto.randomUUID(),
  }
}
