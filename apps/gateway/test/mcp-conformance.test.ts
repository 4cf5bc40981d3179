import { describe, expect, test } from 'vitest'
import { expectedFailures, findSuite, judge, legs, scored } from './conformance/judge.ts'

const suite = findSuite()
if (suite === undefined) console.warn('@modelcontextprotocol/conformance is not installed: conformance is not tested.')

describe.skipIf(suite === undefined)('the conformance suite, through the gateway', () => {
  test.each(legs)('finds that the gateway conforms: $name', { timeout: 120_000 }, async (leg) => {
    const { conforms, passed, failed, report } = await judge(suite!, leg)
    expect(failed, report).toEqual(expectedFailures(leg))
    expect(conforms, report).toBe(true)
    // Those that count, and more.
    expect(passed.length).toBeGreaterThanOrEqual(scored(leg))
  })
})
