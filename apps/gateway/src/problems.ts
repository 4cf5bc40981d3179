import type { Position, Problem } from '@tianjillm/config'
import { type GatewayError, isGatewayError } from '@tianjillm/core'

/** Something configured, and where. */
export interface Placed {
  readonly position: Position
  /** Where one of its keys was written. */
  positionOf?(key: string): Position
}

/**
 * Builds one thing for each item, side by side. What a GatewayError says becomes a problem at the wrong option, or at
 * the key that names the plugin; what is built is given back. What is dispensable is left out with a warning.
 */
export async function buildEach<Item extends Placed, Built>(
  items: readonly Item[],
  nameKey: string,
  problems: Problem[],
  build: (item: Item) => Promise<Built>,
  isDispensable: (error: GatewayError) => boolean = () => false,
): Promise<readonly Built[]> {
  const outcomes = await Promise.allSettled(items.map(build))
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return [outcome.value]
    if (!isGatewayError(outcome.reason)) throw outcome.reason
    const problem = problemOf('error', items[index]!, nameKey, outcome.reason)
    problems.push(isDispensable(outcome.reason) ? leftOut(problem) : problem)
    return []
  })
}

/** The problem of something that the gateway does without. */
export function leftOut(problem: Problem): Problem {
  const sentence = /[.?]$/.test(problem.message) ? problem.message : `${problem.message}.`
  return { ...problem, severity: 'warning', message: `${sentence} It is left out.` }
}

/** Whether a plugin is not installed. */
export function isMissingPlugin(error: GatewayError): boolean {
  return error.facts.details?.missing !== undefined
}

/** What a GatewayError says, as a problem of a configured item. */
export function problemOf(severity: Problem['severity'], item: Placed, nameKey: string, error: GatewayError): Problem {
  const { option, reason } = error.facts.details ?? {}
  const isOption = typeof option === 'string'
  const written = isOption ? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : nameKey
  const { file, line, column } = item.positionOf?.(written.split('.')[0]!) ?? item.position
  const message = isOption ? `${error.facts.provider}: ${reason}` : error.message
  const topic = isMissingPlugin(error) ? ({ topic: 'plugin' } as const) : {}
  return { severity, file, line, column, path: isOption ? written : '', message, ...topic }
}

/** The problems with one line in place of all notes, for those who did not ask for them. */
export function withoutNotes(problems: readonly Problem[]): readonly Problem[] {
  const [first, ...others] = problems.filter(({ severity }) => severity === 'note')
  if (first === undefined) return problems
  const are = others.length === 0 ? '1 setting has' : `${others.length + 1} settings have`
  const message = `${are} no effect here yet; "tianji check" lists ${others.length === 0 ? 'it' : 'them'}.`
  const told: Problem = { ...first, path: '', message }
  return problems.flatMap((problem) => {
    if (problem === first) return [told]
    return problem.severity === 'note' ? [] : [problem]
  })
}

/** Problems from top to bottom, those of one file together. */
export function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))]
  return problems.toSorted(
    (one, other) =>
      files.indexOf(one.file) - files.indexOf(other.file) || one.line - other.line || one.column - other.column,
  )
}
