import type { JsonObject } from '@tianjillm/core'
import { type Path, type Problem, problemAt } from './problem.ts'
import type { Entry, Tree } from './tree.ts'

/**
 * The tree with one spelling of the house's own keys: `tianji_settings` is known as `litellm_settings`, and so on.
 * When a file has both, `tianji_…` wins, with a warning. Keys that belong to the user (headers, metadata, names of
 * models and servers) stay as they are.
 */
export function respell(tree: Tree, problems: Problem[], path: Path = []): Tree {
  if (tree.type === 'scalar') return tree
  if (tree.type === 'list')
    return { ...tree, items: tree.items.map((item, index) => respell(item, problems, [...path, index])) }
  const isOurs = hasOurKeys(path)
  const entries = new Map<string, Entry>()
  for (const entry of tree.entries.values()) {
    const { written } = entry
    const key = isOurs ? respelled(written) : written
    const other = entries.get(key)
    if (other) problems.push(bothGiven(entry, other, path))
    if (other === undefined || written !== key)
      entries.set(key, { ...entry, value: respell(entry.value, problems, [...path, written]) })
  }
  return { ...tree, entries }
}

/** Whether the keys of the map at a path are words of the house. */
function hasOurKeys(path: Path): boolean {
  const [last, owner] = path.toReversed()
  if (last === undefined) return true
  if (typeof last === 'number') return isEntry(path)
  if (respelled(last) === 'litellm_params') return typeof owner === 'number' && isEntry(path.slice(0, -1))
  return path.length === 1 && last.endsWith('_settings') && last !== 'callback_settings'
}

/** Whether there is a deployment, a guardrail, a search tool… at a path: in a list at the root, or in the settings. */
function isEntry(path: Path): boolean {
  return path.length === 2 || (path.length === 3 && /^(guardrails|guardrail_list|search_tools)$/.test(String(path[1])))
}

/** A key in the one spelling. */
export function respelled(key: string): string {
  return key.replace(/^tianji_/, 'litellm_')
}

function bothGiven(one: Entry, other: Entry, path: Path): Problem {
  const [winner, loser] = one.written.startsWith('tianji_') ? [one, other] : [other, one]
  const message = `is ignored, because ${winner.written} is there too`
  return problemAt(loser.position, 'warning', [...path, loser.written], message)
}

/** The map with its own keys in camelCase; what is inside its values stays. */
export function camelCased(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [camelCase(key), value]))
}

/** `api_key` as `apiKey`. */
function camelCase(name: string): string {
  return name.replace(/(?<=[^_])_+([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}
