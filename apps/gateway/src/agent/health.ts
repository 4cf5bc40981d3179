import type { JsonObject } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import type { AgentOffer } from './offer.ts'
import { openedHub } from './visitor-tools.ts'

type Status = 'healthy' | 'degraded' | 'unhealthy'

interface Component {
  readonly status: Status
  readonly message: string
}

/** How the agent is, for anybody: no names and no words of the file. Nothing is asked or started for it. */
export function agentHealth(gateway: Gateway, offer: AgentOffer): JsonObject & { readonly status: Status } {
  const parts: Readonly<Record<string, Component>> = {
    gateway: ofGateway(gateway),
    providers: ofProviders(offer),
    mcp_servers: ofServers(gateway),
    sessions: ofSessions(offer),
  }
  const timestamp = new Date().toISOString()
  const told = Object.entries(parts).map(([name, component]) => [name, { ...component, last_check: timestamp }])
  return {
    status: worst(Object.values(parts).map(({ status }) => status)),
    timestamp,
    components: Object.fromEntries(told),
    uptime_seconds: Math.floor(process.uptime()),
    version: gateway.version,
  }
}

function worst(statuses: readonly Status[]): Status {
  return statuses.find((one) => one === 'unhealthy') ?? statuses.find((one) => one === 'degraded') ?? 'healthy'
}

function ofGateway({ books }: Gateway): Component {
  return books.isOpen
    ? { status: 'healthy', message: 'Takes queries.' }
    : { status: 'unhealthy', message: 'The gateway is shutting down.' }
}

function ofProviders({ usual, engine }: AgentOffer): Component {
  if (usual.length === 0) return { status: 'unhealthy', message: 'There is no model provider. The log says why.' }
  const usable = usual.filter((name) => engine.router.find(name)?.some(({ deployment }) => !deployment.problem) ?? true)
  const message = `${usable.length} of ${usual.length} can be asked.`
  if (usable.length === 0) return { status: 'unhealthy', message }
  return { status: usable.length < usual.length ? 'degraded' : 'healthy', message }
}

/** Without its tools the agent answers all the same. */
function ofServers({ mcp }: Gateway): Component {
  if (mcp === undefined) return { status: 'healthy', message: 'There are none.' }
  const hub = openedHub(mcp)
  if (hub === undefined) return { status: 'healthy', message: 'Nobody has asked for them yet.' }
  const states = hub.catalog.states().map(({ health }) => health.status)
  const usable = states.filter((status) => status === 'healthy')
  const status = usable.length < states.length ? 'degraded' : 'healthy'
  return { status, message: `${usable.length} of ${states.length} can be used.` }
}

function ofSessions({ storedSessions }: AgentOffer): Component {
  return { status: 'healthy', message: storedSessions === undefined ? 'In memory.' : 'In the database.' }
}
