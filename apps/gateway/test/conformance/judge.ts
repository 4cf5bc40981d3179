import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { readConfig } from '@tianjillm/config'
import { start } from '../../src/index.ts'
import { playThrough } from './client.ts'

type Revision = '2025-11-25' | '2026-07-28'

/** One run of the conformance suite. */
export interface Leg {
  readonly name: string
  readonly revision: Revision
  /**
   * Which era of the protocol the fixture behind the gateway knows, and over what, when the suite is the client. Without
   * it the suite is the server, and somebody uses that through the gateway.
   */
  readonly fixture?: readonly [era: 'older' | 'newer', transport: 'http' | 'sse' | 'stdio']
}

/** How a run went, by scenarios. */
export interface Verdict {
  /** Whether the suite finds that the gateway conforms: every scenario that counts passed. */
  readonly conforms: boolean
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** All that the suite said. */
  readonly report: string
}

/** All ways through the gateway that the suite can judge. */
export const legs: readonly Leg[] = [
  { name: '2025-11-25 over HTTP', revision: '2025-11-25', fixture: ['older', 'http'] },
  { name: '2025-11-25 over SSE', revision: '2025-11-25', fixture: ['older', 'sse'] },
  { name: '2025-11-25 over stdio', revision: '2025-11-25', fixture: ['older', 'stdio'] },
  { name: '2025-11-25 in front of a newer server', revision: '2025-11-25', fixture: ['newer', 'http'] },
  { name: '2026-07-28 over HTTP', revision: '2026-07-28', fixture: ['newer', 'http'] },
  { name: '2026-07-28 over stdio', revision: '2026-07-28', fixture: ['newer', 'stdio'] },
  { name: '2025-11-25 as a client', revision: '2025-11-25' },
  { name: '2026-07-28 as a client', revision: '2026-07-28' },
]

/** It looks for a tool in the list by its own name; the gateway lists it with the server's name before it. */
const named = 'json-schema-2020-12'

/** Scenarios that are known to fail, in the suite's order. None of them counts for a revision. */
export function expectedFailures({ revision, fixture }: Leg): readonly string[] {
  return fixture === undefined ? ofClients : ofServers[revision]
}

/** How many scenarios count for a revision. */
export function scored({ revision, fixture }: Leg): number {
  return { '2025-11-25': [18, 30], '2026-07-28': [32, 37] }[revision][fixture === undefined ? 0 : 1]!
}

/** Extensions for programs that sign in: with keys of their own, and with tokens of others. */
const ofClients: readonly string[] = [
  ...['auth/client-credentials-jwt', 'auth/client-credentials-basic', 'auth/enterprise-managed-authorization'],
  ...['auth/dpop', 'auth/dpop-nonce', 'auth/wif-jwt-bearer'],
]

const ofServers: Readonly<Record<Revision, readonly string[]>> = {
  '2025-11-25': [named],
  '2026-07-28': [
    // The extension for tasks, which neither the SDK nor the gateway has.
    ...['tasks-lifecycle', 'tasks-capability-negotiation', 'tasks-wire-fields', 'tasks-request-state-removal'],
    ...['tasks-mrtr-input', 'tasks-request-headers', 'tasks-dispatch-and-envelope', 'tasks-required-task-error'],
    'tasks-mrtr-composition',
    named,
  ],
}

const program = fileURLToPath(new URL('../../../../packages/mcp/test/conformance/serve.ts', import.meta.url))
const knock = fileURLToPath(new URL('knock.ts', import.meta.url))

/** The suite's program; undefined when it is not installed. */
export function findSuite(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')
  } catch {
    return undefined
  }
}

/** Runs the suite through a gateway of its own. */
export async function judge(suite: string, { revision, fixture }: Leg): Promise<Verdict> {
  if (fixture === undefined) return judgeClient(suite, revision)
  const [era, transport] = fixture
  const args = ['--conditions=@tianjillm/source', program, era, transport]
  if (transport === 'stdio') return judgeBefore({ command: process.execPath, args }, suite, revision)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    return await judgeBefore({ transport, url: await firstLine(child) }, suite, revision)
  } finally {
    child.kill()
  }
}

async function judgeBefore(
  server: Readonly<Record<string, unknown>>,
  suite: string,
  revision: Revision,
): Promise<Verdict> {
  const { config, problems } = readConfig(JSON.stringify({ mcp_servers: { fixture: server } }), {
    env: () => undefined,
  })
  const source = { config, problems, title: 'conformance', folder: import.meta.dirname }
  const gateway = await start({ source, port: 0, host: '127.0.0.1', logLevel: 'silent' })
  try {
    return await verdictOf([suite, 'server', '--url', `${gateway.url}/mcp`, '--requirements', revision])
  } finally {
    await gateway.stop(1_000)
  }
}

/** Each of the suite's servers is behind a gateway of its own, in this process. */
async function judgeClient(suite: string, revision: Revision): Promise<Verdict> {
  const player = createServer(async (incoming, outgoing) => {
    try {
      await playThrough(JSON.parse(await text(incoming)))
      outgoing.end()
    } catch (error) {
      outgoing.writeHead(500).end(inspect(error))
    }
  })
  await once(player.listen(0, '127.0.0.1'), 'listening')
  const { port } = player.address() as AddressInfo
  const command = `${process.execPath} ${knock} http://127.0.0.1:${port}`
  try {
    return await verdictOf([suite, 'client', '--command', command, '--requirements', revision])
  } finally {
    player.close()
  }
}

async function verdictOf(args: readonly string[]): Promise<Verdict> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const marked = (mark: string) =>
    [...said.matchAll(/^(.) (\S+): \d+ passed/gm)].flatMap(([, found, name]) => (found === mark ? [name!] : []))
  return { conforms: code === 0, passed: marked('✓'), failed: marked('✗'), report: `${said}${errors}` }
}

async function firstLine({ stdout }: { readonly stdout: Readable }): Promise<string> {
  for await (const line of createInterface(stdout)) return line
  throw new Error('The fixture did not start.')
}
