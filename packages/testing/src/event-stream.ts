import { crc32 } from 'node:zlib'

/** One message of an event stream, written by the format's description: headers of type string, then the payload. */
export function encodeMessage(headers: Readonly<Record<string, string>>, payload: string | Uint8Array): Uint8Array {
  const head = Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [sized(name, 1), Buffer.from([7]), sized(value, 2)]),
  )
  const body = Buffer.from(payload)
  const lengths = Buffer.concat([uint32(16 + head.length + body.length), uint32(head.length)])
  const message = Buffer.concat([lengths, uint32(crc32(lengths)), head, body])
  return new Uint8Array(Buffer.concat([message, uint32(crc32(message))]))
}

/** An event with a JSON payload. */
export function encodeEvent(event: string, payload: object): Uint8Array {
  const headers = { ':event-type': event, ':content-type': 'application/json', ':message-type': 'event' }
  return encodeMessage(headers, JSON.stringify(payload))
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function sized(text: string, lengthBytes: number): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(bytes.length, 0, lengthBytes)
  return Buffer.concat([length, bytes])
}
