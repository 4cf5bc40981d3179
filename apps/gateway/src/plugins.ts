import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GatewayError, nearest, type PluginKind, type PluginsByKind, registered } from '@tianjillm/core'

/** Where plugins are looked for: the configuration's own folder first, then the gateway's. */
export interface PluginPlaces {
  /** Absolute. */
  readonly folders: readonly string[]
}

/** The places for a configuration in this folder. */
export function pluginPlaces(configFolder: string): PluginPlaces {
  return { folders: [resolve(configFolder), import.meta.dirname] }
}

/** The plugin of that kind and name, imported when it is not yet. Throws GatewayError `misconfigured` when there is none. */
export async function loadPlugin<Kind extends PluginKind>(
  kind: Kind,
  name: string,
  places: PluginPlaces,
): Promise<PluginsByKind[Kind]> {
  const known = registered(kind, name)
  if (known) return known
  // Only such names become part of a specifier.
  const specifier = /^[a-z0-9_]+$/.test(name) ? packageOf(kind, name) : undefined
  const entry = specifier && resolveSpecifier(specifier, places)
  if (entry === undefined) throw noPlugin(kind, name, places)
  await import(entry)
  const plugin = registered(kind, name)
  if (plugin === undefined)
    throw new GatewayError('misconfigured', `${specifier} does not register a ${kind} named ${name}.`)
  return plugin
}

/**
 * Imports a package, or a file relative to the configuration file that names it, that registers plugins of any names.
 * Throws GatewayError `misconfigured` when it cannot be found.
 */
export async function importPlugin(specifier: string, configFile: string, places: PluginPlaces): Promise<void> {
  const isFile = specifier.startsWith('.') || isAbsolute(specifier)
  const files = [resolve(dirname(configFile), specifier), resolve(places.folders[0]!, specifier)]
  const file = isFile ? files.find((path) => existsSync(path)) : undefined
  const entry = isFile ? file && pathToFileURL(file).href : resolveSpecifier(specifier, places)
  if (!entry)
    throw new GatewayError('misconfigured', `The plugin ${specifier} cannot be found. Install it, or mend its path.`)
  await import(entry)
}

/** An installed plugin, as its package.json tells without its being loaded. */
export interface InstalledPlugin {
  readonly kind: PluginKind
  readonly name: string
  /** Environment variables of which any one makes it usable. */
  readonly env: readonly string[]
}

/** The plugins of a kind that are installed, by name. */
export function installedPlugins(kind: PluginKind, { folders }: PluginPlaces): readonly InstalledPlugin[] {
  const found = new Map<string, InstalledPlugin>()
  for (const scope of folders.flatMap(scopeFolders))
    for (const directory of readdirSync(scope).filter((entry) => entry.startsWith(`${kind}-`))) {
      const plugin = describe(join(scope, directory, 'package.json'))
      if (plugin?.kind === kind && !found.has(plugin.name)) found.set(plugin.name, plugin)
    }
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name))
}

function packageOf(kind: PluginKind, name: string): string {
  return `@tianjillm/${kind}-${name.replaceAll('_', '-')}`
}

function resolveSpecifier(specifier: string, { folders }: PluginPlaces): string | undefined {
  for (const folder of folders) {
    const from = join(folder, 'resolve.js')
    try {
      return pathToFileURL(createRequire(from).resolve(specifier)).href
    } catch {
      // Not installed there, or for `import` alone.
      const entry = importEntry(specifier, from)
      if (entry) return entry
    }
  }
  return undefined
}

/** The entry of a package that says `import` where others say `default`. */
function importEntry(specifier: string, from: string): string | undefined {
  try {
    const manifest = findPackageJSON(specifier, pathToFileURL(from))
    if (manifest === undefined) return undefined
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8'))
    const entry = exports?.['.']?.import ?? exports?.import
    const file = typeof entry === 'string' ? entry : entry?.default
    return typeof file === 'string' ? pathToFileURL(join(dirname(manifest), file)).href : undefined
  } catch {
    return undefined
  }
}

function noPlugin(kind: PluginKind, name: string, places: PluginPlaces): GatewayError {
  const names = installedPlugins(kind, places).map((plugin) => plugin.name)
  const near = nearest(name, names)
  const remedy = near
    ? `Did you mean ${near}?`
    : `Install ${packageOf(kind, name)}, or use one of: ${names.join(', ')}.`
  const missing = packageOf(kind, name)
  return new GatewayError('misconfigured', `No ${kind} "${name}". ${remedy}`, { details: { missing } })
}

function scopeFolders(folder: string): readonly string[] {
  const scopes: string[] = []
  for (let at = folder; ; at = dirname(at)) {
    const scope = join(at, 'node_modules', '@tianjillm')
    if (existsSync(scope)) scopes.push(scope)
    if (dirname(at) === at) return scopes
  }
}

function describe(manifest: string): InstalledPlugin | undefined {
  try {
    const { tianji } = JSON.parse(readFileSync(manifest, 'utf8')) as { tianji?: InstalledPlugin }
    return tianji && { ...tianji, env: tianji.env ?? [] }
  } catch {
    return undefined
  }
}
