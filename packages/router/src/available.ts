import { GatewayError } from '@tianjillm/core'
import type { Candidate } from './candidate.ts'
import type { RoutingRequest } from './request.ts'
import type { Rules } from './rules.ts'
import type { Contender } from './strategies.ts'

/**
 * Those of a group that a request may ever go to: by tag, region and length. Throws GatewayError `permission_denied`
 * when no tag fits, `context_length_exceeded` when it is too long for all.
 */
export function suitable<Deployment extends Candidate>(
  group: readonly Contender<Deployment>[],
  request: RoutingRequest,
  rules: Rules,
): readonly Contender<Deployment>[] {
  const tagged = rules.tags.isOn ? byTag(group, request, rules) : group
  if (!rules.checksRequests) return tagged
  const { region } = request
  const there = region === undefined ? tagged : tagged.filter(({ deployment }) => isIn(region, deployment))
  if (there.length === 0)
    throw new GatewayError('invalid_request', `No deployment of ${request.model} is in the region ${region}.`)
  return byLength(there, request)
}

function byTag<Deployment extends Candidate>(
  group: readonly Contender<Deployment>[],
  { tags, model }: RoutingRequest,
  { tags: { matchesAny } }: Rules,
): readonly Contender<Deployment>[] {
  const tagsOf = ({ deployment }: Contender): readonly string[] => deployment.traits.tags ?? []
  if (tags.length === 0) {
    const open = group.filter((contender) => tagsOf(contender).includes('default'))
    return open.length > 0 ? open : group
  }
  const fits = (contender: Contender) => {
    const has = (tag: string) => tagsOf(contender).includes(tag)
    return matchesAny ? tags.some(has) : tags.every(has)
  }
  const fitting = group.filter(fits)
  if (fitting.length > 0) return fitting
  const others = group.filter((contender) => tagsOf(contender).includes('default'))
  if (others.length > 0) return others
  throw new GatewayError(
    'permission_denied',
    `Not allowed to access model due to tags configuration: no deployment of ${model} has ${tags.join(', ')}.`,
    { code: 'tags_not_allowed' },
  )
}

function isIn(region: string, { traits }: Candidate): boolean {
  return traits.region === undefined || traits.region.startsWith(region)
}

function byLength<Deployment extends Candidate>(
  group: readonly Contender<Deployment>[],
  { model, countTokens }: RoutingRequest,
): readonly Contender<Deployment>[] {
  if (countTokens === undefined || group.every(({ deployment }) => deployment.traits.maxInputTokens === undefined))
    return group
  const tokens = countTokens()
  const fitting = group.filter(({ deployment: { traits } }) => tokens <= (traits.maxInputTokens ?? tokens))
  if (fitting.length > 0) return fitting
  throw new GatewayError(
    'context_length_exceeded',
    `The request has about ${tokens} tokens, too many for every deployment of ${model}.`,
  )
}

/** Those of them that may be asked now: not cooling down, below their limits. */
export function ready<Deployment extends Candidate>(
  contenders: readonly Contender<Deployment>[],
  rules: Rules,
  now: number,
): readonly Contender<Deployment>[] {
  const isReady = (contender: Contender) =>
    contender.health.cooldownUntil <= now && isBelowLimits(contender, rules, now)
  return contenders.every(isReady) ? contenders : contenders.filter(isReady)
}

function isBelowLimits({ deployment: { traits }, health }: Contender, rules: Rules, now: number): boolean {
  if (traits.maxParallelRequests !== undefined && health.inFlight >= traits.maxParallelRequests) return false
  if (!rules.enforcesLimits) return true
  const { requests, tokens } = health.minute(now)
  return requests < (traits.rpm ?? Number.POSITIVE_INFINITY) && tokens < (traits.tpm ?? Number.POSITIVE_INFINITY)
}

/** Those of one `order` together, the lowest first. */
export function levels<Deployment extends Candidate>(
  contenders: readonly Contender<Deployment>[],
): readonly (readonly Contender<Deployment>[])[] {
  if (contenders.every(({ deployment }) => deployment.traits.order === undefined)) return [contenders]
  const byOrder = Map.groupBy(contenders, ({ deployment }) => deployment.traits.order ?? Number.POSITIVE_INFINITY)
  return [...byOrder].sort(([one], [other]) => one - other).map(([, level]) => level)
}

/** The error when none may be asked now. */
export function noneReady(model: string, contenders: readonly Contender[], now: number): GatewayError {
  const soonest = Math.min(...contenders.map(({ health }) => health.cooldownUntil))
  const seconds = Math.max(1, Math.ceil((soonest - now) / 1000))
  return new GatewayError(
    'rate_limited',
    `No deployments available for selected model, Try again in ${seconds} seconds. All ${contenders.length} of ${model} are cooling down or at their limits.`,
    { code: 'no_deployments_available', retryAfter: seconds },
  )
}
