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
    uuid: () => crypto.randomUUID(),
    log: consoleLog,
    ...overrides,
  }
}
