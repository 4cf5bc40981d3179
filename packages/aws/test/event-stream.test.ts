import { crc32 } from 'node:zlib'
import { collect, encodeEvent, encodeMessage } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { type EventStreamMessage, eventStream } from '../src/index.ts'

const first = encodeEvent('contentBlockDelta', { delta: { text: 'grüß 👍' } })
const second = encodeEvent('messageStop', { stopReason: 'end_turn' })
const whole = new Uint8Array(Buffer.concat([first, second]))

async function read(...pieces: readonly Uint8Array[]): Promise<readonly (readonly [string, unknown])[]> {
  const messages = await collect(
    eventStream(
      (async function* () {
        yield* pieces
      })(),
    ),
  )
  return messages.map(({ event, payload }) => [event, JSON.parse(new TextDecoder().decode(payload))])
}

const expected = [
  ['contentBlockDelta', { delta: { text: 'grüß 👍' } }],
  ['messageStop', { stopReason: 'end_turn' }],
]

describe('eventStream', () => {
  it('reads messages that come in one piece', async () => {
    expect(await read(whole)).toEqual(expected)
  })

  it('reads messages wherever they are cut', async () => {
    for (let cut = 0; cut <= whole.length; cut++)
      expect(await read(whole.subarray(0, cut), whole.subarray(cut)), `cut at ${cut}`).toEqual(expected)
    expect(await read(...Array.from(whole, (_, index) => whole.subarray(index, index + 1)))).toEqual(expected)
  })

  it('is empty when nothing came', async () => {
    expect(await read()).toEqual([])
    expect(await read(new Uint8Array())).toEqual([])
  })

  it.each<[string, Record<string, string>, Partial<EventStreamMessage>]>([
    [
      'an event',
      { ':message-type': 'event', ':event-type': 'chunk', ':content-type': 'application/json' },
      { type: 'event', event: 'chunk', contentType: 'application/json', errorMessage: undefined },
    ],
    [
      'an exception',
      { ':message-type': 'exception', ':exception-type': 'throttlingException' },
      { type: 'exception', event: 'throttlingException', contentType: undefined },
    ],
    [
      'an error',
      { ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'broken' },
      { type: 'error', event: 'InternalFailure', errorMessage: 'broken' },
    ],
  ])('tells %s by its headers', async (_title, headers, message) => {
    const bytes = (async function* () {
      yield encodeMessage(headers, '{}')
    })()
    expect(await collect(eventStream(bytes))).toMatchObject([message])
  })

  it('reads headers of every type', async () => {
    // bool true, bool false, byte, int16, int32, int64, bytes, timestamp and uuid, before the string that counts.
    const other = '0161000161010161020701610300070161040000000701610500000000000000070161060001ff'
    const more = `01610800000000000000070161${'09'.padEnd(34, '0')}`
    const name = `0b${Buffer.from(':event-type').toString('hex')}070001${Buffer.from('x').toString('hex')}`
    const headers = Buffer.from(other + more + name, 'hex')
    const [message] = await collect(eventStream(pieces(withHeaders(headers))))
    expect(message).toMatchObject({ type: 'event', event: 'x' })
  })

  it.each([
    ['ends within a message', whole.subarray(0, whole.length - 1), /ends within/],
    ['ends within a length', new Uint8Array([0, 0]), /ends within/],
    ['has a damaged prelude', flipped(5), /damaged/],
    ['has a damaged header', flipped(14), /damaged/],
    ['has a damaged payload', flipped(first.length - 8), /damaged/],
    ['has a damaged checksum', flipped(first.length - 1), /damaged/],
    ['has a message shorter than its frame', new Uint8Array([0, 0, 0, 15]), /15 bytes/],
    ['has a message of over 16 MiB', new Uint8Array([1, 0, 0, 1]), /16777217 bytes/],
    ['has a message of an unknown type', encodeMessage({ ':message-type': 'gossip' }, '{}'), /gossip/],
    ['has a header that reaches beyond the message', withHeaders(Buffer.from('0161070fff61', 'hex')), /damaged/],
  ])('refuses a stream that %s', async (_title, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      kind: 'upstream_invalid_response',
      message: expect.stringMatching(message),
    })
  })

  it('gives what came before the damage', async () => {
    const seen: string[] = []
    const reading = async () => {
      for await (const { event } of eventStream(pieces(first, second.subarray(0, 20)))) seen.push(event)
    }
    await expect(reading()).rejects.toMatchObject({ kind: 'upstream_invalid_response' })
    expect(seen).toEqual(['contentBlockDelta'])
  })
})

async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all
}

function flipped(index: number): Uint8Array {
  return whole.map((byte, at) => (at === index ? byte ^ 1 : byte))
}

/** A message whose header block is these bytes. */
function withHeaders(headers: Buffer): Uint8Array {
  const template = Buffer.from(encodeMessage({ h: 'x'.repeat(headers.length - 5) }, '{}'))
  headers.copy(template, 12)
  template.writeUInt32BE(crc32(template.subarray(0, -4)), template.length - 4)
  return new Uint8Array(template)
}
