import { GatewayError, type Log } from '@tianjillm/core'

/** What an auto-router is told of the gateway around it. */
export interface House {
  readonly log: Log
  /** Milliseconds since the epoch. */
  now(): number
  /** Why a request cannot be given to a model group; undefined when it can. */
  problemWith(group: string): string | undefined
  /** Whether a model group takes images; undefined when nobody has said. */
  canSee(group: string): boolean | undefined
}

/** The error for an option of `litellm_params` that is wrong. */
export function misconfigured(option: string, reason: string, cause?: unknown): GatewayError {
  return new GatewayError('misconfigured', `auto_router: ${option}: ${reason}`, {
    provider: 'auto_router',
    details: { option, reason },
    cause,
  })
}

/** Throws GatewayError `misconfigured` when a request cannot be given to one of these groups. */
export function demandKnown(option: string, groups: readonly string[], house: House): void {
  const problems = [...new Set(groups)].flatMap((group) => house.problemWith(group) ?? [])
  if (problems.length > 0) throw misconfigured(option, problems.join(' '))
}
