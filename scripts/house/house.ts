import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PluginKind } from '@tianjillm/core'

/** A TypeScript file of a package's `src`. */
export interface Source {
  /** Below the root, with slashes. */
  readonly path: string
  readonly text: string
}

/** A package.json, as far as the rules look at it. */
export interface Manifest {
  readonly [field: string]: unknown
  readonly version?: string
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** One folder with a package in it, or what should become one. */
export interface Package {
  /** Below the root, with slashes: `plugins/provider/jina-ai`. */
  readonly path: string
  /** `jina-ai` */
  readonly folder: string
  /** All files but what tools leave behind, below `path`, sorted. */
  readonly files: readonly string[]
  /** As it is written; empty when there is none. */
  readonly manifestText: string
  readonly manifest: Manifest
  readonly sources: readonly Source[]
}

export interface PluginPackage extends Package {
  readonly kind: PluginKind
  /** As configurations spell it: `jina_ai`. */
  readonly name: string
}

/** Everything the rules look at, read once. */
export interface House {
  /** Absolute. */
  readonly root: string
  readonly packages: readonly Package[]
  readonly apps: readonly Package[]
  readonly plugins: readonly PluginPackage[]
  /** Libraries of which the workspace holds one version. */
  readonly catalog: ReadonlySet<string>
}

export const pluginKinds: readonly PluginKind[] = ['provider', 'search', 'guardrail', 'callback']

/** What tools leave in a folder. */
const leftBehind = new Set(['node_modules', 'dist', '.git', '.turbo', 'coverage'])

export function readHouse(root: string): House {
  const packagesIn = (folder: string) => foldersIn(root, folder).map((path) => readPackage(root, path))
  return {
    root,
    packages: packagesIn('packages'),
    apps: packagesIn('apps'),
    plugins: pluginKinds.flatMap((kind) =>
      packagesIn(`plugins/${kind}`).map((found) => ({ ...found, kind, name: found.folder.replaceAll('-', '_') })),
    ),
    catalog: readCatalog(root),
  }
}

/** All files below a folder but what tools leave behind; sorted, with slashes. */
export function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !leftBehind.has(name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name]
      return filesIn(join(folder, entry.name)).map((path) => `${entry.name}/${path}`)
    })
    .sort()
}

/** Folders that hold nothing but what tools leave behind are left behind as well. */
function foldersIn(root: string, parent: string): readonly string[] {
  if (!existsSync(join(root, parent))) return []
  return readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && filesIn(join(root, parent, entry.name)).length > 0)
    .map(({ name }) => `${parent}/${name}`)
    .sort()
}

function readPackage(root: string, path: string): Package {
  const files = filesIn(join(root, path))
  const manifestText = files.includes('package.json') ? readFileSync(join(root, path, 'package.json'), 'utf8') : ''
  return {
    path,
    folder: path.slice(path.lastIndexOf('/') + 1),
    files,
    manifestText,
    manifest: manifestText === '' ? {} : (JSON.parse(manifestText) as Manifest),
    sources: files
      .filter((file) => /^src\/.*\.ts$/.test(file))
      .map((file) => ({ path: `${path}/${file}`, text: readFileSync(join(root, path, file), 'utf8') })),
  }
}

/** The names below `catalog:` in pnpm-workspace.yaml. */
function readCatalog(root: string): ReadonlySet<string> {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const block = /^catalog:\n((?: +.*\n?|\n)*)/m.exec(text)?.[1] ?? ''
  return new Set([...block.matchAll(/^ +["']?([^"'\s:]+)["']?:/gm)].map((match) => match[1]!))
}
