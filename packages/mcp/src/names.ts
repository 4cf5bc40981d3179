import { hash } from 'node:crypto'

/** Models take names of functions up to this length, of letters, digits, `_` and `-`. */
const LONGEST = 64

const forbidden = /[^a-zA-Z0-9_-]+/g

/** What goes before the names of a server's tools; no separator is in it, so that names of two servers seldom meet. */
export function prefixOf(name: string, separator: string): string {
  const plain = name.trim().replaceAll(forbidden, '_').replaceAll(separator, '_')
  return (plain || 'server').slice(0, LONGEST / 2)
}

/** Whether models take this name as it is. */
export function isPublicName(name: string): boolean {
  return name.length <= LONGEST && name.search(forbidden) === -1
}

/** Whose names are made public. */
export interface NameOwner {
  readonly server: string
  readonly prefix: string
  readonly separator: string
}

/**
 * Public names of what one server offers, in its order: `{prefix}{separator}{name}` where models take that and nobody
 * else has it. Else it ends in a short hash of server and name, which does not depend on what others offer.
 */
export function publicNames(
  names: readonly string[],
  { server, prefix, separator }: NameOwner,
  isTaken: (name: string) => boolean,
): readonly string[] {
  const whole = names.map((name) => `${prefix}${separator}${name}`)
  const plain = whole.map((name) => name.replaceAll(forbidden, '_'))
  const alike = Map.groupBy(plain, (name) => name)
  return plain.map((name, index) => {
    const isOwn = name === whole[index] || alike.get(name)!.length === 1
    return isOwn && name.length <= LONGEST && !isTaken(name) ? name : hashed(name, `${server}\0${names[index]}`)
  })
}

function hashed(name: string, identity: string): string {
  const mark = hash('sha256', identity).slice(0, 8)
  return `${name.slice(0, LONGEST - mark.length - 1)}-${mark}`
}
