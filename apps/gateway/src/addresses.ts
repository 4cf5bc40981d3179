import { BlockList, isIP } from 'node:net'

/** Networks that are nobody's but the operator's; the first of link-local addresses is where clouds tell machines their credentials. */
export const privateNetworks: readonly string[] = [
  ...['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16', '0.0.0.0/8'],
  ...['fc00::/7', 'fe80::/10'],
]

/** This very machine. */
export const loopback: readonly string[] = ['127.0.0.0/8', '::1']

/** Whether an address is in one of these ranges, or one of these addresses; what is no address is not. */
export function among(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
