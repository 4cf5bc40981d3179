import { capturedBy, wildcardIn } from '@tianjillm/router'

/** Tells whether a name is among these, in which `*` stands for anything, once in each, as in `model_list`. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns)
  const wildcards = patterns.flatMap((pattern) => wildcardIn(pattern) ?? [])
  return (name) => exact.has(name) || wildcards.some((wildcard) => capturedBy(wildcard, name) !== undefined)
}
