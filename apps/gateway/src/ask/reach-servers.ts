import type { Catalog, Filter, Upstream } from '@tianjillm/mcp'

/** Milliseconds: that a process may take which has to be fetched first, and after which a try was a wait and no failure. */
const PATIENCE = 90_000
const WAIT = 5_000
const TRIES = 3

/** What to do meanwhile. */
export interface Meanwhile {
  readonly signal: AbortSignal
  /** Hears whom it waits for. */
  onWait(server: string): void
  onEnd(server: string): void
}

/** Waits until servers can be used, or it is plain that they cannot. Gives why not, of each that cannot. */
export async function reachServers(
  { peek }: Pick<Catalog, 'peek'>,
  filter: Filter,
  meanwhile: Meanwhile,
): Promise<readonly string[]> {
  const all = peek(filter).sources.map(({ upstream }) => upstream)
  const missing = all.filter((upstream) => upstream.personal === undefined && !isUp(upstream))
  await Promise.all(missing.map((upstream) => reach(upstream, meanwhile)))
  return missing
    .filter((upstream) => !isUp(upstream))
    .map(({ name, health: { failure } }) => failure ?? `The MCP server ${name} cannot be used.`)
}

function isUp({ health }: Upstream): boolean {
  return health.status === 'healthy'
}

/** Never rejects. */
async function reach(upstream: Upstream, { signal, onWait, onEnd }: Meanwhile): Promise<void> {
  const begun = performance.now()
  onWait(upstream.name)
  for (let failures = 0; failures < TRIES && performance.now() - begun < PATIENCE && !signal.aborted; ) {
    const tried = performance.now()
    try {
      await unlessAborted(signal, upstream.offer())
      break
    } catch {
      // Why is in its health.
      if (performance.now() - tried < WAIT) failures++
    }
  }
  onEnd(upstream.name)
}

function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    work,
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  ])
}
