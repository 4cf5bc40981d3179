import { GatewayError, type Upload } from '@tianjillm/core'
import type { RawBody } from '@tianjillm/engine'

/** One part of a multipart form; `start` and `end` enclose its content in the body. */
export interface Part {
  readonly name: string
  readonly fileName: string | undefined
  readonly type: string | undefined
  readonly start: number
  readonly end: number
}

/** Most parts a form may have, and bytes the head of one may have. */
const MOST_PARTS = 100
const LONGEST_HEAD = 8 * 1024

/** A multipart form whose files stay where they are: parts are views on the bytes that came. https://www.rfc-editor.org/rfc/rfc7578 */
export class MultipartBody implements RawBody {
  readonly contentType: string
  readonly parts: readonly Part[]
  readonly #bytes: Buffer
  readonly #boundary: string

  /** Throws GatewayError `invalid_request` when the bytes are not the form the content type promises. */
  constructor(bytes: Buffer, contentType: string) {
    this.contentType = contentType
    this.#bytes = bytes
    this.#boundary = boundaryOf(contentType)
    this.parts = partsOf(bytes, this.#boundary)
  }

  /** The content of a part that is no file. */
  text({ start, end }: Part): string {
    return this.#bytes.toString('utf8', start, end)
  }

  /** The file of a part. */
  upload({ name, fileName, type, start, end }: Part): Upload {
    return { name: fileName || name, type: type ?? 'application/octet-stream', bytes: this.#bytes.subarray(start, end) }
  }

  withModel(model: string): Uint8Array | undefined {
    const [part, second] = this.parts.filter(({ name }) => name === 'model')
    if (second) return undefined
    if (part)
      return Buffer.concat([this.#bytes.subarray(0, part.start), Buffer.from(model), this.#bytes.subarray(part.end)])
    const added = `--${this.#boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n`
    return Buffer.concat([Buffer.from(added), this.#bytes])
  }
}

function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw malformed('the content type has no boundary')
  return boundary
}

function partsOf(bytes: Buffer, boundary: string): readonly Part[] {
  const opening = Buffer.from(`--${boundary}`)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const parts: Part[] = []
  let at = bytes.indexOf(opening)
  if (at === -1) throw malformed('its boundary does not occur')
  at += opening.length
  for (;;) {
    if (bytes.toString('latin1', at, at + 2) === '--') return parts
    const headStart = bytes.indexOf('\r\n', at)
    const headEnd = bytes.indexOf('\r\n\r\n', at)
    // An empty part's delimiter begins with the line break that ends its head.
    const end = bytes.indexOf(delimiter, at)
    if (end === -1) throw malformed('it ends in the middle of a part')
    if (headStart === -1 || headEnd === -1 || headEnd - headStart > LONGEST_HEAD || end < headEnd)
      throw malformed('a part has no proper head')
    const start = headEnd + 4
    parts.push({ ...headOf(bytes.toString('utf8', headStart + 2, headEnd)), start, end: Math.max(start, end) })
    if (parts.length > MOST_PARTS) throw malformed(`it has more than ${MOST_PARTS} parts`)
    at = end + delimiter.length
  }
}

function headOf(head: string): Pick<Part, 'name' | 'fileName' | 'type'> {
  const lines = head.split('\r\n')
  const header = (name: string) =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const disposition = header('content-disposition') ?? ''
  const name = parameter(disposition, 'name')
  if (!/^form-data\b/i.test(disposition) || name === undefined) throw malformed('a part has no name')
  return { name, fileName: parameter(disposition, 'filename'), type: header('content-type') }
}

function parameter(header: string, name: string): string | undefined {
  const [, quoted, plain] = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(header) ?? []
  return quoted?.replace(/\\(.)/g, '$1') ?? plain
}

function malformed(why: string): GatewayError {
  return new GatewayError('invalid_request', `The multipart body cannot be read: ${why}.`)
}
