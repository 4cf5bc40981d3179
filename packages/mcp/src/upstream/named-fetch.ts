import { type Host, innerNetworkOf, isLedAstray, leadsAstray } from '@tianjillm/core'

/** Milliseconds for a server to show that it is inside. */
const DEADLINE = 5_000

/** Who names addresses. */
export interface Naming {
  /** Where they are themselves. */
  readonly home: string
  /** Other addresses that their operator has written down. */
  readonly known?: readonly (string | undefined)[]
}

/**
 * A fetch for addresses that somebody else than the operator names. What is inside is not asked, unless the operator has
 * put who names it there as well; a `host` without `fetchWithin` judges addresses as they are written. Rejects with
 * GatewayError `leadsAstray`, or what `fetch` throws.
 */
export function createNamedFetch(
  { home, known = [] }: Naming,
  host: Pick<Host, 'fetch' | 'fetchWithin'>,
): typeof globalThis.fetch {
  const written = [home, ...known].filter((url) => url !== undefined).map((url) => new URL(url))
  const own = new Set(written.map(({ origin }) => origin))
  const isWrittenInside = written.some(({ hostname }) => innerNetworkOf(hostname) !== undefined)
  const fetchPublic = host.fetchWithin?.('public') ?? host.fetch
  return async (input, init) => {
    const { origin, hostname } = new URL(String(input))
    if (isWrittenInside || own.has(origin)) return host.fetch(input, init)
    try {
      const network = innerNetworkOf(hostname)
      if (network !== undefined) throw leadsAstray(hostname, network)
      return await fetchPublic(input, init)
    } catch (error) {
      if (!isLedAstray(error) || !(await isInside(home, host))) throw error
      return host.fetch(input, init)
    }
  }
}

/**
 * Whether who is known by this address answers from inside. Anybody can have their own name lead there, but not show a
 * certificate for it there; so without https nobody can tell.
 */
async function isInside(home: string, { fetchWithin }: Pick<Host, 'fetchWithin'>): Promise<boolean> {
  if (fetchWithin === undefined || !home.startsWith('https:')) return false
  const asking = { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(DEADLINE) } as const
  return fetchWithin('private')(home, asking).then(
    () => true,
    () => false,
  )
}
