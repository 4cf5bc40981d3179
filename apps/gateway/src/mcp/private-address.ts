import { among, privateNetworks } from '../addresses.ts'

const isPrivate = among(privateNetworks)

/** Whether a URL names an address of a private network. Names are not looked up: they may mean another address later. */
export function isPrivateAddress(url: string): boolean {
  return isPrivate(URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? '')
}
