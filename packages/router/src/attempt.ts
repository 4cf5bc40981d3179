import { type GatewayError, isGatewayError } from '@tianjillm/core'
import type { Candidate, Route } from './candidate.ts'
import { coolDown, isFailure } from './cooldown.ts'
import type { Plan } from './router.ts'
import type { Rules } from './rules.ts'
import { Search, type Step } from './search.ts'

/** Whoever does the asking. */
export interface Driver<Deployment extends Candidate, Answer> {
  /** Milliseconds. */
  now(): number
  /** From 0 up to 1. */
  random(): number
  /** Resolves after so many milliseconds, or as soon as nobody waits for the answer any more. */
  wait(time: number): Promise<void>
  /** Whether nobody waits for the answer any more. */
  isCancelled(): boolean
  /** Asks a deployment. Rejects with GatewayError as long as another may be asked in its place. */
  ask(choice: Choice<Deployment>): Promise<Answer>
}

/** A deployment that was chosen. */
export interface Choice<Deployment extends Candidate> extends Route<Deployment> {
  /** The group it was chosen from. */
  readonly group: string
  /** How many groups have failed before. */
  readonly fallbacks: number
  /** To be told once when the last piece of its answer has gone, or the answer broke. An `ask` that rejects tells it. */
  end(tokens: number, error?: GatewayError): void
}

/**
 * The answer of the first deployment that gives one: of the group that is asked for, then of those that stand in for
 * it. Throws the GatewayError of the group that was asked for.
 */
export async function attempt<Deployment extends Candidate, Answer>(
  plan: Plan<Deployment>,
  driver: Driver<Deployment, Answer>,
): Promise<Answer> {
  const search = new Search(plan, driver)
  let failure: GatewayError | undefined
  for (;;) {
    const step = search.next()
    if (typeof step === 'number') {
      await driver.wait(step)
      if (driver.isCancelled()) throw failure
      continue
    }
    const choice = begin(step, plan.router.rules, driver)
    const begun = driver.now()
    try {
      const answer = await driver.ask(choice)
      step.contender.health.answered(driver.now() - begun)
      return answer
    } catch (error) {
      choice.end(0, isGatewayError(error) ? error : undefined)
      if (!isGatewayError(error) || driver.isCancelled()) throw error
      failure = error
      search.failed(error)
    }
  }
}

/** Counts a deployment as asked, until its answer has ended. */
function begin<Deployment extends Candidate>(
  { contender, group, fallbacks, isAlone }: Step<Deployment>,
  rules: Rules,
  driver: Driver<Deployment, unknown>,
): Choice<Deployment> {
  const { deployment, model, health } = contender
  let isOver = false
  health.begin(driver.now())
  return {
    deployment,
    model,
    group,
    fallbacks,
    end(tokens, error) {
      if (isOver) return
      isOver = true
      const now = driver.now()
      health.end(now, tokens, error !== undefined && isFailure(error))
      if (error !== undefined) coolDown(contender, error, isAlone, rules.cooldown, now)
    },
  }
}
