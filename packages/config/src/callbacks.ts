import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { pluginName } from './aliases.ts'
import { toMap, toText, valueAt, withoutNulls } from './coerce.ts'
import type { CallbackConfig } from './config.ts'
import type { Path } from './problem.ts'
import { isPythonName, warnOfPython } from './python.ts'
import type { Source } from './source.ts'
import { camelCased } from './spelling.ts'

const places: readonly { readonly path: readonly string[]; readonly on: CallbackConfig['on'] }[] = [
  { path: ['callbacks'], on: 'both' },
  { path: ['litellm_settings', 'callbacks'], on: 'both' },
  { path: ['litellm_settings', 'success_callback'], on: 'success' },
  { path: ['litellm_settings', 'failure_callback'], on: 'failure' },
]

/** The callbacks of all the lists a file may have. Those that are Python code are left out, with a warning. */
export function readCallbacks(file: JsonObject, source: Source): readonly CallbackConfig[] {
  const callbacks = new Map<string, CallbackConfig>()
  for (const { path, on } of places) {
    const list = valueAt(file, path)
    for (const { name, options, path: namePath } of named(list, path)) {
      if (isPythonName(name)) {
        warnOfPython(namePath, 'Write a callback plugin and name it in plugins.', source)
        continue
      }
      const known = callbacks.get(name)
      const callback = readCallback(name, options, file)
      callbacks.set(name, {
        ...callback,
        on: known && known.on !== on ? 'both' : on,
        options: { ...known?.options, ...callback.options },
        position: known?.position ?? source.positionOf(namePath),
      })
    }
  }
  return [...callbacks.values()]
}

interface NamedCallback {
  readonly name: string
  readonly options: JsonObject
  readonly path: Path
}

function named(list: unknown, path: Path): readonly NamedCallback[] {
  if (typeof list === 'string') return [{ name: list, options: {}, path }]
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown, index): readonly NamedCallback[] => {
    if (typeof item === 'string') return [{ name: item, options: {}, path: [...path, index] }]
    if (!isJsonObject(item)) return []
    return Object.entries(item).map(([name, options]) => ({
      name,
      options: toMap(options),
      path: [...path, index, name],
    }))
  })
}

function readCallback(
  name: string,
  options: JsonObject,
  file: JsonObject,
): Pick<CallbackConfig, 'name' | 'plugin' | 'options'> {
  const { callback_type, ...settings } = toMap(valueAt(file, ['callback_settings', name]))
  const params = toMap(valueAt(file, ['litellm_settings', `${name}_params`]))
  return {
    name,
    plugin: pluginName('callback', toText(callback_type) ?? name),
    options: camelCased(withoutNulls({ ...settings, ...params, ...options })),
  }
}
