import { BlockList, isIP } from 'node:net'

/** Networks that are nobody's but the operator's, and where clouds tell machines their credentials. */
const networks = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['0.0.0.0', 8],
] as const)
  networks.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  networks.addSubnet(network, prefix, 'ipv6')

/** Whether a URL names an address of a private network. Names are not looked up: they may mean another address later. */
export function isPrivateAddress(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  const family = isIP(host)
  return family !== 0 && networks.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
