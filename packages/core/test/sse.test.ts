import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type GatewayError, type ServerSentEvent, serverSentEvents, serverSentJson } from '../src/index.ts'

const encoder = new TextEncoder()

async function* inPieces(bytes: Uint8Array, ...cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(start, cut)
    start = cut
  }
}

async function all<Value>(values: AsyncIterable<Value>): Promise<readonly Value[]> {
  const found: Value[] = []
  for await (const value of values) found.push(value)
  return found
}

const eventsOf = (text: string, ...cuts: readonly number[]) =>
  all(serverSentEvents(inPieces(encoder.encode(text), ...cuts)))
const jsonOf = (text: string) => all(serverSentJson(inPieces(encoder.encode(text))))

/** Any text a line can hold. */
const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ' '))
const anyEvent = fc.record({
  event: fc.option(
    line.filter((text) => text !== ''),
    { nil: undefined },
  ),
  data: fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n')),
})
const anyEnding = fc.constantFrom('\n', '\r\n', '\r')

function written({ event, data }: ServerSentEvent, ending: string): string {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...data.split('\n').map((text) => `data: ${text}`),
  ]
  return `${lines.join(ending)}${ending}${ending}`
}

describe('serverSentEvents', () => {
  it('gives what was sent, however the lines end and the bytes are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyEvent, { maxLength: 5 }),
        anyEnding,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        async (events, ending, cuts) => {
          const bytes = encoder.encode(events.map((event) => written(event, ending)).join(''))
          const pieces = inPieces(bytes, ...cuts.map((cut) => Math.floor(cut * bytes.length)))
          expect(await all(serverSentEvents(pieces))).toEqual(events)
        },
      ),
    ))

  it.each(['\n', '\r\n', '\r'])(
    'survives a cut at every byte and all of them at once, lines ending in %j',
    async (ending) => {
      const text = `: hello${ending}event: grüße 👍${ending}data: {"a":${ending}data: "é"}${ending}${ending}data: [DONE]${ending}${ending}`
      const expected = [
        { event: 'grüße 👍', data: '{"a":\n"é"}' },
        { event: undefined, data: '[DONE]' },
      ]
      const cuts = Array.from(encoder.encode(text), (_, index) => index)
      for (const cut of cuts) expect(await eventsOf(text, cut), `cut at ${cut}`).toEqual(expected)
      expect(await eventsOf(text, ...cuts)).toEqual(expected)
    },
  )

  it('puts a line of 1 MiB together from small pieces', async () => {
    const data = 'é👍x'.repeat(1024 * 150)
    const bytes = encoder.encode(`data: ${data}\n\n`)
    const cuts = Array.from({ length: Math.floor(bytes.length / 1021) }, (_, index) => index * 1021)
    expect(bytes.length).toBeGreaterThan(1024 * 1024)
    expect(await all(serverSentEvents(inPieces(bytes, ...cuts)))).toEqual([{ event: undefined, data }])
  })

  it.each([
    ['comments and unknown fields', ': hi\nid: 7\nretry: 5\nfoo: bar\ndata: a\n\n', ['a']],
    ['a missing space after the colon', 'data:a\n\n', ['a']],
    ['more than one space after the colon', 'data:   a\n\n', ['  a']],
    ['blank lines before and between', '\n\ndata: a\n\n\n\ndata: b\n\n', ['a', 'b']],
    ['an event without data', 'event: ping\n\ndata: a\n\n', ['a']],
    ['a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['a last event without its blank line', 'data: a\n\ndata: b', ['a', 'b']],
    ['a last event that ends in half a CRLF', 'data: a\r', ['a']],
    ['nothing', '', []],
  ])('takes %s', async (_what, text, expected) => {
    expect((await eventsOf(text)).map(({ data }) => data)).toEqual(expected)
  })

  it('hands an event on as soon as it is whole', async () => {
    let isEnded = false
    const events = serverSentEvents(
      (async function* () {
        yield encoder.encode('data: a\n\n')
        isEnded = true
      })(),
    )
    expect((await events.next()).value).toEqual({ event: undefined, data: 'a' })
    expect(isEnded).toBe(false)
  })

  it('lets its source go when nobody listens any more', async () => {
    let isReleased = false
    const source = async function* () {
      try {
        for (;;) yield encoder.encode('data: a\n\n')
      } finally {
        isReleased = true
      }
    }
    for await (const _event of serverSentEvents(source())) break
    expect(isReleased).toBe(true)
  })

  it.each([
    ['one line', 'x'.repeat(1024 * 1024)],
    ['many lines', `data: ${'x'.repeat(1024 * 1024 - 8)}\n`],
  ])(
    'gives up an event of more than 16 Mi characters in %s, and what came before it is not lost',
    async (_what, mebi) => {
      const source = async function* () {
        yield encoder.encode('data: first\n\ndata: ')
        const piece = encoder.encode(mebi)
        for (let count = 0; count < 17; count++) yield piece
      }
      const events = serverSentEvents(source())
      expect((await events.next()).value).toEqual({ event: undefined, data: 'first' })
      const error = await events.next().catch((thrown: GatewayError) => thrown)
      expect(error).toMatchObject({ kind: 'upstream_invalid_response', message: expect.stringContaining('16 Mi') })
    },
  )

  it('passes on the failure of its source', async () => {
    const failure = new Error('the connection broke')
    const source = async function* () {
      yield encoder.encode('data: a\n\nda')
      throw failure
    }
    await expect(all(serverSentEvents(source()))).rejects.toBe(failure)
  })
})

describe('serverSentJson', () => {
  it('parses every event, with its name', async () => {
    expect(await jsonOf('event: delta\ndata: {"a":\ndata: [1]}\n\ndata: 7\n\n')).toEqual([
      { event: 'delta', data: { a: [1] } },
      { event: undefined, data: 7 },
    ])
  })

  it('ends at [DONE], whatever follows', async () => {
    expect(await jsonOf('data: 1\n\ndata: [DONE]\n\ndata: broken {\n\n')).toEqual([{ event: undefined, data: 1 }])
  })

  it('ends where the stream ends', async () => {
    expect(await jsonOf('data: 1\n\n')).toEqual([{ event: undefined, data: 1 }])
  })

  it.each(['{"a":', 'hello', '{"a":1}{'])('refuses %s', async (data) => {
    await expect(jsonOf(`data: ${data}\n\n`)).rejects.toMatchObject({ kind: 'upstream_invalid_response' })
  })

  it('gives back any JSON', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const [event] = await jsonOf(`data: ${JSON.stringify(value)}\n\n`)
        expect(JSON.stringify(event?.data)).toBe(JSON.stringify(value))
      }),
    ))
})
