import { joinBytes } from '@tianjillm/core'

/** Bytes of one line that are kept in memory. */
const LONGEST_LINE = 16 * 1024 * 1024

/** Keeps the beginning of a line back until its end has come. */
export class WholeLines {
  #kept: Uint8Array[] = []
  #length = 0

  get isTooLong(): boolean {
    return this.#length > LONGEST_LINE
  }

  /** What is kept and this piece up to the end of its last line; undefined when no line ends in it. */
  take(piece: Uint8Array): Uint8Array | undefined {
    const end = piece.lastIndexOf(0x0a) + 1
    if (end === 0) {
      this.#kept.push(piece)
      this.#length += piece.length
      return undefined
    }
    const ready =
      this.#kept.length === 0 && end === piece.length ? piece : joinBytes([...this.#kept, piece.subarray(0, end)])
    this.#kept = end === piece.length ? [] : [piece.subarray(end)]
    this.#length = piece.length - end
    return ready
  }

  /** What no line end has followed. */
  rest(): Uint8Array {
    return joinBytes(this.#kept)
  }
}
