/** Tells whether a name is among these, in which `*` stands for anything, once in each, as in `model_list`. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns)
  const wildcards = patterns.flatMap((pattern) => {
    const star = pattern.indexOf('*')
    return star === -1 ? [] : [{ before: pattern.slice(0, star), after: pattern.slice(star + 1) }]
  })
  return (name) => exact.has(name) || wildcards.some((wildcard) => isMatch(name, wildcard))
}

function isMatch(name: string, { before, after }: { readonly before: string; readonly after: string }): boolean {
  return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
}
