import { GatewayError, isGatewayError } from './errors.ts'

/** Kinds of networks that are not the internet, in words for messages. */
export type InnerNetwork = 'this machine' | 'the local link' | 'a private network' | 'no host of the internet'

/** Where a connection may lead: to the internet, there or to this very machine, or anywhere but the internet. */
export type Reach = 'public' | 'public_or_this_machine' | 'private'

/** How IPv6 writes addresses of IPv4. */
const MAPPED = 0xffff_0000_0000n

/** This very machine. */
export const loopback: readonly string[] = ['127.0.0.0/8', '::1']

/** Where clouds tell machines their credentials. */
const localLink: readonly string[] = ['169.254.0.0/16', 'fe80::/10']

/** Networks that are nobody's but the operator's. */
export const privateNetworks: readonly string[] = [
  ...['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', '0.0.0.0/8', 'fc00::/7', ...localLink],
]

/**
 * Not to be reached over the internet, or by older ways into any network. Some proxies answer for all names from
 * 198.18.0.0/15, so that is not among them. https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const elsewhere: readonly string[] = [
  ...['192.0.0.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/96', '::ffff:0:0:0/96', '64:ff9b:1::/48', '2001::/32', 'fec0::/10', 'ff00::/8'],
]

interface Atlas {
  readonly kinds: readonly (readonly [InnerNetwork, readonly Range[]])[]
  /** Addresses that stand for those of IPv4, and where in them these are: NAT64 (RFC 6052) and 6to4 (RFC 3056). */
  readonly translations: readonly { readonly range: Range; readonly shift: bigint }[]
}

/** Drawn when it is first looked at: most who have this package never do. */
let drawn: Atlas | undefined

function atlas(): Atlas {
  drawn ??= {
    kinds: [
      ['this machine', loopback.map(rangeOf)],
      ['the local link', localLink.map(rangeOf)],
      ['a private network', privateNetworks.map(rangeOf)],
      ['no host of the internet', elsewhere.map(rangeOf)],
    ],
    translations: [
      { range: rangeOf('64:ff9b::/96'), shift: 0n },
      { range: rangeOf('2002::/16'), shift: 80n },
    ],
  }
  return drawn
}

/**
 * The network of an address, however it is written, or of `localhost`; undefined for those of the internet, and for names:
 * what they lead to is another question.
 */
export function innerNetworkOf(hostname: string): InnerNetwork | undefined {
  if (/^(?:.+\.)?localhost\.?$/i.test(hostname)) return 'this machine'
  const address = numberOf(hostname)
  if (address === undefined) return undefined
  const { kinds, translations } = atlas()
  const translation = translations.find(({ range }) => isIn(range, address))
  const meant = translation === undefined ? address : MAPPED + ((address >> translation.shift) & 0xffff_ffffn)
  return kinds.find(([, ranges]) => ranges.some((range) => isIn(range, meant)))?.[0]
}

/** Whether a connection of this reach may lead there; undefined is the internet. */
export function isWithin(reach: Reach, network: InnerNetwork | undefined): boolean {
  if (reach === 'private') return network !== undefined
  return network === undefined || (reach === 'public_or_this_machine' && network === 'this machine')
}

const LEADS_ASTRAY = 'private_network'

/**
 * The error of a connection that is not made because of where it leads, which it tells by kind alone. Its message is the
 * end of a sentence.
 */
export function leadsAstray(hostname: string, network: InnerNetwork | undefined): GatewayError {
  const name = numberOf(hostname) === undefined ? hostname : 'An address'
  const message = `${name} leads to ${network ?? 'the internet'}`
  return new GatewayError('upstream_unreachable', message, { code: LEADS_ASTRAY })
}

/** Whether it is one of `leadsAstray`. */
export function isLedAstray(error: unknown): error is GatewayError {
  return isGatewayError(error) && error.facts.code === LEADS_ASTRAY
}

/** The first of its addresses, and how many bits the others have in common with it. */
interface Range {
  readonly first: bigint
  readonly bits: number
}

function rangeOf(text: string): Range {
  const [address = '', bits = text.includes(':') ? 128 : 32] = text.split('/')
  return { first: numberOf(address)!, bits: Number(bits) + (text.includes(':') ? 0 : 96) }
}

function isIn({ first, bits }: Range, address: bigint): boolean {
  const rest = BigInt(128 - bits)
  return address >> rest === first >> rest
}

/** An address as that of IPv6; undefined for what is none. URL knows all ways to write one. */
function numberOf(hostname: string): bigint | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  const url = `http://${bare.includes(':') ? `[${bare}]` : bare}`
  if (!URL.canParse(url)) return undefined
  const written = new URL(url).hostname
  if (/^[\d.]+$/.test(written)) return MAPPED + joined(written.split('.').map(Number), 8n)
  if (!written.startsWith('[')) return undefined
  const [head = [], tail = []] = written
    .slice(1, -1)
    .split('::')
    .map((half) => half.split(':').flatMap((group) => (group === '' ? [] : Number.parseInt(group, 16))))
  return joined([...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail], 16n)
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((all, part) => (all << bits) + BigInt(part), 0n)
}
