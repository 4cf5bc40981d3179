import { nearest } from './nearest.ts'
import type { Plugin, PluginKind, PluginsByKind } from './plugin.ts'

const KEY = Symbol.for('@tianjillm/core/registry@1')

/** The process's plugins, shared by all copies of this package. */
function plugins(): Map<string, Plugin> {
  const holder = globalThis as { [KEY]?: Map<string, Plugin> }
  holder[KEY] ??= new Map()
  return holder[KEY]
}

/** Adds a plugin to the process's registry. Again with the same object is harmless. Throws for a second of the same name. */
export function register(plugin: Plugin): void {
  if (!/^[a-z0-9_]+$/.test(plugin.name)) throw new Error(`Plugin name "${plugin.name}" must match /^[a-z0-9_]+$/.`)
  const key = `${plugin.kind}:${plugin.name}`
  const known = plugins().get(key)
  if (known !== undefined && known !== plugin)
    throw new Error(`A ${plugin.kind} named ${plugin.name} is already registered. Is the package installed twice?`)
  plugins().set(key, plugin)
}

/** The registered plugin of that kind and name, or undefined. */
export function registered<Kind extends PluginKind>(kind: Kind, name: string): PluginsByKind[Kind] | undefined {
  return plugins().get(`${kind}:${name}`) as PluginsByKind[Kind] | undefined
}

/** Names of the registered plugins of a kind, sorted. */
export function registeredNames(kind: PluginKind): readonly string[] {
  return [...plugins().values()]
    .filter((plugin) => plugin.kind === kind)
    .map((plugin) => plugin.name)
    .sort()
}

/** ` Did you mean groq?`, or nothing when no name is near. */
export function didYouMean(wanted: string, names: Iterable<string>): string {
  const near = nearest(wanted, names)
  return near === undefined ? '' : ` Did you mean ${near}?`
}
