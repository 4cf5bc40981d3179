import { describe, expect, test } from 'vitest'
import { expectedFailures, findSuite, judge, legs, scored } from './conformance/judge.ts'

const suite = findSuite()
if (suite === undefined) console.warn('@modelcontextprotocol/conformance is not installed: conformance is not tested.')

/** The quickest; `npm run conformance` has them all, and so has CI. */
const some = legs.filter(({ name }) => name === '2026-07-28 over HTTP')

describe.skipIf(suite === undefined)('the conformance suite, through the gateway', () => {
  test.each(some)('finds that the gateway conforms: $name', { timeout: 120_000 }, async (leg) => {
    const { conforms, passed, failed, report } = await judge(suite!, leg)
    expect(failed, report).toEqual(expectedFailures(leg))
    expect(conforms, report).toBe(true)
    // Those that count, and more.
    expect(passed.length).toBeGreaterThanOrEqual(scored(leg))
  })
})
