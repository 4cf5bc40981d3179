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
 * the key that names the plugin; what is built is given back.
 */
export async function buildEach<Item extends Placed, Built>(
  items: readonly Item[],
  nameKey: string,
  problems: Problem[],
  build: (item: Item) => Promise<Built>,
): Promise<readonly Built[]> {
  const outcomes = await Promise.allSettled(items.map(build))
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return [outcome.value]
    if (!isGatewayError(outcome.reason)) throw outcome.reason
    problems.push(problemOf('error', items[index]!, nameKey, outcome.reason))
    return []
  })
}

/** What a GatewayError says, as a problem of a configured item. */
export function problemOf(severity: Problem['severity'], item: Placed, nameKey: string, error: GatewayError): Problem {
  const { option, reason } = error.facts.details ?? {}
  const isOption = typeof option === 'string'
  const written = isOption ? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : nameKey
  const { file, line, column } = item.positionOf?.(written.split('.')[0]!) ?? item.position
  const message = isOption ? `${error.facts.provider}: ${reason}` : error.message
  return { severity, file, line, column, path: isOption ? written : '', message }
}

/** Problems from top to bottom, those of one file together. */
export function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))]
  return problems.toSorted(
    (one, other) =>
      files.indexOf(one.file) - files.indexOf(other.file) || one.line - other.line || one.column - other.column,
  )
}
