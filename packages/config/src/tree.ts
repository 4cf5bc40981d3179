import type { Path, Position } from './problem.ts'

/** A YAML value that remembers where it was written. */
export type Tree = MapTree | ListTree | ScalarTree

export interface MapTree {
  readonly type: 'map'
  readonly position: Position
  readonly entries: ReadonlyMap<string, Entry>
}

/** What a map holds under one key. */
export interface Entry {
  /** The key as written; the map may know it by another spelling. */
  readonly written: string
  /** Of the key. */
  readonly position: Position
  readonly value: Tree
}

export interface ListTree {
  readonly type: 'list'
  readonly position: Position
  readonly items: readonly Tree[]
}

export interface ScalarTree {
  readonly type: 'scalar'
  readonly position: Position
  readonly value: string | number | boolean | null
  /** The value came from an environment variable, so nobody may be shown it. */
  readonly isFromEnvironment?: true
}

/** The tree as plain data, which knows nothing of positions. */
export function toValue(tree: Tree): unknown {
  if (tree.type === 'scalar') return tree.value
  if (tree.type === 'list') return tree.items.map(toValue)
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, toValue(value)]))
}

/** Where a path leads. */
export interface Location {
  /** Of the value's key, or of the closest thing around it that is there. */
  readonly position: Position
  /** The path as the file spells it. */
  readonly written: Path
  /** Undefined when there is nothing at the path. */
  readonly value: Tree | undefined
}

/** Follows a path down the tree, as far as it goes. */
export function locate(tree: Tree, path: Path): Location {
  let location: Location = { position: tree.position, written: [], value: tree }
  for (const key of path) {
    const { value, position, written } = location
    const entry = value?.type === 'map' ? value.entries.get(String(key)) : undefined
    const item = value?.type === 'list' ? value.items[Number(key)] : undefined
    location = {
      position: entry?.position ?? item?.position ?? position,
      written: [...written, entry?.written ?? key],
      value: entry?.value ?? item,
    }
  }
  return location
}

/** The same map without some of its keys. */
export function withoutKeys(tree: Tree, isUnwanted: (key: string) => boolean): Tree {
  if (tree.type !== 'map') return tree
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => !isUnwanted(key))) }
}

/** Whether nothing was written: not even an empty map. */
export function isNothing(tree: Tree): boolean {
  return tree.type === 'scalar' && tree.value === null
}
