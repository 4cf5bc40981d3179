import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Scaffold, scaffold, templates } from './scaffold/scaffold.ts'

const usage = `npm run new -- <kind> <name> [--base <base>]
${Object.entries(templates)
  .map(([kind, bases]) => `  ${kind.padEnd(10)}--base ${Object.keys(bases).join(' | ')}`)
  .join('\n')}`

try {
  main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

/** Writes a plugin that works but for its facts, links it, and says what to do next. */
function main(): void {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      base: { type: 'string' },
      root: { type: 'string', default: resolve(import.meta.dirname, '..') },
      'no-install': { type: 'boolean', default: false },
    },
  })
  const [kind, name, ...more] = positionals
  if (kind === undefined || name === undefined || more.length > 0) throw new Error(usage)
  const plugin = scaffold(kind, name, values.base)
  write(plugin, values.root)
  run('node_modules/.bin/biome', ['check', '--write', plugin.path], values.root)
  if (!values['no-install']) install(values.root)
  console.log(nextSteps(plugin))
}

function write({ path, files }: Scaffold, root: string): void {
  if (existsSync(join(root, path))) throw new Error(`${path} is there already, and stays as it is.`)
  for (const [file, text] of Object.entries(files)) {
    const target = join(root, path, file)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
}

/** Links the new package; of the files that were there, only the lockfile changes. */
function install(root: string): void {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string }
  const flags = ['--no-frozen-lockfile', '--prefer-offline', '--reporter=silent']
  run('npx', ['-y', packageManager, 'install', ...flags], root)
}

/** Runs a tool that is heard only when it fails. */
function run(command: string, args: readonly string[], root: string): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`Failed: ${[command, ...args].join(' ')}\n${error?.message ?? stdout + stderr}`)
}

function nextSteps({ path }: Scaffold): string {
  return `${path} is there, and its tests pass. Next:
  1. Write what the vendor's documentation says into src and README.md.
  2. Say in test what must be sent and what must come out:    npm test -- ${path}
  3. Have written what can be written, and the rest checked:  npm run fix && npm run check`
}
