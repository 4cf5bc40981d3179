const NEWLINE = 10

/**
 * Takes bytes and gives lines. Of a line with more bytes than the limit the beginning is given as soon as that is known,
 * marked as cut, and the rest is thrown away.
 */
export function lineReader(limit: number, onLine: (line: string, isCut: boolean) => void): (chunk: Buffer) => void {
  let kept: Buffer[] = []
  let size = 0
  let isCut = false

  const keep = (piece: Buffer) => {
    if (isCut) return
    const room = limit - size
    kept.push(piece.length > room ? piece.subarray(0, room) : piece)
    size += piece.length
    if (size <= limit) return
    isCut = true
    onLine(Buffer.concat(kept).toString(), true)
    kept = []
  }
  const end = () => {
    if (!isCut) onLine(Buffer.concat(kept).toString(), false)
    kept = []
    size = 0
    isCut = false
  }

  return (chunk) => {
    let start = 0
    for (let stop = chunk.indexOf(NEWLINE); stop !== -1; stop = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, stop))
      end()
      start = stop + 1
    }
    if (start < chunk.length) keep(chunk.subarray(start))
  }
}
