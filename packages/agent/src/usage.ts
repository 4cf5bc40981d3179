import { isJsonObject, type Usage } from '@tianjillm/core'

/** Counts of two turns as one; those that one turn did not tell are the other's. */
export function addUsage(one: Usage | undefined, other: Usage | null | undefined): Usage | undefined {
  if (!one || !other) return one ?? other ?? undefined
  // Sums of counts are counts.
  return sum(one, other) as Usage
}

function sum(one: unknown, other: unknown): unknown {
  if (typeof one === 'number' && typeof other === 'number') return one + other
  if (!isJsonObject(one) || !isJsonObject(other)) return other ?? one
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries([...names].map((name) => [name, sum(one[name], other[name])]))
}
