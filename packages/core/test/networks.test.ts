import { describe, expect, it } from 'vitest'
import { type InnerNetwork, innerNetworkOf, isLedAstray, isWithin, leadsAstray } from '../src/index.ts'

const addresses: readonly (readonly [InnerNetwork | undefined, readonly string[]])[] = [
  ['this machine', ['127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1']],
  ['the local link', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1']],
  ['a private network', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255']],
  ['a private network', ['0.0.0.0', '0.1.2.3', 'fc00::1', 'fdff:ffff::1', 'fd00:ec2::254']],
  ['no host of the internet', ['224.0.0.1', '255.255.255.255', '240.0.0.1', '192.0.0.8', '::', '::10.0.0.1']],
  ['no host of the internet', ['ff02::1', 'fec0::1', '64:ff9b:1::1', '2001:0:1::1', '::ffff:0:127.0.0.1']],
  [undefined, ['8.8.8.8', '9.255.255.255', '11.0.0.0', '128.0.0.1', '172.15.255.255', '172.32.0.0', '100.63.255.255']],
  [undefined, ['100.128.0.0', '169.253.255.255', '169.255.0.0', '192.167.255.255', '192.169.0.0', '223.255.255.255']],
  [undefined, ['2606:4700::1111', '2a00:1450:4001:81b::200e', 'fec::1', 'e000::1', '2001:4860::1']],
]

/** IPv4 as other addresses stand for it. */
const disguises: Readonly<Record<string, (address: string) => string>> = {
  'mapped to IPv6': (address) => `::ffff:${address}`,
  'mapped, in hex': (address) => `::FFFF:${hexOf(address)}`,
  'through NAT64': (address) => `64:ff9b::${address}`,
  'through 6to4': (address) => `2002:${hexOf(address)}::1`,
  'as one number': (address) => String(Number.parseInt(hexOf(address).replace(':', ''), 16)),
  'in octal': (address) => address.replace(/\d+/g, (part) => `0${Number(part).toString(8)}`),
  'in hex': (address) => address.replace(/\d+/g, (part) => `0x${Number(part).toString(16)}`),
  'with a full stop': (address) => `${address}.`,
}

function hexOf(address: string): string {
  const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`
}

const flat = addresses.flatMap(([network, all]) => all.map((address) => [address, network] as const))

it.each(flat)('%s is of %s', (address, network) => {
  expect(innerNetworkOf(address)).toBe(network)
  if (address.includes(':') && !address.includes('%')) expect(innerNetworkOf(`[${address}]`)).toBe(network)
})

describe.each(Object.entries(disguises))('an address of IPv4 %s', (_, disguise) => {
  it.each(flat.filter(([address]) => !address.includes(':')))('(%s) is of %s', (address, network) => {
    expect(innerNetworkOf(disguise(address))).toBe(network)
  })
})

it('every address of a network is of it, and those beside it are not', () => {
  const edges = [
    ['10.0.0.0', '10.255.255.255'],
    ['172.16.0.0', '172.31.255.255'],
    ['192.168.0.0', '192.168.255.255'],
  ]
  for (const [first, last] of edges.map((pair) => pair.map(numberOf))) {
    for (let tries = 0; tries < 500; tries++) {
      const inside = first! + Math.floor(Math.random() * (last! - first! + 1))
      expect(innerNetworkOf(String(inside)), String(inside)).toBe('a private network')
    }
    for (const beside of [first! - 1, last! + 1]) expect(innerNetworkOf(String(beside))).toBeUndefined()
  }
})

function numberOf(address: string): number {
  return address.split('.').reduce((all, part) => all * 256 + Number(part), 0)
}

it('names are of no network, but for those that mean this machine', () => {
  for (const name of ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])
    expect(innerNetworkOf(name)).toBe('this machine')
  for (const name of ['example.com', '10.0.0.1.example.com', 'localhost.example', 'notlocalhost', 'fe80', ''])
    expect(innerNetworkOf(name), name).toBeUndefined()
})

it('a reach has its networks and no others', () => {
  const reaches = ['public', 'public_or_this_machine', 'private'] as const
  const within = (network: InnerNetwork | undefined) => reaches.filter((reach) => isWithin(reach, network))
  expect(within(undefined)).toEqual(['public', 'public_or_this_machine'])
  expect(within('this machine')).toEqual(['public_or_this_machine', 'private'])
  expect(within('the local link')).toEqual(['private'])
  expect(within('a private network')).toEqual(['private'])
})

it('the error tells a name and a kind of network, and no address', () => {
  expect(leadsAstray('wiki.example', 'a private network').message).toBe('wiki.example leads to a private network')
  expect(leadsAstray('10.1.2.3', 'a private network').message).toBe('An address leads to a private network')
  expect(isLedAstray(leadsAstray('wiki.example', 'the local link'))).toBe(true)
  expect(isLedAstray(new Error('wiki.example'))).toBe(false)
})
