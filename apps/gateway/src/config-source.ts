import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Config, loadConfig, type Problem, readConfig } from '@tianjillm/config'
import type { Host } from '@tianjillm/core'
import { installedPlugins, pluginPlaces } from './plugins.ts'

/** A configuration and where it came from. */
export interface ConfigSource {
  readonly config: Config | undefined
  readonly problems: readonly Problem[]
  /** Told at start: a file, or what was found in the environment. */
  readonly title: string
  /** Folder that relative plugins and the user's own installs are looked for in. */
  readonly folder: string
  /** The files it was read from, to be watched for changes. Default: none. */
  readonly files?: readonly string[]
  /** Whether its models are all that the environment has keys for. Default false. */
  readonly isImprovised?: boolean
}

/** Whether somebody has chosen the models of a configuration. */
export function choosesModels({ config, isImprovised = false }: ConfigSource): boolean {
  return !isImprovised && config !== undefined && config.models.length > 0
}

/** File names that are looked for in the working directory. */
const usualNames = ['proxy_config.yaml', 'proxy_config.yml', 'tianji.yaml']

/** The given file, else `CONFIG_FILE_PATH`, else a usual file in the working directory, else what the environment has keys for. */
export function findConfig(
  given: string | undefined,
  host: Host,
  { compares = false }: { readonly compares?: boolean | undefined } = {},
): ConfigSource {
  const path = given ?? host.env('CONFIG_FILE_PATH') ?? usualNames.find((name) => existsSync(name))
  if (path === undefined) return configFromEnvironment(host)
  const { config, problems, files } = loadConfig(path, (name) => host.env(name), compares)
  return { config, problems, files, title: path, folder: dirname(resolve(path)) }
}

/** Every provider whose key is in the environment, as `name/*`, and the mock models. */
export function configFromEnvironment(host: Host): ConfigSource {
  const folder = process.cwd()
  const found = installedPlugins('provider', pluginPlaces(folder))
    .filter(({ env }) => env.some((name) => host.env(name)))
    .map(({ name }) => name)
  const source = configOf([...found.map((name) => ({ group: `${name}/*`, model: `${name}/*` })), ...mockModels], host)
  return {
    ...source,
    title: found.length > 0 ? `keys in the environment: ${found.join(', ')}` : 'no keys in the environment',
    folder,
    isImprovised: true,
  }
}

/** Mock models alone. */
export function demoConfig(host: Host): ConfigSource {
  return { ...configOf(mockModels, host), title: 'mock models', folder: process.cwd() }
}

interface Group {
  readonly group: string
  readonly model: string
}

const mockModels: readonly Group[] = [
  { group: 'mock', model: 'mock/mock' },
  { group: 'mock/*', model: 'mock/*' },
]

function configOf(groups: readonly Group[], host: Host): { config: Config | undefined; problems: readonly Problem[] } {
  const model_list = groups.map(({ group, model }) => ({ model_name: group, litellm_params: { model } }))
  const master_key = host.env('TIANJI_MASTER_KEY') ?? host.env('LITELLM_MASTER_KEY')
  // JSON is YAML.
  const text = JSON.stringify({
    model_list,
    ...(master_key && { general_settings: { master_key: 'os.environ/TIANJI_MASTER_KEY' } }),
  })
  return readConfig(text, { env: (name) => (name === 'TIANJI_MASTER_KEY' ? master_key : host.env(name)) })
}
