import { Writable } from 'node:stream'

/**
 * Standard output for the caller alone: what anybody else writes there from now on, plugins and libraries too, goes to
 * standard error.
 */
export function takeOutput({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Writable {
  const write = stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr)
  // Whoever read it may be gone; that is told to the caller.
  stdout.on('error', () => {})
  return new Writable({ decodeStrings: false, write: (piece, _encoding, done) => void write(piece, done) })
}
