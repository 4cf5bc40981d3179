import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tail, usageOf } from '../src/tail.ts'

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12, prompt_tokens_details: { cached_tokens: 1 } }
const stream = [
  'data: {"choices":[{"delta":{"content":"\\"usage\\":{\\"prompt_tokens\\":1}"},"finish_reason":null}],"usage":null}\n\n',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
  `data: {"choices":[],"usage":${JSON.stringify(usage)}}\n\n`,
  'data: [DONE]\n\n',
].join('')

const scan = (...pieces: readonly Uint8Array[]) => {
  const tail = new Tail()
  for (const piece of pieces) tail.feed(piece)
  return tail.read()
}

describe('the end of a stream', () => {
  it('finds the token counts however the bytes are cut', () => {
    const bytes = Buffer.from(stream)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.sort((one, other) => one - other), bytes.length]
        const end = scan(...places.slice(1).map((end, index) => bytes.subarray(places[index], end)))
        expect(end.usage).toEqual(usage)
        expect(end.isComplete).toBe(true)
      }),
    )
  })

  it('does not take a model at its word', () => {
    const end = scan(Buffer.from(stream.split('\n\n')[0]!))
    expect(end.usage).toBeUndefined()
    expect(end.isComplete).toBe(false)
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
    const end = scan(Buffer.from(`{"usage":${JSON.stringify(usage)}}`), Buffer.from('{"usage":{"prompt_tok'))
    expect(end.usage).toEqual(usage)
  })

  it('is all that is kept of a long one', () => {
    const end = scan(...Array(1000).fill(Buffer.from(`data: {"text":"${'x'.repeat(900)}"}\n\n`)), Buffer.from(stream))
    expect(end).toEqual({ usage, isComplete: true, hasError: false })
  })
})

describe('the counts of a whole answer', () => {
  it('are found wherever they stand', () => {
    const counts = JSON.stringify(usage)
    const long = 'x'.repeat(20_000)
    for (const text of [
      `{"usage":${counts}}`,
      `{"usage": ${counts},"data":"${long}"}`,
      `{"data":"${long}","usage":${counts}}`,
    ])
      expect(usageOf(Buffer.from(text))).toEqual(usage)
  })

  it('are not made up', () => {
    for (const text of [
      '',
      '{}',
      '{"usage":null}',
      '{"usage":{"x":1}}',
      '{"text":"\\"usage\\":{\\"prompt_tokens\\":1}"}',
    ])
      expect(usageOf(Buffer.from(text))).toBeUndefined()
  })

  it('are taken from images and transcriptions as well', () => {
    const images =
      '{"data":[],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40},"output_tokens":7}}'
    expect(usageOf(Buffer.from(images))).toMatchObject({ prompt_tokens: 50, completion_tokens: 7, total_tokens: 57 })
    const words = '{"text":"Hello","usage":{"type":"duration","seconds":12}}'
    expect(usageOf(Buffer.from(words))).toMatchObject({ prompt_tokens: 0, total_tokens: 0, seconds: 12 })
  })
})

describe('what a stream says', () => {
  const event = (delta: object) =>
    Buffer.from(
      `data: ${JSON.stringify({ id: 'c', created: 1, choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`,
    )
  const sampled = (...pieces: readonly Uint8Array[]) => {
    const tail = new Tail()
    for (const piece of pieces) tail.feed(piece)
    return tail.sample()
  }
  const words = Array.from({ length: 5_000 }, (_, at) => ['The', ' sea', ' rises', ' and', ' falls', '. '][at % 6]!)

  it('is known whole of a short one', () => {
    const pieces = words.slice(0, 50).map((content) => event({ content }))
    expect(sampled(event({ role: 'assistant', content: '' }), ...pieces)).toEqual({
      text: words.slice(0, 50).join(''),
      times: 1,
    })
    expect(sampled()).toEqual({ text: '', times: 0 })
  })

  it('is known of the end of a long one, and how much longer it was, however its bytes are cut', () => {
    const bytes = Buffer.concat(words.map((content) => event({ content })))
    const whole = words.join('').length
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 20_000 }), (size) => {
        const count = Math.ceil(bytes.length / size)
        const pieces = Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
        const { text, times } = sampled(...pieces)
        expect(text.length).toBeLessThan(whole / 2)
        expect(Math.abs((text.length * times) / whole - 1)).toBeLessThan(0.05)
      }),
      { numRuns: 50 },
    )
  })

  it('is words, reasoning, and what tools are handed', () => {
    const tool_calls = [{ index: 0, id: 'call', function: { name: 'weather', arguments: '{}' } }]
    const text = Buffer.from('data: {"choices":[{"text":"old"}]}\n\n')
    expect(
      sampled(event({ reasoning_content: 'Hm. ' }), event({ content: 'Yes' }), event({ tool_calls }), text).text,
    ).toBe('Hm. Yesweather{}old')
  })

  it('is nothing in what cannot be read', () => {
    for (const broken of [
      'data: {"choices":[{"delta":',
      'data: {"choices":[null,1,{"delta":7}]}\n\n',
      ': note\n\n',
      '\n',
    ])
      expect(sampled(Buffer.from(broken)).text).toBe('')
  })
})
