import type { AgentTransport } from './tools.ts'

/** The way to a server of this transport; undefined: over HTTP in one of two, as it turns out. */
export function wayTo(transport: string | undefined): AgentTransport | undefined {
  if (transport === 'auto') return undefined
  // What is in this process, and what is called operation by operation, goes with the most usual.
  return transport === 'stdio' || transport === 'sse' ? transport : 'http'
}

/** Whether a server of this transport is one of those that are wanted; when nothing is said of it, all are. */
export function isReached(transport: string | undefined, wanted: AgentTransport | undefined): boolean {
  const way = wayTo(transport)
  return wanted === undefined || way === wanted || (way === undefined && wanted !== 'stdio')
}
