import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isOnPath } from './path.ts'

const root = resolve(import.meta.dirname, '..')
const peers = join(import.meta.dirname, '.peers')
const portkeyFolder = join(peers, 'node_modules/@portkey-ai/gateway')

/** The key of all gateways that have one. */
export const key = 'sk-bench'

/** Where a process of a variant may write, listen and forward to. */
export interface Place {
  readonly folder: string
  readonly port: number
  readonly upstream: number
}

/** How to run a gateway. */
export interface Launch {
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** Something that stands between a client and the upstream. */
export interface Variant {
  readonly name: string
  /** The model to ask it for. */
  readonly model: string
  /** Why it cannot be measured here, if so. */
  missing(): string | undefined
  version(): string
  /** Writes its configuration. Nothing to launch means that clients ask the upstream itself. */
  prepare(place: Place): Launch | undefined
  /** Request headers that it wants. */
  headers(place: Place): readonly string[]
}

const unmarked = () => []

const direct: Variant = {
  name: 'direct',
  model: 'bench-model',
  missing: () => undefined,
  version: () => '',
  prepare: () => undefined,
  headers: unmarked,
}

const nginx: Variant = {
  name: 'nginx',
  model: 'bench-model',
  missing: () => (isOnPath('nginx') ? undefined : 'nginx is not on PATH (Debian: apt install nginx-light)'),
  // It tells its version on standard error.
  version: () => /nginx\/(\S+)/.exec(execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' }))?.[1] ?? '',
  prepare(place) {
    const file = join(place.folder, 'nginx.conf')
    writeFileSync(file, nginxConfig(place))
    return { command: ['nginx', '-p', place.folder, '-e', 'stderr', '-c', file, '-g', 'daemon off;'] }
  },
  headers: unmarked,
}

/** The gateway that is built in `folder`, perhaps with more in its configuration than it needs. */
function tianji(
  name: string,
  folder: string,
  more: (place: Place) => string = () => '',
  settings: (place: Place) => string = () => settingsFor(folder),
): Variant {
  const main = join(folder, 'apps/gateway/dist/main.js')
  return {
    name,
    model: 'bench',
    missing: () => (existsSync(main) ? undefined : `${main} is not there: npm run build`),
    version: () => `${versionIn(join(folder, 'apps/gateway'))} on node ${process.versions.node}`,
    prepare(place) {
      const file = join(place.folder, 'proxy_config.yaml')
      writeFileSync(file, modelList(place) + more(place) + settings(place))
      const { execPath } = process
      const address = ['--host', '127.0.0.1', '--port', String(place.port)]
      return {
        command: [execPath, main, 'start', '--config', file, ...address],
        // As `npm start` and docs/configuration.md have it.
        environment: { NODE_ENV: 'production', NODE_OPTIONS: '--max-semi-space-size=16', TIANJI_STOP_TIMEOUT: '1' },
      }
    },
    headers: unmarked,
  }
}

const portkey: Variant = {
  name: 'portkey',
  model: 'bench-model',
  missing: () => (existsSync(portkeyFolder) ? undefined : 'it is not installed: npm run bench -- --install'),
  version: () => `${versionIn(portkeyFolder)} on node ${process.versions.node}`,
  prepare: (place) => ({
    command: [
      process.execPath,
      `--require=${join(import.meta.dirname, 'loopback.cjs')}`,
      join(portkeyFolder, 'build/start-server.js'),
      '--headless',
      `--port=${place.port}`,
    ],
    environment: { NODE_ENV: 'production' },
  }),
  headers: ({ upstream }) => ['x-portkey-provider: openai', `x-portkey-custom-host: http://127.0.0.1:${upstream}/v1`],
}

const litellm: Variant = {
  name: 'litellm',
  model: 'bench',
  missing: () => (isOnPath('litellm') ? undefined : 'litellm is not on PATH'),
  version: () => execFileSync('litellm', ['--version'], { encoding: 'utf8' }).trim(),
  prepare(place) {
    const file = join(place.folder, 'litellm.yaml')
    writeFileSync(file, `${modelList(place)}general_settings: { master_key: ${key} }\n`)
    const address = ['--host', '127.0.0.1', '--port', String(place.port)]
    return { command: ['litellm', '--config', file, '--num_workers', '1', ...address] }
  },
  headers: unmarked,
}

const bifrost: Variant = {
  name: 'bifrost',
  model: 'openai/bench-model',
  missing: () => (isOnPath('bifrost-http') ? undefined : 'bifrost-http is not on PATH'),
  version: () => '',
  prepare(place) {
    const folder = join(place.folder, 'bifrost')
    mkdirSync(folder, { recursive: true })
    const openai = {
      keys: [{ name: 'bench', value: key, models: ['*'], weight: 1 }],
      network_config: { base_url: `http://127.0.0.1:${place.upstream}` },
    }
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ providers: { openai } }))
    return { command: ['bifrost-http', '-host', '127.0.0.1', '-port', String(place.port), '-app-dir', folder] }
  },
  headers: unmarked,
}

/** All there is to measure. `against` is another checkout of this repository, or this one again. */
export function variantsWith(against: string | undefined): readonly Variant[] {
  const other = against === undefined ? [] : [tianji('against', resolve(against))]
  const everything = tianji('everything', root, unused)
  const database = tianji('database', root, priced, inDatabase)
  return [direct, nginx, tianji('tianji', root), everything, database, ...other, portkey, litellm, bifrost]
}

/** Installs the peers that npm has. */
export function installPeers(): void {
  mkdirSync(peers, { recursive: true })
  writeFileSync(join(peers, 'package.json'), readFileSync(join(import.meta.dirname, 'peers.json')))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: peers, stdio: 'inherit' })
}

function versionIn(folder: string): string {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version ?? ''
}

/** One group of two deployments, both of which are the mock. */
function modelList({ upstream }: Place): string {
  const deployment = `  - model_name: bench
    litellm_params: { model: openai/bench-model, api_base: 'http://127.0.0.1:${upstream}/v1', api_key: sk-upstream }
`
  return `model_list:\n${deployment}${deployment}`
}

/** What a configuration may have besides: all of it is in force, and none of it concerns what is measured. */
function unused({ upstream }: Place): string {
  return `  - model_name: other
    litellm_params: { model: openai/other, api_base: 'http://127.0.0.1:${upstream}/v1', api_key: sk-upstream }
  - model_name: auto
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config: { tiers: { SIMPLE: other, COMPLEX: bench }, default_model: bench }
router_settings:
  enable_tag_filtering: true
  retry_policy: { RateLimitErrorRetries: 3 }
  fallbacks: [{ bench: [other] }]
  context_window_fallbacks: [{ bench: [other] }]
  model_group_alias: { gpt-4: bench }
  routing_groups: [{ group_name: others, models: [other], routing_strategy: least-busy }]
tianji_settings: { cache: true, cache_params: { type: local, mode: default_off } }
guardrails:
  - guardrail_name: filter
    litellm_params: { guardrail: litellm_content_filter, mode: pre_call, patterns: [{ pattern_type: prebuilt, pattern_name: email, action: MASK }] }
`
}

/** A key with a limit, for that is what a gateway is run with; a checkout from before there were any has its master key. */
function settingsFor(folder: string): string {
  const hasKeys = existsSync(join(folder, 'packages/config/src/keys.ts'))
  const access = hasKeys ? `keys: [{ key: ${key}, rpm_limit: 100000000 }]` : `general_settings: { master_key: ${key} }`
  return `litellm_settings: { callbacks: [prometheus] }\n${access}\n`
}

/** Prices, for what has none costs nothing. */
function priced(): string {
  return 'router_settings: { default_litellm_params: { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 } }\n'
}

/** The key in a database, with its team, limits and budgets; every call is priced and written down. */
function inDatabase({ folder }: Place): string {
  const url = `sqlite:${join(folder, 'tianji.db')}`
  const library = (name: string) => JSON.stringify(join(root, `packages/${name}/dist/index.js`))
  const seed = `
    const { openStore } = await import(${library('store')})
    const { createDirectory } = await import(${library('tenancy')})
    const store = await openStore({ url: ${JSON.stringify(url)} })
    const { keys, teams } = createDirectory({ store, now: Date.now, changed() {} })
    const admin = { role: 'proxy_admin' }
    const limits = { rpm_limit: 1e8, tpm_limit: 1e11, max_budget: 1e6, budget_duration: '1d' }
    await teams.create({ team_id: 'bench', ...limits }, admin)
    await keys.generate({ key: ${JSON.stringify(key)}, team_id: 'bench', ...limits }, admin)
    await store.close()`
  execFileSync(process.execPath, ['--input-type=module', '-e', seed])
  return `general_settings: { master_key: sk-master-of-the-bench, database_url: '${url}' }
litellm_settings: { callbacks: [prometheus], max_budget: 1000000 }
`
}

function nginxConfig({ folder, port, upstream }: Place): string {
  return `
pid ${folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 16384;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  client_body_buffer_size 64k;
  upstream mock {
    server 127.0.0.1:${upstream};
    keepalive 2048;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
}
