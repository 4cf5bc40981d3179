import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { among } from '../addresses.ts'

/** Tells who asks, by their address. */
export type AddressOf = (incoming: Pick<IncomingMessage, 'headers' | 'socket'>) => string

/**
 * The address of whoever asks. Of what `X-Forwarded-For` says only that is believed which these proxies have written: from
 * the last to the first, as far as it was written by one of them.
 */
export function addressesBehind(proxies: readonly string[]): AddressOf {
  const isTrusted = among(proxies)

  return ({ headers, socket }) => {
    const written = String(headers['x-forwarded-for'] ?? '').split(',')
    let address = plain(socket.remoteAddress ?? '')
    while (isTrusted(address)) {
      const before = plain(written.pop() ?? '')
      if (isIP(before) === 0) break
      address = before
    }
    return address
  }
}

/** Whom an address stands for: of the longer ones everybody has as many as they like with the same first half. */
export function householdOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const [first, last] = [groupsOf(head), groupsOf(tail)]
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => 0)
  return [...first, ...zeros, ...last]
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')
}

function groupsOf(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
}

/** Without a port, brackets, a zone, and what is put before an address of the shorter kind. */
function plain(written: string): string {
  const text = written.trim()
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? []
  const [, withPort] = /^([\d.]+):\d+$/.exec(text) ?? []
  return (bracketed ?? withPort ?? text).replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
}
