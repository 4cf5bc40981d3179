import { once } from 'node:events'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { compileNative, freePort, type LoadMode, type LoadResult, load, spawnPinned, stopProcess } from '../native.ts'
import { cpuSeconds } from '../process-stats.ts'
import { median } from '../report.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
    cores: { type: 'string' },
  },
})

const KEY = 'sk-bench'
const REVISION = '2026-07-28'
const main = resolve(import.meta.dirname, '../../apps/gateway/src/main.ts')

/** Somebody who calls a tool, or asks for the list. */
interface Way {
  readonly name: string
  readonly title: string
  readonly path: string
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
  /** Whether the upstream itself can be asked so. */
  readonly isDirect?: boolean
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const given = { field_0: 'What is a reverse proxy?', field_1: 'in short' }

/** A client of the newest revision, which has no sessions. */
function modern(name: string, method: string, params: object): Omit<Way, 'title'> {
  const tool = 'name' in params ? { 'mcp-name': String(params.name) } : undefined
  return {
    ...{ name, path: '/mcp', isDirect: true },
    body: { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } },
    headers: {
      ...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': REVISION, 'mcp-method': method },
      ...tool,
    },
  }
}

const call = (name: string) => ({ name, arguments: given })

const rest: Way = {
  ...{ name: 'rest', title: 'tools/call, REST', path: '/mcp-rest/tools/call', headers: {} },
  body: call('bench-tool_0'),
}

/** One round of one way: what its requests cost, and how long they take; milliseconds. */
interface Sample {
  readonly way: string
  readonly rate: number
  /** Milliseconds of CPU for one request; undefined of the upstream. */
  readonly cpu: number | undefined
  readonly p50: number
  readonly p99: number
}

const scale = options.quick ? 0.2 : 1
const folder = mkdtempSync(join(tmpdir(), 'bench-mcp-'))
try {
  await bench()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

async function bench(): Promise<void> {
  compileNative()
  const upstream = await startUpstream()
  const gateway = await startGateway(upstream.port)
  const direct: Way = { ...modern('direct', 'tools/call', call('tool_0')), title: 'tools/call, direct' }
  const ways: readonly Way[] = [
    { ...modern('call', 'tools/call', call('bench-tool_0')), title: 'tools/call, 2026-07-28' },
    { ...modern('list', 'tools/list', {}), title: 'tools/list of 50, 2026-07-28' },
    rest,
  ]
  for (const way of ways) await warmUp(way, gateway.port)
  await warmUp(direct, upstream.port)
  const samples: Sample[] = []
  for (let round = 1; round <= (options.quick ? 1 : Number(options.rounds)); round++) {
    samples.push(await take(direct, upstream.port, undefined))
    for (const way of ways) samples.push(await take(way, gateway.port, gateway.pid))
    console.error(`round ${round}`)
  }
  tell([direct, ...ways], samples)
  await gateway.stop()
  await upstream.stop()
}

/** Asks as fast as it goes for throughput and CPU; for latencies at a pace that leaves room. */
async function take(way: Way, port: number, pid: number | undefined): Promise<Sample> {
  const n = Math.round(4_000 * scale)
  await ask(way, port, 'closed', { c: 16, n: Math.round(n / 5) })
  const before = pid === undefined ? 0 : cpuSeconds(pid)
  const { seconds } = good(way, await ask(way, port, 'closed', { c: 16, n }))
  const cpu = pid === undefined ? undefined : ((cpuSeconds(pid) - before) / n) * 1000
  await ask(way, port, 'open', { rate: 200, seconds: 0.5 })
  const { p50, p99 } = good(way, await ask(way, port, 'open', { rate: 200, seconds: 4 * scale }))
  return { way: way.name, rate: n / seconds, cpu, p50: p50 / 1000, p99: p99 / 1000 }
}

function tell(ways: readonly Way[], samples: readonly Sample[]): void {
  const of = (way: string, figure: Exclude<keyof Sample, 'way'>) =>
    samples.flatMap((sample) => (sample.way === way ? (sample[figure] ?? []) : []))
  const added = (way: string, figure: 'p50' | 'p99') =>
    of(way, figure).map((value, round) => value - of('direct', figure)[round]!)
  console.log('|  | calls/s | CPU a call, ms | p50, ms | p99, ms | added p50, ms | added p99, ms |')
  console.log('| --- | --: | --: | --: | --: | --: | --: |')
  for (const { name, title } of ways) {
    const figures = [
      middle(of(name, 'rate'), 0),
      middle(of(name, 'cpu'), 3),
      ...[middle(of(name, 'p50'), 2), middle(of(name, 'p99'), 2)],
      ...(name === 'direct' ? ['', ''] : [middle(added(name, 'p50'), 2), middle(added(name, 'p99'), 2)]),
    ]
    console.log(`| ${title} | ${figures.join(' | ')} |`)
  }
}

function middle(values: readonly number[], digits: number): string {
  return median(values)?.toFixed(digits) ?? ''
}

async function warmUp(way: Way, port: number): Promise<void> {
  const response = await post(way, port)
  const text = await response.text()
  if (!response.ok || /"error"|"isError":true/.test(text)) throw new Error(`${way.title}: ${text.slice(0, 500)}`)
  await ask(way, port, 'closed', { c: 16, n: Math.round(10_000 * scale) })
}

function ask(way: Way, port: number, mode: LoadMode, settings: Readonly<Record<string, number>>): Promise<LoadResult> {
  const body = join(folder, `${way.name}.json`)
  writeFileSync(body, JSON.stringify(way.body))
  const headers = Object.entries(way.headers).map(([name, value]) => `${name}: ${value}`)
  return load(mode, { port, path: way.path, key: KEY, body, ...settings }, headers)
}

function good({ title }: Way, result: LoadResult): LoadResult {
  if (result.errors > 0) throw new Error(`${title}: ${result.errors} requests failed, with status ${result.status}.`)
  return result
}

function post({ path, headers, body }: Omit<Way, 'title'>, port: number): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, ...headers },
    body: JSON.stringify(body),
  })
}

async function startUpstream(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const file = join(import.meta.dirname, 'upstream.ts')
  const child = spawnPinned('load', [process.execPath, file, '--port', String(port)], 'pipe')
  await once(createInterface(child.stdout!), 'line')
  return { port, stop: () => stopProcess(child) }
}

/** With a key that has a limit, Prometheus metrics and the request log, into a file. */
async function startGateway(
  upstream: number,
): Promise<{ readonly port: number; readonly pid: number; stop(): Promise<void> }> {
  const port = await freePort()
  const config = join(folder, 'proxy_config.yaml')
  writeFileSync(
    config,
    `
general_settings: { master_key: sk-master }
keys: [{ key: ${KEY}, key_alias: bench, rpm_limit: 100000000 }]
litellm_settings: { callbacks: [prometheus] }
mcp_servers:
  bench: { url: "http://127.0.0.1:${upstream}/mcp", transport: http }
`,
  )
  const flags = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`]
  const child = spawnPinned(
    'gateway',
    [
      // In place of its own core.
      ...(options.cores === undefined ? [] : ['taskset', '-c', options.cores]),
      ...[process.execPath, '--conditions=@tianjillm/source', '--max-semi-space-size=16', ...flags],
      ...[main, 'start', '--config', config, '--host', '127.0.0.1', '--port', String(port)],
    ],
    openSync(join(folder, 'output.log'), 'w'),
    { NODE_ENV: 'production', TIANJI_STOP_TIMEOUT: '1' },
  )
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/liveliness`).catch(() => undefined)
    if (answer?.ok) return { port, pid: child.pid!, stop: () => stopProcess(child) }
    if (attempt > 300 || child.exitCode !== null)
      throw new Error(`The gateway does not start: see ${folder}/output.log`)
    await new Promise((wait) => setTimeout(wait, 100))
  }
}
