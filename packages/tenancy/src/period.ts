import { after } from './duration.ts'

/** A stretch of time for which a budget holds, in ms since the epoch. */
export interface Period {
  readonly start: number
  /** From here on the next one holds; null: none does. */
  readonly end: number | null
}

/** All there ever is. */
const always: Period = { start: 0, end: null }

/** Milliseconds that a month has at least. */
const SHORTEST_MONTH = 28 * 86_400_000

/**
 * The period at a time, of those that follow each other since `startedAt`, each as long as the duration: `30d`, `1mo`.
 * Whoever reckons comes to the same, so nobody has to begin a period anew. Without a duration there is one for good.
 */
export function periodAt(time: number, duration: string | null | undefined, startedAt: number | null): Period {
  if (duration === null || duration === undefined) return always
  const first = startedAt ?? 0
  const length = after(first, duration) - first
  if (!duration.endsWith('mo')) {
    const start = first + Math.floor((time - first) / length) * length
    return { start, end: start + length }
  }
  // Months are reckoned from the first one, so that the 31st comes again after a short month.
  const months = Number.parseInt(duration, 10)
  let count = Math.max(0, Math.floor((time - first) / (months * SHORTEST_MONTH)))
  const startOf = (index: number) => (index === 0 ? first : after(first, `${index * months}mo`))
  while (count > 0 && startOf(count) > time) count--
  return { start: startOf(count), end: startOf(count + 1) }
}
