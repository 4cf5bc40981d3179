import type { Agent, SessionStore } from '@tianjillm/agent'
import type { AgentConfig } from '@tianjillm/config'
import type { Engine } from '@tianjillm/engine'
import { createLocalLimiter, type Limiter } from '@tianjillm/limits'
import type { Carry } from '../carry.ts'
import type { Tenancy } from '../tenancy.ts'
import { type AddressOf, addressesBehind } from './client-address.ts'
import { hasGroup } from './has-group.ts'
import { createRateLimit, minutesIn, type RateLimit } from './rate-limit.ts'
import { createTurnstile, type Turnstile } from './turnstile.ts'

/** The agent as one configuration has it. */
export interface AgentOffer {
  readonly settings: AgentConfig
  /** That of the gateway, with the models of the environment besides. */
  readonly engine: Engine
  /** Providers that are asked where nobody says whom: the first, and the others when it fails. */
  readonly usual: readonly string[]
  /** Queries that this process answers at once. */
  readonly mostQueries: number
  readonly desk: AgentDesk
  readonly rates: RateLimit
  readonly addressOf: AddressOf
  /** Those of the database; undefined when there is none. */
  readonly storedSessions: ReturnType<Tenancy['sessions']> | undefined
  /** Made when it is first asked for, as is all that it takes. */
  open(): Promise<Agent>
}

/** What goes on from one configuration to the next that limits the same. */
export interface AgentDesk {
  /** Counts windows of another length than a minute. */
  readonly limiter: Limiter
  readonly places: Turnstile
  /** Sessions of this process; undefined until somebody needs them. */
  memory: SessionStore | undefined
}

/** What an offer is made of. */
export interface AgentParts {
  readonly settings: AgentConfig
  readonly engine: Engine
  /** Names of providers, of which some may not be there. */
  readonly order: readonly string[]
  /** Whether somebody has chosen the models of the configuration: then the first is asked where no other is named. */
  readonly hasOwnModels: boolean
  readonly limiter: Limiter
  /** One worker's part of a number. */
  readonly share: (total: number) => number
  readonly tenancy: Tenancy | undefined
  readonly carry: Carry
}

/** Milliseconds that a query waits for others, and how many wait for each that is answered. */
const PATIENCE = 2_000
const ROOM = 4

/** The offer; undefined when the configuration does not want any. */
export function agentOffer(parts: AgentParts): AgentOffer | undefined {
  const { settings, engine, order, hasOwnModels, limiter, share, tenancy, carry } = parts
  if (!settings.isEnabled) return undefined
  const { rateLimit: most, window, maxParallel, sessionIdle } = settings
  const usual = order.filter((name) => hasGroup(engine, name))
  const mostQueries = share(maxParallel)
  const facts = ['agent', window, mostQueries, sessionIdle]
  const desk = carry.take(facts, () => createDesk(window, mostQueries))
  let agent: Promise<Agent> | undefined
  const offer: AgentOffer = {
    ...{ settings, engine, mostQueries, desk },
    usual: usual.length > 0 || !hasOwnModels ? usual : firstGroup(engine),
    rates: createRateLimit({ most, window, limiter: minutesIn(window) === 1 ? limiter : desk.limiter }),
    addressOf: addressesBehind(settings.trustedProxies),
    storedSessions: tenancy?.sessions(sessionIdle * 1000),
    open() {
      agent ??= import('./open.ts').then(({ openAgent }) => openAgent(offer))
      return agent
    },
  }
  return offer
}

/** Made apart, for what goes on must not hold the configuration that it began with. */
function createDesk(window: number, mostQueries: number): AgentDesk {
  return {
    limiter: createLocalLimiter(() => performance.now() / minutesIn(window)),
    places: createTurnstile({ patience: PATIENCE, room: ROOM * mostQueries }),
    memory: undefined,
  }
}

function firstGroup({ deployments }: Engine): readonly string[] {
  const first = deployments.find(({ group, provider, problem }) => !group.includes('*') && provider.chat && !problem)
  return first === undefined ? [] : [first.group]
}
