import { hash } from 'node:crypto'

/** What goes on from one configuration to the next when nothing about it has changed: metrics, queues, tokens. */
export interface Carry {
  /** What the configuration before had made of the same facts, else what `create` makes. */
  take<Made extends object>(facts: readonly unknown[], create: () => Made): Made
}

/** A carry for one configuration. `before` is that of the one it follows. */
export function createCarry(before?: Carry): Carry {
  const earlier = before === undefined ? undefined : contents.get(before)
  const made = new Map<string, object>()
  const carry: Carry = {
    take(facts, create) {
      // Only a hash is kept, for there are secrets among the facts.
      const key = hash('sha256', JSON.stringify(facts))
      // What has the same facts was made by the same `create`.
      const taken = (made.get(key) ?? earlier?.get(key) ?? create()) as ReturnType<typeof create>
      made.set(key, taken)
      return taken
    },
  }
  contents.set(carry, made)
  return carry
}

const contents = new WeakMap<Carry, ReadonlyMap<string, object>>()
