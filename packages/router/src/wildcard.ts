/** A name with one `*` in it, which stands for anything. */
export interface Wildcard {
  readonly before: string
  readonly after: string
}

/** The wildcard that a name is, if it is one. */
export function wildcardIn(name: string): Wildcard | undefined {
  const star = name.indexOf('*')
  return star === -1 ? undefined : { before: name.slice(0, star), after: name.slice(star + 1) }
}

/** What the `*` stands for in a name; undefined when the name is another. */
export function capturedBy({ before, after }: Wildcard, name: string): string | undefined {
  const isMatch = name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
  return isMatch ? name.slice(before.length, name.length - after.length) : undefined
}
