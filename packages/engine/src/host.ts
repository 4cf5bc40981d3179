import type { Host, Log } from '@tianjillm/core'

/** A log that says nothing below a warning and writes those to the console. */
const consoleLog: Log = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
}

/** The host of this process; `overrides` replace its parts. Environment variables are empty where there is no process. */
export function createHost(overrides: Partial<Host> = {}): Host {
  return {
    env: (name) => globalThis.process?.env?.[name] || undefined,
    fetch: globalThis.fetch,
    now: Date.now,
    uuid: orderedUuid,
    log: consoleLog,
    ...overrides,
  }
}

/** Begins with the time: a database that keeps thousands of them finds the place of each new one beside the last. */
function orderedUuid(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`
}
