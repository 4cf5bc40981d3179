import { defaultLimits, type LoopLimits } from './limits.ts'

/** What a query and a session may use at most. Times in milliseconds. */
export interface AgentLimits extends Omit<LoopLimits, 'time'> {
  /** Until a query must be answered; from three quarters of it on models are told to call no more tools. Default 60,000. */
  readonly queryTime: number
  /** Characters of a query. Default 4,000. */
  readonly queryLength: number
  /** How long a session is kept that nobody uses. Default one hour. */
  readonly sessionIdle: number
  /** Messages that a session keeps when it does not say. Default 20. */
  readonly maxMessages: number
  /** UTF-16 units of JSON of the messages that a session keeps, for models read them again. Default 262,144. */
  readonly sessionLength: number
  /** UTF-16 units of JSON of a session's context. Default 16,384. */
  readonly contextLength: number
}

const { time: _time, ...ofLoop } = defaultLimits

/** The limits of an agent that sets none. */
export const defaultAgentLimits: AgentLimits = {
  ...ofLoop,
  queryTime: 60_000,
  queryLength: 4_000,
  sessionIdle: 3_600_000,
  maxMessages: 20,
  sessionLength: 262_144,
  contextLength: 16_384,
}

/** Milliseconds, eleven days: beyond 24 timers go off at once. */
const LONGEST = 1_000_000_000

/** These limits, and those of all agents where they say nothing. */
export function limitsOf(given: Partial<AgentLimits> = {}): AgentLimits {
  const all = { ...defaultAgentLimits, ...given }
  return { ...all, queryTime: Math.min(all.queryTime, LONGEST), callTime: Math.min(all.callTime, LONGEST) }
}
