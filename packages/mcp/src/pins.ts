import { hash } from 'node:crypto'
import type { Log } from '@tianjillm/core'
import type { Tool } from './upstream.ts'

/** What is done with a tool that is no longer what it was: told in the log, or left out besides. */
export type PinPolicy = 'off' | 'warn' | 'quarantine'

/** Remembers what tools were when they were first seen. */
export interface Pins {
  /** Whether a tool may be offered. */
  accepts(server: string, tool: Tool): boolean
  /** Whoever comes under this name is a server that was not seen before. */
  forget(server: string): void
}

/** Pins for one process: who was first seen is trusted. A tool that becomes what it was is itself again. */
export function createPins(policy: PinPolicy, log: Log): Pins {
  const first = new Map<string, string>()
  const told = new Map<string, string>()
  return {
    accepts(server, tool) {
      if (policy === 'off') return true
      const key = `${server}\0${tool.name}`
      const mark = markOf(tool)
      const known = first.get(key)
      if (known === undefined) first.set(key, mark)
      if (known === undefined || known === mark) return true
      if (told.get(key) !== mark) {
        told.set(key, mark)
        const fate =
          policy === 'quarantine' ? 'It is left out until the gateway is restarted.' : 'It is offered all the same.'
        log.warn(
          `The MCP server ${server} has changed its tool ${tool.name}: description, schema or annotations. ${fate}`,
        )
      }
      return policy !== 'quarantine'
    },
    forget(server) {
      for (const seen of [first, told])
        for (const key of seen.keys()) if (key.startsWith(`${server}\0`)) seen.delete(key)
    },
  }
}

/** What a model goes by when it chooses and calls a tool. */
function markOf({ name, title, description, inputSchema, outputSchema, annotations }: Tool): string {
  return hash('sha256', JSON.stringify([name, title, description, inputSchema, outputSchema, annotations]))
}
