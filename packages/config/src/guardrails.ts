import { didYouMean, type Hook, isJsonObject, type JsonObject } from '@tianjillm/core'
import { pluginName } from './aliases.ts'
import { mapValues, toFlag, toMap, toMaps, toNumber, toText, toTexts, valueAt } from './coerce.ts'
import type { FailMode, GuardrailConfig } from './config.ts'
import type { WithCredential } from './credentials.ts'
import type { Path } from './problem.ts'
import { isPythonName, warnOfPython } from './python.ts'
import type { Source } from './source.ts'
import { camelCased, respelled } from './spelling.ts'

const places: readonly (readonly string[])[] = [
  ['guardrails'],
  ['litellm_settings', 'guardrails'],
  ['router_settings', 'guardrail_list'],
]

/** The guardrails of all the places a file may list them in. Those that are Python code are left out, with a warning. */
export function readGuardrails(
  file: JsonObject,
  withCredential: WithCredential,
  source: Source,
): readonly GuardrailConfig[] {
  return places.flatMap((place) =>
    toMaps(valueAt(file, place)).flatMap((entry, index) => {
      const path = [...place, index]
      if (isPython(entry, path, source)) return []
      return [
        readGuardrail(entry, withCredential(toMap(entry.litellm_params), [...path, 'litellm_params']), path, source),
      ]
    }),
  )
}

function isPython(entry: JsonObject, path: Path, source: Source): boolean {
  const { guardrail, custom_code } = toMap(entry.litellm_params)
  if (isPythonName(toText(guardrail) ?? '')) {
    warnOfPython([...path, 'litellm_params', 'guardrail'], 'Write a guardrail plugin and name it in plugins.', source)
    return true
  }
  if (/^\s*(async\s+)?def\s+\w+\s*\(/m.test(toText(custom_code) ?? '')) {
    warnOfPython([...path, 'litellm_params', 'custom_code'], 'Write the function in JavaScript.', source)
    return true
  }
  return false
}

function readGuardrail(entry: JsonObject, params: JsonObject, path: Path, source: Source): GuardrailConfig {
  const { guardrail, mode, default_on, timeout, guardrail_timeout, weight, ...others } = params
  const options = Object.entries(others).filter(([key]) => !failModes.has(key))
  return {
    name: toText(entry.guardrail_name) ?? '',
    plugin: pluginName('guardrail', toText(guardrail) ?? ''),
    ...readModes(mode, [...path, 'litellm_params', 'mode'], source),
    defaultOn: toFlag(default_on) ?? false,
    failMode: readFailMode(params, [...path, 'litellm_params'], source),
    timeout: toNumber(timeout ?? guardrail_timeout),
    weight: toNumber(weight),
    options: camelCased(Object.fromEntries(options)),
    info: toMap(entry.guardrail_info),
    position: source.positionOf(path),
    positionOf: (key) => source.positionOf([...path, 'litellm_params', respelled(key)]),
  }
}

const hooks: Readonly<Record<Hook, true>> = {
  pre_call: true,
  during_call: true,
  post_call: true,
  logging_only: true,
  pre_mcp_call: true,
  during_mcp_call: true,
  post_mcp_call: true,
}

function readModes(mode: unknown, path: Path, source: Source): Pick<GuardrailConfig, 'modes' | 'modeTags'> {
  const modesAt = (value: unknown, valuePath: Path): readonly string[] =>
    toTexts(value).map((written) => {
      const name = written.toLowerCase()
      if (!Object.hasOwn(hooks, name)) source.warn(valuePath, `no such mode.${didYouMean(name, Object.keys(hooks))}`)
      return name
    })
  if (mode === undefined) {
    source.warn(path, 'is missing, so it runs as pre_call.')
    return { modes: ['pre_call'], modeTags: undefined }
  }
  if (!isJsonObject(mode)) return { modes: modesAt(mode, path), modeTags: undefined }
  return {
    modes: modesAt(mode.default, [...path, 'default']),
    modeTags: mapValues(toMap(mode.tags), (value, tag) => modesAt(value, [...path, 'tags', tag])),
  }
}

const closedIfTrue = { true: 'closed', false: 'open' } as const

/** The vendors' words for what happens when a guardrail fails, and what their values mean. */
const failModes: ReadonlyMap<string, Readonly<Record<string, FailMode>>> = new Map<
  string,
  Readonly<Record<string, FailMode>>
>([
  ['fail_mode', { closed: 'closed', open: 'open', fail_closed: 'closed', fail_open: 'open' }],
  ['fail_open', { true: 'open', false: 'closed' }],
  ['fail_on_error', closedIfTrue],
  ['unreachable_fallback', { fail_closed: 'closed', fail_open: 'open' }],
  ['block_failures', closedIfTrue],
  ['fallback_on_error', { block: 'closed', allow: 'open' }],
])

/** The one that all of them agree on; `closed` when they do not. */
function readFailMode(params: JsonObject, path: Path, source: Source): FailMode | undefined {
  const found = new Map<string, FailMode>()
  for (const [key, meanings] of failModes) {
    if (params[key] === undefined) continue
    const word = String(toFlag(params[key]) ?? params[key]).toLowerCase()
    if (Object.hasOwn(meanings, word)) found.set(key, meanings[word]!)
    else
      source.error(
        [...path, key],
        `expected ${Object.keys(meanings).join(' or ')}, received ${source.shown([...path, key])}`,
      )
  }
  const [mode, ...others] = new Set(found.values())
  if (others.length === 0) return mode
  source.warn(path, `${[...found.keys()].join(' and ')} contradict each other. It fails closed.`)
  return 'closed'
}
