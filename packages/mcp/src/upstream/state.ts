import type { Host } from '@tianjillm/core'
import type { Health } from '../upstream.ts'

/** How a server is, and who wants to hear of it. */
export interface State {
  readonly health: Health
  readonly isStopped: boolean
  healthy(): void
  failed(failure: string): void
  restarted(): void
  stopped(): void
  /** Tells those who listen. */
  changed(): void
  onChange(listener: () => void): () => void
}

/** The state of a server that nobody has heard of yet. */
export function createState(host: Pick<Host, 'now'>): State {
  const listeners = new Set<() => void>()
  let health: Health = {
    status: 'connecting',
    failure: undefined,
    healthyAt: undefined,
    failedAt: undefined,
    restarts: 0,
  }

  function changed(): void {
    for (const listener of [...listeners]) listener()
  }

  function set(next: Partial<Health>): void {
    if (health.status === 'stopped') return
    const before = health.status
    health = { ...health, ...next }
    if (health.status !== before) changed()
  }

  return {
    get health() {
      return health
    },
    get isStopped() {
      return health.status === 'stopped'
    },
    healthy: () => set({ status: 'healthy', failure: undefined, healthyAt: host.now() }),
    failed: (failure) => set({ status: 'unhealthy', failure, failedAt: host.now() }),
    restarted: () => set({ restarts: health.restarts + 1 }),
    stopped: () => set({ status: 'stopped', failure: undefined }),
    changed,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
