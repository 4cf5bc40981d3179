import { GatewayError, isGatewayError } from '@tianjillm/core'
import { levels, noneReady, ready, suitable } from './available.ts'
import type { Candidate } from './candidate.ts'
import { fallbacksFor } from './fallbacks.ts'
import { retriesFor, waitBefore } from './retry.ts'
import type { Plan } from './router.ts'
import type { StrategyRules } from './rules.ts'
import { type Contender, strategies } from './strategies.ts'
import { lookUp, type NamedGroup } from './wildcard.ts'

/** Whom to ask next. */
export interface Step<Deployment extends Candidate> {
  readonly contender: Contender<Deployment>
  readonly group: NamedGroup
  /** Groups that have failed before. */
  readonly fallbacks: number
  /** Whether it is the only one of its group. */
  readonly isAlone: boolean
}

/** Time and chance. */
export interface Clock {
  now(): number
  random(): number
}

/**
 * The way of one request through deployments that fail: in a group those with the lowest `order` first; of these the
 * ones not asked yet, at once and each of them, then the same ones again, after a while and as often as the rules say.
 * After that the groups that stand in for it.
 */
export class Search<Deployment extends Candidate> {
  readonly #plan: Plan<Deployment>
  readonly #clock: Clock
  /** The groups to be asked; fallbacks are added as they come to be needed. */
  readonly #groups: NamedGroup[]
  readonly #failures = new Map<string, GatewayError>()
  #group = 0
  #fitting: readonly Contender<Deployment>[] = []
  #levels: readonly (readonly Contender<Deployment>[])[] = []
  #level = 0
  #asked: Contender<Deployment>[] = []
  #retries = 0
  #hasWaited = false
  /** What went wrong in this group. */
  #failure: GatewayError | undefined
  /** What went wrong at this level of it. */
  #lastFailure: GatewayError | undefined

  constructor(plan: Plan<Deployment>, clock: Clock) {
    this.#plan = plan
    this.#clock = clock
    this.#groups = [{ name: plan.request.model, group: plan.group }]
    this.#enter(plan.contenders)
  }

  /**
   * The next to ask, or how many milliseconds to wait before it is known who that is: much may happen meanwhile. Throws
   * GatewayError when there is nobody left.
   */
  next(): Step<Deployment> | number {
    for (;;) {
      const step = this.#stepInLevel()
      if (step !== undefined) return step
      const isRetryable = this.#failure === undefined || this.#failure.isRetryable
      if (isRetryable && this.#level + 1 < this.#levels.length) this.#climb()
      else this.#leave()
    }
  }

  /** What became of the last one. */
  failed(error: GatewayError): void {
    this.#failure = error
    this.#lastFailure = error
  }

  /** Undefined when this level has nobody left. */
  #stepInLevel(): Step<Deployment> | number | undefined {
    const level = this.#levels[this.#level]
    if (level === undefined) return undefined
    const now = this.#clock.now()
    const group = this.#groups[this.#group]!
    const rules = this.#strategyOf(group)
    const free = ready(level, rules, now, isById(group.group, level))
    const pause = this.#pauseBefore(free, group, now)
    if (free.length === 0) this.#failure ??= noneReady(group.name, level, rules, now)
    this.#hasWaited = pause !== undefined && pause > 0
    if (pause !== 0) return pause
    const fresh = this.#asked.length === 0 ? free : free.filter((contender) => !this.#asked.includes(contender))
    const contender = this.#choose(fresh.length > 0 ? fresh : free, rules, now)
    this.#asked.push(contender)
    const isAlone = this.#fitting.length === 1
    return { contender, group, fallbacks: this.#failures.size, isAlone }
  }

  /** Milliseconds to wait before one of these is asked; undefined when none is to be asked. */
  #pauseBefore(free: readonly Contender<Deployment>[], group: NamedGroup, now: number): number | undefined {
    if (free.length === 0) return undefined
    const failure = this.#lastFailure
    if (failure === undefined || this.#hasWaited) return 0
    const { rules } = this.#plan.router
    const { numRetries, deadline = Number.POSITIVE_INFINITY } = this.#plan.request
    const { traits } = this.#asked.at(-1)!.deployment
    const most = retriesFor(failure, group, traits, rules, numRetries)
    if (most === 0) return undefined
    if (free.some((contender) => !this.#asked.includes(contender))) return 0
    if (this.#retries >= most) return undefined
    const pause = waitBefore(this.#retries++, failure, rules, this.#clock.random)
    return pause !== undefined && now + pause < deadline ? pause : undefined
  }

  #strategyOf(group: NamedGroup): StrategyRules {
    const { rules } = this.#plan.router
    return lookUp(rules.groupStrategies, group) ?? rules
  }

  #choose(
    contenders: readonly Contender<Deployment>[],
    { strategy, strategyArguments }: StrategyRules,
    now: number,
  ): Contender<Deployment> {
    if (contenders.length === 1) return contenders[0]!
    // A strategy gives one of those it was given.
    return strategies[strategy](contenders, {
      now,
      random: this.#clock.random,
      arguments: strategyArguments,
    }) as Contender<Deployment>
  }

  /** To the next `order`. */
  #climb(): void {
    this.#level++
    this.#asked = []
    this.#retries = 0
    this.#lastFailure = undefined
  }

  /** To the next group that stands in. Throws when there is none. */
  #leave(): void {
    const group = this.#groups[this.#group]!
    const failure = this.#failure!
    this.#failures.set(group.name, failure)
    const { rules, find } = this.#plan.router
    for (const next of fallbacksFor(group, failure, this.#plan.request, rules))
      if (!this.#knows(next) && this.#groups.length <= rules.fallbacks.most && find(next.group)) this.#groups.push(next)
    this.#group++
    const next = this.#groups[this.#group]
    if (next === undefined) throw exhausted(this.#failures)
    this.#enter(find(next.group)!)
  }

  #knows({ group }: NamedGroup): boolean {
    return this.#groups.some((known) => known.group === group)
  }

  #enter(contenders: readonly Contender<Deployment>[]): void {
    const { request } = this.#plan
    this.#failure = undefined
    this.#level = -1
    this.#climb()
    try {
      if (this.#group === 0 && request.failsWith !== undefined)
        throw new GatewayError(request.failsWith, 'The request wants its model to fail, to test what stands in for it.')
      this.#fitting = suitable(this.#groups[this.#group]!.name, contenders, request, this.#plan.router.rules)
      this.#levels = levels(this.#fitting)
    } catch (error) {
      if (!isGatewayError(error)) throw error
      this.#failure = error
      this.#levels = []
    }
  }
}

/** Whether somebody asks for this very deployment, by its id: then it is asked even while it cools down. */
function isById(name: string, contenders: readonly Contender[]): boolean {
  const [only] = contenders
  return contenders.length === 1 && only!.deployment.id === name && only!.deployment.group !== name
}

/** The error of the group that was asked for, which also says what became of those that stood in for it. */
function exhausted(failures: ReadonlyMap<string, GatewayError>): GatewayError {
  const [[, first], ...others] = [...failures] as [[string, GatewayError], ...[string, GatewayError][]]
  if (others.length === 0) return first
  const tried = others.map(([group, { kind }]) => `${group} (${kind})`).join(', ')
  return new GatewayError(first.kind, `${first.message} Fallbacks failed too: ${tried}.`, first.facts)
}
