/**
 * `npm run mcp-clients`: MCP clients of others use servers of others through the gateway, in all ways they know. The
 * first run installs them. `--built` takes the gateway from dist; other words choose clients by their names.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type RealClient, realClients } from './clients.ts'
import { type Stage, setStage, type Way } from './stage.ts'

const words = process.argv.slice(2).filter((word) => word !== '--built')
install()
const known = realClients()
const chosen = known.filter(({ name }) => words.every((word) => name.includes(word)))
if (chosen.length === 0) throw new Error(`There are these clients: ${known.map(({ name }) => name).join('; ')}.`)
const stage = await setStage(process.argv.includes('--built'))
const problems: string[] = []
const columns = { http: '/mcp', sse: '/sse', stdio: 'tianji mcp' } as const
try {
  console.log(
    row(
      '',
      stage.ways.map(({ transport }) => columns[transport]),
    ),
  )
  for (const client of chosen) {
    const cells: string[] = []
    for (const way of stage.ways) cells.push(await judge(client, way, stage))
    console.log(row(client.name, cells))
  }
} finally {
  await stage.close()
}
for (const problem of problems) console.log(`\n${problem}`)
process.exit(problems.length > 0 ? 1 : 0)

/** Installs what the lock file says, unless that was done since it changed. */
function install(): void {
  const folder = import.meta.dirname
  const [wanted, done] = ['package-lock.json', 'node_modules/.package-lock.json'].map((path) =>
    statSync(join(folder, path), { throwIfNoEntry: false }),
  )
  if (done !== undefined && done.mtimeMs >= wanted!.mtimeMs) return
  console.log('Installing the clients and servers: 330 MB.')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(1)
}

/** `✓`, `✗` with a problem more, or `–` for what the client does not do. */
async function judge({ name, transports, use }: RealClient, way: Way, stage: Stage): Promise<string> {
  if (!transports.includes(way.transport)) return '–'
  const tell = (what: string) => {
    problems.push(`${name} over ${way.transport}: ${what}`)
    return '✗'
  }
  try {
    const { tools, texts } = await use(way, stage)
    const missing = stage.errands.find((errand) => !tools.includes(errand.name))
    if (missing !== undefined) return tell(`does not find ${missing.name}, but ${tools.join(', ')}`)
    const wrong = stage.errands.findIndex(({ expected }, index) => !texts[index]?.includes(expected))
    return wrong === -1 ? '✓' : tell(`${stage.errands[wrong]!.name} said ${texts[wrong]}`)
  } catch (error) {
    return tell(error instanceof Error ? error.message.slice(0, 3_000) : String(error))
  }
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(20), ...cells.map((cell) => cell.padEnd(12))].join('').trimEnd()
}
