import { isGatewayError } from '@tianjillm/core'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { parseOptions } from '../src/options.ts'

const plugin = {
  name: 'acme',
  options: v.object({
    apiKey: v.optional(v.string()),
    retries: v.optional(v.pipe(v.number(), v.maxValue(9))),
    tokens: v.optional(v.object({ secretToken: v.number() })),
  }),
}

function refusal(options: unknown): string {
  try {
    parseOptions(plugin, options)
  } catch (error) {
    if (isGatewayError(error)) return `${error.kind}: ${error.message} ${JSON.stringify(error.facts)}`
    throw error
  }
  return 'none'
}

describe("a plugin's options", () => {
  it('are handed on as its schema leaves them', () => {
    expect(parseOptions(plugin, { apiKey: 'k', other: 1 })).toEqual({ apiKey: 'k' })
  })

  it('are refused with the plugin, the option and what is wrong', () => {
    expect(refusal({ retries: 10 })).toContain('misconfigured: acme: option retries: Invalid value: Expected <=9')
    expect(refusal({ retries: 10 })).toContain('received 10')
    expect(refusal('x')).toContain('misconfigured: acme: options: Invalid type: Expected Object but received a string')
  })

  it('are never quoted where they may be secret: texts, and all under the name of a secret', () => {
    const secret = fc.stringMatching(/^[0-9]{16,20}$/)
    fc.assert(
      fc.property(secret, (text) => {
        for (const options of [
          { retries: text },
          { apiKey: Number(text) },
          { tokens: { secretToken: text } },
          { apiKey: [text] },
          { tokens: text },
        ]) {
          expect(refusal(options)).toContain('misconfigured')
          expect(refusal(options)).not.toContain(text)
          expect(refusal(options)).not.toContain(String(Number(text)))
        }
      }),
    )
  })
})
