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

/** A group, and the name it was asked for by: its own or another one. */
export interface NamedGroup {
  readonly name: string
  readonly group: string
}

/**
 * What a table has for a group: by the name it was asked for by, else by its own, else by the longest wildcard among
 * the table's names that fits either.
 */
export function lookUp<Value>(table: ReadonlyMap<string, Value>, { name, group }: NamedGroup): Value | undefined {
  if (table.size === 0) return undefined
  return table.get(name) ?? table.get(group) ?? byWildcard(table, name) ?? byWildcard(table, group)
}

function byWildcard<Value>(table: ReadonlyMap<string, Value>, name: string): Value | undefined {
  let longest = ''
  for (const key of table.keys()) {
    const wildcard = wildcardIn(key)
    if (wildcard !== undefined && key.length > longest.length && capturedBy(wildcard, name) !== undefined) longest = key
  }
  return table.get(longest)
}
