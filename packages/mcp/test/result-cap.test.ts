import { expect, test } from 'vitest'
import { cappedResult } from '../src/result-cap.ts'

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

test('a result within the limit is the same object', () => {
  const result = { content: [{ type: 'text', text: 'short' }] }
  expect(cappedResult(result, 100)).toBe(result)
})

test('text over the limit is cut and says so, without half characters', () => {
  const result = { content: [{ type: 'text', text: '👍"'.repeat(1_000) }] }
  const capped = cappedResult(result, 1_000) as typeof result
  expect(bytes(capped)).toBeLessThanOrEqual(1_000)
  expect(capped.content[0]!.text).toMatch(/^(👍")+👍?\n\[Cut by the gateway/u)
})

test('blocks of text share the room in their order', () => {
  const text = (size: number) => ({ type: 'text', text: 'x'.repeat(size) })
  const capped = cappedResult({ content: [text(300), text(5_000)] }, 1_000) as { content: { text: string }[] }
  expect(capped.content[0]!.text).toBe('x'.repeat(300))
  expect(capped.content[1]!.text).toContain('[Cut by the gateway')
  expect(bytes(capped)).toBeLessThanOrEqual(1_000)
})

test('what cannot be cut becomes a failed result with its size', () => {
  const image = { content: [{ type: 'image', data: 'A'.repeat(2_000), mimeType: 'image/png' }] }
  const structured = { content: [{ type: 'text', text: 'x' }], structuredContent: { all: 'x'.repeat(2_000) } }
  for (const result of [image, structured])
    expect(cappedResult(result, 1_000)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/too large: 20\d\d bytes/) }],
      _meta: { code: 'result_too_large', status: 413, retryable: false },
    })
})
