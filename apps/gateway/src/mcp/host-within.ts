import type { Host, Reach } from '@tianjillm/core'

/** The host of a server that may not be just anywhere; undefined: it may. */
export function hostWithin(host: Host, reach: Reach | undefined): Host {
  if (reach === undefined || host.fetchWithin === undefined) return host
  const { fetchWithin, ...rest } = host
  // What it names is held to the same.
  return { ...rest, fetch: fetchWithin(reach) }
}
