import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventStream } from '../src/http/event-stream.ts'

let answer: (outgoing: ServerResponse) => void = () => {}
const server = createServer((_incoming, outgoing) => answer(outgoing))

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())

const http11 = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** What the wire carries until the text ends with `until`, or the server closes. */
async function raw(requests: readonly string[], until: string): Promise<string> {
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  let all = ''
  for (const request of requests) {
    let text = ''
    socket.write(request)
    for await (const piece of socket.iterator({ destroyOnReturn: false })) {
      text += (piece as Buffer).toString('latin1')
      if (text.endsWith(until)) break
    }
    all += text
  }
  socket.destroy()
  return all
}

/** Body of an answer by node's own client, which refuses any frame that is not right. */
async function bodyOf(): Promise<Buffer> {
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/`)
  return Buffer.from(await response.arrayBuffer())
}

describe('an event stream', () => {
  it('is framed as HTTP/1.1 wants it, and the connection serves the next request', async () => {
    answer = (outgoing) => {
      const events = new EventStream(outgoing, ['x-request-id', 'r1'])
      events.write(Buffer.from('data: é\n\n'))
      events.end(Buffer.from('data: [DONE]\n\n'))
    }
    const text = await raw([http11, http11], '0\r\n\r\n')
    const [head, ...frames] = text.split('\r\n\r\n')
    expect(head).toContain('x-request-id: r1\r\ncontent-type: text/event-stream; charset=utf-8')
    expect(head).toContain('Transfer-Encoding: chunked')
    expect(text.split('HTTP/1.1 200 OK')).toHaveLength(3)
    expect(frames[0]).toBe('a\r\ndata: Ã©\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0')
  })

  it('has no frames for a client of HTTP/1.0', async () => {
    answer = (outgoing) => {
      const events = new EventStream(outgoing, [])
      events.write(Buffer.from('data: 1\n\n'))
      events.end()
    }
    const text = await raw(['GET / HTTP/1.0\r\n\r\n'], 'never')
    expect(text.split('\r\n\r\n')[1]).toBe('data: 1\n\n')
    expect(text).not.toMatch(/transfer-encoding/i)
  })

  it('carries every byte, whatever the pieces', async () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 16_000, maxLength: 20_000 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          piece.filter(({ length }) => length > 0),
          { maxLength: 6 },
        ),
        piece,
        async (pieces, last) => {
          answer = (outgoing) => {
            const events = new EventStream(outgoing, [])
            for (const each of pieces) events.write(each)
            events.end(last)
          }
          expect((await bodyOf()).equals(Buffer.concat([...pieces, last]))).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
  })
})
