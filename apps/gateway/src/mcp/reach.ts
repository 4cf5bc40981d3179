import { BlockList, isIP } from 'node:net'
import type { Config } from '@tianjillm/config'
import { type AddressOf, addressesBehind } from '../agent/client-address.ts'

/** Whether somebody comes from outside, where not all servers are to be seen. */
export type IsOutside = (incoming: Parameters<AddressOf>[0]) => boolean

/** Networks that are not the public internet. */
const usual = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '::1/128', 'fc00::/7', 'fe80::/10']

/** What a configuration says of that. An address that cannot be told is outside. */
export function outsideOf({ general }: Pick<Config, 'general'>): IsOutside {
  const inside = new BlockList()
  for (const range of general.mcpInternalIpRanges ?? usual) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    inside.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  const addressOf = addressesBehind(general.mcpTrustedProxyRanges)
  return (incoming) => {
    const address = addressOf(incoming)
    const family = isIP(address)
    return family === 0 || !inside.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}
