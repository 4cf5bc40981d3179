import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { periodAt } from '../src/index.ts'

const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
const told = ({ start, end }: ReturnType<typeof periodAt>) =>
  [start, end].map((time) => time && new Date(time).toISOString().slice(0, 10))

describe('a period', () => {
  it('is all time without a duration', () => {
    expect(periodAt(5, null, 3)).toEqual({ start: 0, end: null })
  })

  it.each([
    ['2026-11-21', '1d', '2026-11-20', ['2026-11-21', '2026-11-22']],
    ['2026-11-21', '30d', '2026-10-01', ['2026-10-31', '2026-11-30']],
    ['2026-03-01', '1mo', '2026-01-31', ['2026-02-28', '2026-03-31']],
    ['2026-03-31', '1mo', '2026-01-31', ['2026-03-31', '2026-04-30']],
    ['2028-02-29', '3mo', '2026-11-30', ['2028-02-29', '2028-05-30']],
    ['2026-11-21', '1w', '1970-01-01', ['2026-11-19', '2026-11-26']],
  ])('at %s, of %s since %s, is %j', (at, duration, since, expected) => {
    expect(told(periodAt(day(at), duration, day(since)))).toEqual(expected)
  })

  it('holds every time there is, and follows the one before', () => {
    const duration = fc.constantFrom('1s', '90s', '30m', '12h', '7d', '2w', '1mo', '5mo', '12mo')
    const since = fc.integer({ min: 0, max: day('2030-01-01') })
    const gone = fc.integer({ min: 0, max: 20 * 365 * 86_400_000 })
    fc.assert(
      fc.property(duration, since, gone, (duration, since, gone) => {
        const { start, end } = periodAt(since + gone, duration, since)
        expect(start).toBeLessThanOrEqual(since + gone)
        expect(end).toBeGreaterThan(since + gone)
        expect(periodAt(start, duration, since)).toEqual({ start, end })
        expect(periodAt(end! - 1, duration, since)).toEqual({ start, end })
        expect(periodAt(end!, duration, since).start).toBe(end)
      }),
    )
  })
})
