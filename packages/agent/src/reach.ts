import type { Upstream } from '@tianjillm/mcp'

/**
 * Tries up to `tries` times to have servers say what they offer, each server once for all queries: what is away for
 * longer is not waited for again. The pauses between tries are the server's own. Never rejects.
 */
export function createReach(tries: number): (upstream: Upstream) => Promise<void> {
  const reached = new WeakMap<Upstream, Promise<void>>()
  return (upstream) => {
    const known = reached.get(upstream) ?? tryToReach(upstream, tries)
    reached.set(upstream, known)
    return known
  }
}

async function tryToReach(upstream: Upstream, tries: number): Promise<void> {
  for (let count = 0; count < tries; count++) {
    try {
      await upstream.offer()
      return
    } catch {
      // Why is in its health, and in the log.
    }
  }
}
