import type { Config } from '@tianjillm/config'
import { loopback, privateNetworks } from '@tianjillm/core'
import { among } from '../addresses.ts'
import { type AddressOf, addressesBehind } from '../agent/client-address.ts'

/** Whether somebody comes from outside, where not all servers are to be seen. */
export type IsOutside = (incoming: Parameters<AddressOf>[0]) => boolean

/** What a configuration says of that. An address that cannot be told is outside. */
export function outsideOf({ general }: Pick<Config, 'general'>): IsOutside {
  const isInside = among(general.mcpInternalIpRanges ?? [...loopback, ...privateNetworks])
  const addressOf = addressesBehind(general.mcpTrustedProxyRanges)
  return (incoming) => !isInside(addressOf(incoming))
}
