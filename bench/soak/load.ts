import { setTimeout as sleep } from 'node:timers/promises'
import { ask, createConnections } from './ask.ts'
import { planCall } from './calls.ts'
import { chance } from './chance.ts'
import type { Ledger } from './ledger.ts'

/** Most milliseconds a client thinks between two calls. */
const LONGEST_THOUGHT = 60

/** How the gateway is loaded. */
export interface LoadSettings {
  readonly url: string
  readonly seed: string
  readonly clients: number
  readonly ledger: Ledger
  isOver(): boolean
}

/** Has clients call one after the other until it is over, then closes their connections. */
export async function load({ url, seed, clients, ledger, isOver }: LoadSettings): Promise<void> {
  const connections = createConnections()
  let made = 0
  const client = async () => {
    while (!isOver()) {
      const id = `soak-${++made}`
      const call = planCall(seed, id)
      ledger.enter(id, call, await ask(url, id, call, connections))
      await sleep(chance(seed, id, 'thought') * LONGEST_THOUGHT)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  connections.destroy()
}
