import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyHouse, type HouseCopy } from './house-copy.ts'

const NODE = [process.execPath, '--conditions=@tianjillm/source']

/** All that can be asked for, with the folder each makes. */
const plugins = [
  { wanted: ['provider', 'acme'], path: 'plugins/provider/acme' },
  { wanted: ['provider', 'acme_own_wire', '--base', 'http'], path: 'plugins/provider/acme-own-wire' },
  { wanted: ['search', 'acme'], path: 'plugins/search/acme' },
  { wanted: ['guardrail', 'acme'], path: 'plugins/guardrail/acme' },
  { wanted: ['callback', 'acme_insights'], path: 'plugins/callback/acme-insights' },
] as const

describe('npm run new', () => {
  let copy: HouseCopy
  let before: ReadonlyMap<string, string>
  const run = (command: string, ...args: readonly string[]) => runIn(copy.root, command, args)
  const create = (...wanted: readonly string[]) =>
    run(...(NODE as [string, string]), 'scripts/new.ts', ...wanted, '--no-install', '--root', copy.root)

  beforeAll(async () => {
    copy = copyHouse()
    before = copy.files()
    const created = await Promise.all(plugins.map(({ wanted }) => create(...wanted)))
    for (const { status, output } of created) expect(status, output).toBe(0)
    for (const { path } of plugins) copy.link(path)
  })
  afterAll(() => copy?.remove())

  it('changes no file that was there', () => {
    const after = copy.files()
    expect([...before].filter(([path, bytes]) => after.get(path) !== bytes).map(([path]) => path)).toEqual([])
  })

  it('writes five files a plugin', () => {
    const added = [...copy.files().keys()].filter((path) => !before.has(path))
    const expected = plugins.flatMap(({ path }) => {
      const folder = path.split('/').at(-1)
      return ['package.json', 'README.md', `src/${folder}.ts`, 'src/index.ts', `test/${folder}.test.ts`].map(
        (file) => `${path}/${file}`,
      )
    })
    expect(added.sort()).toEqual(expected.sort())
  })

  it('writes plugins whose contract suites pass', async () => {
    const { status, output } = await run('node_modules/.bin/vitest', 'run', ...plugins.map(({ path }) => path))
    expect(status, output).toBe(0)
    expect(output).toMatch(/Test Files.* 5 passed/)
  })

  it('writes plugins that the compiler, the linter and the house have nothing to say about', async () => {
    const paths = plugins.map(({ path }) => path)
    const [types, lint, house] = await Promise.all([
      run('node_modules/.bin/tsc', '--noEmit', '-p', '.'),
      run('node_modules/.bin/biome', 'ci', '--error-on-warnings', ...paths),
      run(...(NODE as [string, string]), 'scripts/house-check.ts'),
    ])
    const saidOfPlugins = ({ output }: Finished) =>
      output.split('\n').filter((line) => /^plugins\/\w+\/acme/.test(line))
    expect(saidOfPlugins(types)).toEqual([])
    expect(saidOfPlugins(house)).toEqual([])
    expect(lint.status, lint.output).toBe(0)
  })

  it('makes a provider that the gateway finds by its name', async () => {
    const upstream = await fakeUpstream()
    const completion = { id: 'c1', choices: [{ index: 0, message: { role: 'assistant', content: 'I am new here.' } }] }
    upstream.script({ body: completion })
    const config = join(copy.root, 'acme.yaml')
    const parameters = { model: 'acme/some-model', api_key: 'test-key', api_base: `${upstream.url}/v1` }
    writeFileSync(config, JSON.stringify({ model_list: [{ model_name: 'new', litellm_params: parameters }] }))
    const gateway = await startGateway(copy.root, config)
    try {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'new', messages: [{ role: 'user', content: 'Who are you?' }] }),
      })
      expect(await response.json()).toMatchObject({ choices: completion.choices })
      const [sent] = upstream.arrived
      expect(sent).toMatchObject({ path: '/v1/chat/completions', headers: { authorization: 'Bearer test-key' } })
      expect(JSON.parse(sent!.text)).toMatchObject({ model: 'some-model' })
    } finally {
      await gateway.stop()
      await upstream.close()
    }
  })

  it.each([
    [['provider', 'acme'], 'plugins/provider/acme is there already, and stays as it is.'],
    [['provider', 'Acme-Cloud'], 'The name "Acme-Cloud" must match /^[a-z0-9_]+$/, as acme_cloud does.'],
    [['provider', '4cme'], 'The name "4cme" must begin with a letter: an export is named after it.'],
    [['vendor', 'acme'], 'There is no kind "vendor". Use one of: provider, search, guardrail, callback.'],
    [['search', 'other', '--base', 'soap'], 'A search has no base "soap". Use one of: http.'],
    [['provider'], 'npm run new -- <kind> <name> [--base <base>]'],
  ])('refuses %j', async (wanted, says) => {
    const { status, output } = await create(...wanted)
    expect(status).toBe(1)
    expect(output).toContain(says)
  })
})

interface Finished {
  readonly status: number | null
  /** Of both streams. */
  readonly output: string
}

function runIn(cwd: string, command: string, args: readonly string[]): Promise<Finished> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => {
      output += piece
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, output }))
  })
}

interface Gateway {
  readonly url: string
  stop(): Promise<void>
}

async function startGateway(cwd: string, config: string): Promise<Gateway> {
  const [node, ...flags] = NODE as [string, string]
  const child = spawn(node, [...flags, 'apps/gateway/src/main.ts', 'start', '--config', config, '--port', '0'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => {
        output += piece
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
        if (url) resolve(url)
      })
    child.once('exit', () => reject(new Error(`The gateway did not start: ${output}`)))
  })
  return {
    url,
    stop: () => {
      child.kill()
      return ended
    },
  }
}
