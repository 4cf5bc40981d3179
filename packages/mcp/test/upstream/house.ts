import type { Host } from '@tianjillm/core'
import { stubLog } from '@tianjillm/testing'
import type { HttpServer } from '@tianjillm/testing-mcp'
import { onTestFinished } from 'vitest'
import type { McpServerSettings, McpTransport } from '../../src/settings.ts'
import { createUpstream } from '../../src/upstream/create.ts'
import { patient, type Tuning } from '../../src/upstream/pace.ts'
import type { Upstream } from '../../src/upstream.ts'

/** Tries again soon, and always after the same time. */
export const eager: Tuning = { ...patient, firstPause: 20, longestPause: 20, random: () => 0 }

export interface House {
  readonly upstream: Upstream
  readonly lines: readonly string[]
}

/** An upstream that is closed with its test. */
export function house(
  transport: McpTransport,
  settings: Partial<McpServerSettings> = {},
  tuning: Tuning = eager,
  host: Partial<Host> = {},
): House {
  const log = stubLog()
  const upstream = createUpstream(
    { name: 'docs', transport, ...settings },
    { now: Date.now, fetch, log, ...host },
    tuning,
  )
  onTestFinished(() => upstream.close())
  return { upstream, lines: log.lines }
}

export const http = (
  url: string,
  more: Partial<Extract<McpTransport, { readonly url: string }>> = {},
): McpTransport => ({ type: 'auto', url, headers: {}, auth: undefined, ...more })

/** The server; it ends with the test. */
export async function started(server: Promise<HttpServer>): Promise<HttpServer> {
  const running = await server
  onTestFinished(() => running.die().catch(() => {}))
  return running
}

/** Resolves when this is so; looks whenever the upstream says that something changed. */
export async function until(upstream: Upstream, isSo: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (isSo()) resolve()
  }
  const leave = upstream.onChange(look)
  look()
  await promise
  leave()
}

export const names = (tools: readonly { readonly name: string }[]): string[] => tools.map(({ name }) => name)
