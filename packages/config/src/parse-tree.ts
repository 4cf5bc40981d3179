import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { type Path, type Position, type Problem, problemAt } from './problem.ts'
import type { Entry, ScalarTree, Tree } from './tree.ts'

const MAX_CHARACTERS = 5 * 1024 * 1024
const MAX_DEPTH = 100
const MAX_VALUES = 500_000

const plainerMessages: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there twice',
  MULTIPLE_DOCS: 'a configuration is one YAML document, and here a second one begins',
}

/** The text as a tree, with anchors and `<<` resolved; undefined after an error. All syntax errors are reported. */
export function parseTree(text: string, file: string, problems: Problem[]): Tree | undefined {
  const refuse = (message: string): undefined => {
    problems.push(problemAt({ file, line: 1, column: 1 }, 'error', [], message))
  }
  if (text.length > MAX_CHARACTERS) return refuse(`larger than ${MAX_CHARACTERS} characters`)
  if (isTooDeep(text)) return refuse(`nested deeper than ${MAX_DEPTH} levels`)

  const lines = new LineCounter()
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  for (const { name, code, message, pos } of [...document.errors, ...document.warnings])
    problems.push(
      problemAt(positionAt(pos[0]), name === 'YAMLWarning' ? 'warning' : 'error', [], plainerMessages[code] ?? message),
    )
  if (document.errors.length > 0) return undefined
  return new TreeBuilder(positionAt, problems).build(document.contents)
}

/** Asks the parser, which keeps its own stack: what comes after it recurses, and would exhaust the process's. */
function isTooDeep(text: string): boolean {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const _token of parser.next(lexeme));
    // A level may take two places on the stack: a map and the value being read.
    if (parser.stack.length > 2 * MAX_DEPTH) return true
  }
  return false
}

/** Turns the library's nodes into ours. Aliases are copied out, within bounds, so that they cannot blow up. */
class TreeBuilder {
  readonly #positionAt: (offset: number) => Position
  readonly #problems: Problem[]
  readonly #anchors = new Map<string, unknown>()
  #values = 0
  #isTooLarge = false

  constructor(positionAt: (offset: number) => Position, problems: Problem[]) {
    this.#positionAt = positionAt
    this.#problems = problems
  }

  /** Undefined after an error. */
  build(root: unknown): Tree | undefined {
    const before = this.#problems.length
    const tree = this.#tree(root, this.#startOf(root) ?? this.#positionAt(0), [])
    return this.#problems.slice(before).some(({ severity }) => severity === 'error') ? undefined : tree
  }

  #tree(node: unknown, position: Position, path: Path): Tree {
    if (this.#isTooLarge) return { type: 'scalar', position, value: null }
    if (++this.#values > MAX_VALUES || path.length > MAX_DEPTH) {
      this.#isTooLarge = true
      this.#report('error', position, path.slice(0, 3), 'is nested too deeply, or its aliases grow without bounds')
    }
    const target = isAlias(node) ? this.#targetOf(node, position, path) : node
    if ((isCollection(target) || isScalar(target)) && target.anchor) this.#anchors.set(target.anchor, target)
    if (isMap(target)) return { type: 'map', position, entries: this.#entries(target, path) }
    if (isSeq(target))
      return {
        type: 'list',
        position,
        items: target.items.map((item, index) => this.#tree(item, this.#startOf(item) ?? position, [...path, index])),
      }
    return { type: 'scalar', position, value: isScalar(target) ? scalarOf(target.value) : null }
  }

  #entries(map: YAMLMap, path: Path): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>()
    const merged: Entry[] = []
    for (const { key, value } of map.items) {
      const position = this.#startOf(key) ?? this.#startOf(value) ?? this.#positionAt(map.range?.[0] ?? 0)
      if (isScalar(key) && typeof key.value === 'symbol') {
        merged.push(...this.#mergedEntries(value, position, path))
      } else if (!isScalar(key) || key.value === null) {
        this.#report('error', position, path, 'a key must be text')
      } else if (key.value === '__proto__') {
        this.#report('warning', position, [...path, '__proto__'], 'is a reserved name, and ignored')
      } else {
        const written = String(key.value)
        entries.set(written, { written, position, value: this.#tree(value, position, [...path, written]) })
      }
    }
    for (const entry of merged) if (!entries.has(entry.written)) entries.set(entry.written, entry)
    return entries
  }

  /** What `<<` brings: a map's entries, or those of several maps, the first to name a key first. */
  #mergedEntries(value: unknown, position: Position, path: Path): readonly Entry[] {
    const source = this.#tree(value, position, path)
    const maps = source.type === 'list' ? source.items : [source]
    return maps.flatMap((map) => {
      if (map.type === 'map') return [...map.entries.values()]
      this.#report('error', position, [...path, '<<'], 'expected a map, or a list of maps')
      return []
    })
  }

  #targetOf(alias: Alias, position: Position, path: Path): unknown {
    if (!this.#anchors.has(alias.source))
      this.#report('error', position, path, `there is no &${alias.source} above this *${alias.source}`)
    return this.#anchors.get(alias.source)
  }

  #startOf(node: unknown): Position | undefined {
    const range = (node as { readonly range?: readonly number[] | null } | null)?.range
    return range ? this.#positionAt(range[0]!) : undefined
  }

  #report(severity: Problem['severity'], position: Position, path: Path, message: string): void {
    this.#problems.push(problemAt(position, severity, path, message))
  }
}

function scalarOf(value: unknown): ScalarTree['value'] {
  return value === null || typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
}
