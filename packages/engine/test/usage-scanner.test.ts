import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UsageScanner } from '../src/usage-scanner.ts'

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12, prompt_tokens_details: { cached_tokens: 1 } }
const stream = [
  'data: {"choices":[{"delta":{"content":"\\"usage\\":{\\"prompt_tokens\\":1}"},"finish_reason":null}],"usage":null}\n\n',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
  `data: {"choices":[],"usage":${JSON.stringify(usage)}}\n\n`,
  'data: [DONE]\n\n',
].join('')

const scan = (...pieces: readonly Uint8Array[]) => {
  const scanner = new UsageScanner()
  for (const piece of pieces) scanner.feed(piece)
  return scanner
}

describe('the usage scanner', () => {
  it('finds the token counts however the bytes are cut', () => {
    const bytes = Buffer.from(stream)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.sort((one, other) => one - other), bytes.length]
        const scanner = scan(...places.slice(1).map((end, index) => bytes.subarray(places[index], end)))
        expect(scanner.usage()).toEqual(usage)
        expect(scanner.isComplete).toBe(true)
      }),
    )
  })

  it('does not take a model at its word', () => {
    const scanner = scan(Buffer.from(stream.split('\n\n')[0]!))
    expect(scanner.usage()).toBeUndefined()
    expect(scanner.isComplete).toBe(false)
  })

  it('sees the end mark only where a line begins', () => {
    expect(scan(Buffer.from('data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n')).isComplete).toBe(false)
    expect(scan(Buffer.from('data: {}\n\ndata:'), Buffer.from(' [DONE]\n\n')).isComplete).toBe(true)
  })

  it('sees an error that the vendor reports, and none that a model talks of', () => {
    expect(scan(Buffer.from('data: {}\n\nda'), Buffer.from('ta: {"error":{"message":"x"}}\n\n')).hasError).toBe(true)
    expect(scan(Buffer.from('data: {"error":{}}\n\n')).hasError).toBe(true)
    expect(scan(Buffer.from('data: {"content":"data: {\\"error\\":1}"}\n\n')).hasError).toBe(false)
  })

  it('keeps the last counts that were whole', () => {
    const scanner = scan(Buffer.from(`{"usage":${JSON.stringify(usage)}}`), Buffer.from('{"usage":{"prompt_tok'))
    expect(scanner.usage()).toEqual(usage)
  })

  it('finds counts that come before a long tail', () => {
    expect(scan(Buffer.from(`{"usage": ${JSON.stringify(usage)},"data":"${'x'.repeat(10_000)}"}`)).usage()).toEqual(
      usage,
    )
  })
})
