import { formatPath, type Path, type Problem, problemAt } from './problem.ts'
import { type Entry, isNothing, type ScalarTree, type Tree } from './tree.ts'

/** An environment variable; undefined when unset or empty. */
export type Environment = (name: string) => string | undefined

/** A variable missing here must stop the gateway: without a master key, an audience or limits too much is let in. */
const demanded = /^(general_settings\.(master_key$|(litellm|tianji)_jwtauth\.)|keys\[)/

/** `environment_variables`, each value resolved; one may refer to those above it. */
export function readEnvironment(root: Tree, env: Environment, problems: Problem[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  const section = root.type === 'map' ? root.entries.get('environment_variables') : undefined
  if (section?.value.type !== 'map') {
    if (section && !isNothing(section.value))
      problems.push(problemAt(section.position, 'error', ['environment_variables'], 'expected a map'))
    return variables
  }
  for (const { written, position, value } of section.value.entries.values()) {
    const path = ['environment_variables', written]
    const resolved = resolve(value, (name) => variables.get(name) ?? env(name), problems, path)
    if (resolved === undefined) continue
    if (resolved.type !== 'scalar') problems.push(problemAt(position, 'error', path, 'expected a string'))
    else if (resolved.value !== null) variables.set(written, String(resolved.value))
  }
  return variables
}

/**
 * The tree with every reference to the environment resolved:
 *
 * - `os.environ/NAME` and `$NAME`, when they are the whole string
 * - `os.environ/A:os.environ/B`, which gives `a:b`; `Bearer os.environ/NAME`, at the end of a string after a blank
 * - `${NAME}` and `${NAME:-default}` anywhere in a string; `$${` stands for `${`
 *
 * What needs a variable that is unset is left out, with a warning. Names are upper case, but for `os.environ/`, so
 * that code and patterns with `${name}` or `$1` in them stay as they are. Keys are never touched.
 */
export function resolveEnvironment(root: Tree, env: Environment, problems: Problem[]): Tree {
  return resolve(root, env, problems, []) ?? root
}

function resolve(tree: Tree, env: Environment, problems: Problem[], path: Path): Tree | undefined {
  switch (tree.type) {
    case 'scalar':
      return typeof tree.value === 'string' ? resolveScalar(tree, tree.value, env, problems, path) : tree
    case 'list': {
      const items = tree.items.map((item, index) => resolve(item, env, problems, [...path, index]))
      return { ...tree, items: items.filter((item) => item !== undefined) }
    }
    case 'map': {
      const entries = new Map<string, Entry>()
      for (const [key, entry] of tree.entries) {
        const value = resolve(entry.value, env, problems, [...path, entry.written])
        if (value !== undefined) entries.set(key, { ...entry, value })
      }
      return { ...tree, entries }
    }
  }
}

function resolveScalar(
  tree: ScalarTree,
  text: string,
  env: Environment,
  problems: Problem[],
  path: Path,
): ScalarTree | undefined {
  const { value, names, missing } = expand(text, env)
  if (missing.length > 0) {
    const isDemanded = demanded.test(formatPath(path))
    const consequence = isDemanded ? 'Set it, or leave out the key.' : 'The key is left out.'
    const message = `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set. ${consequence}`
    problems.push(problemAt(tree.position, isDemanded ? 'error' : 'warning', path, message))
    return undefined
  }
  if (names.length === 0 && text.includes('os.environ/'))
    problems.push(problemAt(tree.position, 'warning', path, misplacedReference))
  return { ...tree, value, ...(names.length > 0 && { isFromEnvironment: true as const }) }
}

interface Expansion {
  readonly value: string
  /** Variables it refers to. */
  readonly names: readonly string[]
  /** Those of them that are unset and have no default. */
  readonly missing: readonly string[]
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what to write.
const misplacedReference = 'os.environ/NAME is only read when it is the whole value. Inside a text, write ${NAME}.'

const wholeReference = /^(?:os\.environ\/[\w.-]+(?::os\.environ\/[\w.-]+)*|\$[A-Z_][A-Z0-9_]*)$/
const innerReference = /\$\$\{|\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}|(?<=\s)os\.environ\/([\w.-]+)$/g

function expand(text: string, env: Environment): Expansion {
  const names: string[] = []
  const missing = new Set<string>()
  const lookUp = (name: string, byDefault?: string): string => {
    names.push(name)
    const value = env(name) || byDefault
    if (value === undefined) missing.add(name)
    return value ?? ''
  }
  const value = wholeReference.test(text)
    ? text
        .split(':')
        .map((reference) => lookUp(reference.replace(/^(?:os\.environ\/|\$)/, '')))
        .join(':')
    : text.replace(innerReference, (match, name?: string, byDefault?: string, last?: string) => {
        const reference = name ?? last
        return reference === undefined ? match.slice(1) : lookUp(reference, byDefault)
      })
  return { value, names, missing: [...missing] }
}
