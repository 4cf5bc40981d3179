import { type GatewayError, isGatewayError } from '@tianjillm/core'
import type { Candidate, Route } from './candidate.ts'
import { coolDown, isFailure } from './cooldown.ts'
import type { Plan, Router } from './router.ts'
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
  /** Whoever was asked has answered or failed. */
  settled(): void
}

/** A deployment that was chosen. */
export interface Choice<Deployment extends Candidate> extends Route<Deployment> {
  /** The group it was chosen from. */
  readonly group: string
  /** What that group was asked for by: its own name or another one. */
  readonly name: string
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
    const choice = begin(step, plan.router, driver)
    const begun = driver.now()
    try {
      const answer = await driver.ask(choice)
      driver.settled()
      const now = driver.now()
      step.contender.health.answered(now, now - begun)
      return answer
    } catch (error) {
      driver.settled()
      // An attempt that nobody waits for any more says nothing of the deployment.
      const isTelling = isGatewayError(error) && !driver.isCancelled()
      choice.end(0, isTelling ? error : undefined)
      if (!isTelling) throw error
      failure = error
      search.failed(error)
    }
  }
}

/** Counts a deployment as asked, until its answer has ended. */
function begin<Deployment extends Candidate>(
  { contender, group: named, fallbacks, isAlone }: Step<Deployment>,
  { rules, onCooldown }: Router<Deployment>,
  driver: Driver<Deployment, unknown>,
): Choice<Deployment> {
  const { deployment, model, health } = contender
  const { name, group } = named
  let isOver = false
  health.begin(driver.now())
  return {
    deployment,
    model,
    group,
    name,
    fallbacks,
    end(tokens, error) {
      if (isOver) return
      isOver = true
      const now = driver.now()
      health.end(now, tokens, error !== undefined && isFailure(error))
      if (error === undefined) return
      const until = coolDown(contender, error, isAlone, rules.cooldown, now)
      if (until !== undefined) onCooldown(deployment.id, until)
    },
  }
}
