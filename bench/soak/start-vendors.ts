import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { VendorName } from './behaviours.ts'

/** Where everything listens that the gateway talks to. */
export type VendorUrls = Readonly<Record<VendorName | 'ingestion', string>>

/** What the process of the vendors tells. */
export type VendorsMessage =
  | { readonly type: 'urls'; readonly urls: VendorUrls }
  | { readonly type: 'reported'; readonly ids: readonly string[] }
  | ({ readonly type: 'state' } & VendorsState)

/** What became of the vendors. */
export interface VendorsState {
  /** Exchanges that nobody has ended. */
  readonly underWay: number
  /** Requests with the secret that the guardrail should have masked. */
  readonly secrets: number
}

/** The fake vendors, running. */
export interface Vendors {
  readonly urls: VendorUrls
  state(): Promise<VendorsState>
  stop(): void
}

/** Starts the fake vendors in a process of their own. `onReported` hears the ids of calls that callbacks report. */
export async function startVendors(seed: string, onReported: (ids: readonly string[]) => void): Promise<Vendors> {
  const child = fork(join(import.meta.dirname, 'vendors.ts'), [seed])
  const told = async <Type extends VendorsMessage['type']>(type: Type) => {
    for (;;) {
      const [message] = (await once(child, 'message')) as [VendorsMessage]
      if (message.type === type) return message as Extract<VendorsMessage, { readonly type: Type }>
    }
  }
  child.on('message', (message: VendorsMessage) => {
    if (message.type === 'reported') onReported(message.ids)
  })
  const { urls } = await told('urls')
  return {
    urls,
    state() {
      const state = told('state')
      child.send('state')
      return state
    },
    stop: () => child.disconnect(),
  }
}
