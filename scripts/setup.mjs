// Installs what the workspace needs, with the pnpm it is pinned to. Plain JavaScript that runs on node 20,
// for it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const root = new URL('..', import.meta.url)

if (!existsSync(new URL('node_modules/.bin/node', root)))
  console.error('Setting up for the first time; this takes half a minute or more, most of it downloads.')

const { status } = spawnSync(
  'npx',
  ['-y', packageManager, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=silent'],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' },
)
if (status !== 0) {
  console.error(`Set-up failed. To see why, run: npx -y ${packageManager} install --frozen-lockfile`)
  process.exit(status ?? 1)
}
