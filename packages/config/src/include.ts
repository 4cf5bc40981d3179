import { parseTree } from './parse-tree.ts'
import { type Path, type Problem, problemAt } from './problem.ts'
import { respell } from './spelling.ts'
import { type Entry, isNothing, type MapTree, type Tree, withoutKeys } from './tree.ts'

/** A file that another one includes. */
export interface IncludedFile {
  /** As problems name it; the same file must always get the same name. */
  readonly file: string
  readonly text: string
}

/** Reads the file at a path that `from` includes. Throws when it cannot be read. */
export type Include = (path: string, from: string) => IncludedFile

/**
 * A file and all it includes, as one tree in one spelling. Lists are joined, the including file's items first; maps
 * are merged; of two other values the including file's stays, with a warning. Adds the names of the files to `files`.
 */
export function readTree(
  main: IncludedFile,
  include: Include | undefined,
  files: string[],
  problems: Problem[],
): Tree | undefined {
  const read = ({ file, text }: IncludedFile, chain: readonly string[]): Tree | undefined => {
    files.push(file)
    const parsed = parseTree(text, file, problems)
    if (parsed === undefined) return undefined
    const tree = respell(parsed, problems)
    return includes(tree, problems).reduce(
      (merged, { path, report }) => {
        const included = open(path, file, report)
        if (included === undefined) return merged
        if ([...chain, file].includes(included.file))
          report(`the files include each other: ${[...chain, file, included.file].join(' -> ')}`)
        if (files.includes(included.file)) return merged
        const other = read(included, [...chain, file])
        return other === undefined || isNothing(other) ? merged : merge(merged, other, [], problems)
      },
      withoutKeys(tree, (key) => key === 'include'),
    )
  }

  const open = (path: string, from: string, report: (message: string) => void): IncludedFile | undefined => {
    if (include === undefined) return void report('files cannot be included here')
    try {
      return include(path, from)
    } catch (error) {
      return void report(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  return read(main, [])
}

interface WrittenInclude {
  readonly path: string
  readonly report: (message: string) => void
}

function includes(tree: Tree, problems: Problem[]): readonly WrittenInclude[] {
  const written = tree.type === 'map' ? tree.entries.get('include')?.value : undefined
  if (written === undefined || isNothing(written)) return []
  const isList = written.type === 'list'
  return (isList ? written.items : [written]).flatMap((item, index) => {
    const report = (message: string) => {
      problems.push(problemAt(item.position, 'error', isList ? ['include', index] : ['include'], message))
    }
    if (item.type === 'scalar' && typeof item.value === 'string' && item.value !== '')
      return [{ path: item.value, report }]
    report('expected the path of a file')
    return []
  })
}

function merge(main: Tree, other: Tree, path: Path, problems: Problem[]): Tree {
  if (isNothing(main)) return other
  if (main.type === 'list' && other.type === 'list') return { ...main, items: [...main.items, ...other.items] }
  if (main.type !== 'map' || other.type !== 'map') return main
  const entries = new Map<string, Entry>(main.entries)
  for (const [key, theirs] of other.entries) {
    const ours = entries.get(key)
    const ownPath = [...path, theirs.written]
    if (ours && isOverruled(ours.value, theirs.value)) problems.push(overruled(ours, theirs, ownPath))
    entries.set(key, ours ? { ...ours, value: merge(ours.value, theirs.value, ownPath, problems) } : theirs)
  }
  return { ...main, entries } satisfies MapTree
}

function isOverruled(ours: Tree, theirs: Tree): boolean {
  if (isNothing(ours) || isNothing(theirs)) return false
  if (ours.type === 'scalar' && theirs.type === 'scalar') return ours.value !== theirs.value
  return ours.type !== theirs.type
}

function overruled(ours: Entry, theirs: Entry, path: Path): Problem {
  const { file, line, column } = ours.position
  return problemAt(theirs.position, 'warning', path, `is ignored, because ${file}:${line}:${column} sets it too`)
}
