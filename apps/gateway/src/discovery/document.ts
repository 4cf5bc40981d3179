import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** JSON that is ready to be sent, once or often. */
export interface Document {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Tells it from any other, and from what it was before. */
  readonly digest: string
  /** The same compressed: once, when it is first asked for. */
  zipped(): Promise<Uint8Array<ArrayBuffer>>
}

const zip = promisify(gzip)

/** A value as a document. */
export function documentOf(value: unknown): Document {
  const bytes = Buffer.from(JSON.stringify(value))
  let zipped: ReturnType<Document['zipped']> | undefined
  return {
    bytes,
    digest: hash('sha256', bytes).slice(0, 32),
    zipped: () => (zipped ??= zip(bytes)),
  }
}
