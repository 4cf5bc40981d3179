import type { Call } from '@tianjillm/core'
import { NOW, stubLog } from '@tianjillm/testing'

/** A call of `gemini-2.5-flash` with a fixed clock and counted UUIDs; nothing may be fetched. */
export function callOf(): Call {
  let count = 0
  return {
    id: 'call-1',
    operation: 'chat',
    model: 'gemini-2.5-flash',
    signal: new AbortController().signal,
    caller: {},
    metadata: {},
    env: () => undefined,
    fetch: () => Promise.reject(new Error('This must not be fetched.')),
    now: () => NOW,
    uuid: () => `uuid-${++count}`,
    log: stubLog(),
  }
}

/** Values as the events of a stream. */
export async function* eventsOf(...values: readonly unknown[]): AsyncGenerator<{ readonly data: unknown }> {
  for (const data of values) yield { data }
}
