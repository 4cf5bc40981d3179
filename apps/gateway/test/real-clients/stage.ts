import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fakeUpstream, freePort } from '@tianjillm/testing'

/** How a client reaches the gateway, in its own words. */
export type Way =
  | {
      readonly transport: 'http' | 'sse'
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
    }
  | {
      readonly transport: 'stdio'
      readonly command: string
      readonly args: readonly string[]
      readonly env: Readonly<Record<string, string>>
    }

/** A call of one tool, and what its answer has to say. */
export interface Errand {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly expected: string
}

/** A gateway in front of servers of others, a model and a search engine. */
export interface Stage {
  readonly folder: string
  readonly ways: readonly Way[]
  /** At least one a server. */
  readonly errands: readonly Errand[]
  close(): Promise<void>
}

const KEY = 'sk-real-clients'
const home = import.meta.dirname
const gatewayFolder = resolve(home, '../..')

/** A program of a package that is installed here. */
export function installed(path: string): string {
  return join(home, 'node_modules', path)
}

const everything = installed('@modelcontextprotocol/server-everything/dist/index.js')

/** Starts all of it; `isBuilt`: the gateway from dist, not from its sources. */
export async function setStage(isBuilt: boolean): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tianji-clients-'))
  const program = isBuilt
    ? [join(gatewayFolder, 'dist/main.js')]
    : ['--conditions=@tianjillm/source', join(gatewayFolder, 'src/main.ts')]
  writeFileSync(join(folder, 'note.txt'), 'Milk, bread, kites.')
  const [models, pages] = [await fakeUpstream(), await fakeUpstream()]
  models.script({ body: completion('Bonjour') })
  pages.script({ body: { web: { results: [{ title: 'Kites', url: 'https://kites.test/', description: 'Red.' }] } } })
  const [http, sse] = [await serveEverything('streamableHttp'), await serveEverything('sse')]
  const config = join(folder, 'proxy_config.yaml')
  const stdio = (...args: readonly string[]) => ({ command: process.execPath, args })
  writeFileSync(
    config,
    // JSON is YAML.
    JSON.stringify({
      general_settings: { master_key: KEY },
      model_list: [
        { model_name: 'small', litellm_params: { model: 'openai/gpt-4o', api_base: models.url, api_key: 'sk-vendor' } },
      ],
      search_tools: [
        {
          search_tool_name: 'the_web',
          litellm_params: { search_provider: 'brave', api_base: pages.url, api_key: 'sk-engine' },
        },
      ],
      mcp_tools: [{ name: 'translate', model: 'small', prompt: 'Into French: {{text}}' }],
      mcp_servers: {
        over_stdio: stdio(everything, 'stdio'),
        over_http: { transport: 'http', url: `http://127.0.0.1:${http.port}/mcp` },
        over_sse: { transport: 'sse', url: `http://127.0.0.1:${sse.port}/sse` },
        files: stdio(installed('@modelcontextprotocol/server-filesystem/dist/index.js'), folder),
        employees: stdio(installed('@bytebase/dbhub/dist/index.js'), '--demo', '--transport', 'stdio'),
      },
    }),
  )
  const gateway = spawn(process.execPath, [...program, 'start', '--config', config, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: String(process.env.PATH), LOG_LEVEL: 'warn' },
  })
  const [, url] = await saying(gateway, /listens on (http:\S+)/)
  const headers = { authorization: `Bearer ${KEY}` }
  const echo = (server: string) => ({
    name: `${server}-echo`,
    arguments: { message: server },
    expected: `Echo: ${server}`,
  })
  return {
    folder,
    ways: [
      { transport: 'http', url: `${url}/mcp`, headers },
      { transport: 'sse', url: `${url}/sse`, headers },
      {
        transport: 'stdio',
        command: process.execPath,
        args: [...program, 'mcp', '--config', config],
        env: { PATH: String(process.env.PATH), TIANJI_API_KEY: KEY, LOG_LEVEL: 'warn' },
      },
    ],
    errands: [
      ...['over_stdio', 'over_http', 'over_sse'].map(echo),
      { name: 'files-read_text_file', arguments: { path: join(folder, 'note.txt') }, expected: 'Milk, bread, kites.' },
      { name: 'employees-execute_sql', arguments: { sql: 'SELECT 6 * 7 AS answer' }, expected: '42' },
      { name: 'tianji-translate', arguments: { text: 'Hello' }, expected: 'Bonjour' },
      { name: 'tianji-the_web', arguments: { query: 'kites' }, expected: 'https://kites.test/' },
    ],
    async close() {
      await Promise.all([gateway, http.child, sse.child].map(end))
      await Promise.all([models.close(), pages.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function serveEverything(transport: 'streamableHttp' | 'sse') {
  const port = await freePort()
  const env = { PATH: String(process.env.PATH), PORT: String(port) }
  const child = spawn(process.execPath, [everything, transport], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  await saying(child, /listening|running|port/i)
  return { port, child }
}

/** Waits for a program to say this. */
async function saying(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const output = (child.stdout ?? child.stderr)!
  for await (const line of createInterface(output)) {
    const found = pattern.exec(line)
    if (found === null) continue
    // Nobody reads what it says from now on.
    output.resume()
    return found
  }
  throw new Error(`A program ended before it said ${pattern}: ${child.spawnargs.join(' ')}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill()
  await once(child, 'exit')
}

function completion(content: string): object {
  return {
    ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4o' },
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
  }
}
