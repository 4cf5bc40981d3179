import { GatewayError } from '@tianjillm/core'
import type { Candidate, Traits } from './candidate.ts'
import { type Health, nextMinute } from './health.ts'
import type { RoutingRequest } from './request.ts'
import type { Rules, StrategyRules } from './rules.ts'
import type { Contender } from './strategies.ts'

/**
 * Those of a group that a request may ever go to: by tag, region and length. Throws GatewayError `permission_denied`
 * when no tag fits, `context_length_exceeded` when it is too long for all.
 */
export function suitable<Deployment extends Candidate>(
  model: string,
  group: readonly Contender<Deployment>[],
  request: RoutingRequest,
  rules: Rules,
): readonly Contender<Deployment>[] {
  const tagged = rules.tags.isOn ? byTag(model, group, request, rules) : group
  if (!rules.checksRequests) return tagged
  const { region } = request
  const there = region === undefined ? tagged : tagged.filter(({ deployment }) => isIn(region, deployment))
  if (there.length === 0)
    throw new GatewayError('invalid_request', `No deployment of ${model} is in the region ${region}.`)
  return byLength(model, there, request)
}

/** Letters of a header that patterns are tried on. */
const LONGEST_LINE = 500

function byTag<Deployment extends Candidate>(
  model: string,
  group: readonly Contender<Deployment>[],
  { tags, userAgent = '' }: RoutingRequest,
  { tags: { matchesAny } }: Rules,
): readonly Contender<Deployment>[] {
  const line = `User-Agent: ${userAgent.slice(0, LONGEST_LINE)}`
  const fits = ({ deployment: { traits } }: Contender) => {
    const has = (tag: string) => traits.tags?.includes(tag) === true
    const isTagged = tags.length > 0 && (matchesAny ? tags.some(has) : tags.every(has))
    return isTagged || traits.tagPatterns?.some((pattern) => pattern.test(line)) === true
  }
  const fitting = group.filter(fits)
  if (fitting.length > 0) return fitting
  const others = group.filter(({ deployment }) => deployment.traits.tags?.includes('default'))
  if (others.length > 0) return others
  if (tags.length === 0) return group
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
  model: string,
  group: readonly Contender<Deployment>[],
  { countTokens }: RoutingRequest,
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

/** Those of them that may be asked now: not cooling down, unless that is not to matter, and below their limits. */
export function ready<Deployment extends Candidate>(
  contenders: readonly Contender<Deployment>[],
  rules: StrategyRules,
  now: number,
  ignoresCooldown = false,
): readonly Contender<Deployment>[] {
  const isReady = (contender: Contender) =>
    (ignoresCooldown || contender.health.cooldownUntil <= now) && isBelowLimits(contender, rules, now)
  return contenders.every(isReady) ? contenders : contenders.filter(isReady)
}

function isBelowLimits({ deployment: { traits }, health }: Contender, rules: StrategyRules, now: number): boolean {
  if (traits.maxParallelRequests !== undefined && health.inFlight >= traits.maxParallelRequests) return false
  if (traits.isSpent?.()) return false
  return !rules.enforcesLimits || hasMinuteLeft(traits, health, now)
}

/** Whether its minute has room for another request. */
function hasMinuteLeft({ rpm, tpm }: Traits, health: Health, now: number): boolean {
  const { requests, tokens } = health.usage(now)
  return requests < (rpm ?? Number.POSITIVE_INFINITY) && tokens < (tpm ?? Number.POSITIVE_INFINITY)
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
export function noneReady(
  model: string,
  contenders: readonly Contender[],
  rules: StrategyRules,
  now: number,
): GatewayError {
  if (contenders.every(({ deployment: { traits } }) => traits.isSpent?.()))
    return new GatewayError('rate_limited', `The budgets of all deployments of ${model} are used up.`, {
      code: 'no_deployments_available',
    })
  const soonest = Math.min(...contenders.map((contender) => readyAt(contender, rules, now)))
  const seconds = Math.max(1, Math.ceil((soonest - now) / 1000))
  return new GatewayError(
    'rate_limited',
    `No deployments available for selected model, Try again in ${seconds} seconds. All ${contenders.length} of ${model} are cooling down or at their limits.`,
    { code: 'no_deployments_available', retryAfter: seconds },
  )
}

/** When one may be asked again; when a call of its many will end, nobody knows. */
function readyAt(
  { deployment: { traits }, health }: Contender,
  { enforcesLimits }: StrategyRules,
  now: number,
): number {
  const isUsedUp = enforcesLimits && !hasMinuteLeft(traits, health, now)
  return Math.max(health.cooldownUntil, isUsedUp ? nextMinute(now) : now)
}
