import { agentError } from './error-codes.ts'
import { type AgentTools, type AgentTransport, agentTransports } from './tools.ts'

/** Ways to servers that may be used. */
export interface Transports {
  /** Throws `TRANSPORT_ERROR` for one that may not be. */
  demand(transport: string | undefined): void
  /** The tools of servers that are reached by the others. */
  narrow(tools: AgentTools): AgentTools
}

/** Those ways that are not switched off. */
export function transportsOf(switches: Readonly<Partial<Record<AgentTransport, boolean>>> = {}): Transports {
  const enabled = agentTransports.filter((transport) => switches[transport] !== false)
  return {
    demand(transport) {
      if (transport === undefined || enabled.some((name) => name === transport)) return
      const isKnown = agentTransports.some((name) => name === transport)
      const what = isKnown
        ? `The transport ${transport} is switched off.`
        : `There is no transport "${transport.slice(0, 100)}".`
      const which = enabled.length === 0 ? 'All are.' : `There are: ${enabled.join(', ')}.`
      throw agentError('invalid_request', 'TRANSPORT_ERROR', `${what} ${which}`, { param: 'transport' })
    },
    narrow(tools) {
      if (enabled.length === agentTransports.length) return tools
      return {
        async list(selection, signal) {
          const all = await tools.list(selection, signal)
          return all.filter(({ transport }) => enabled.includes(transport))
        },
        unavailable: (selection) => tools.unavailable?.(selection) ?? [],
        call: (name, input, settings) => tools.call(name, input, settings),
      }
    },
  }
}
