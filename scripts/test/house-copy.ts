import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { filesIn } from '../house/house.ts'

/** The repository these tests belong to. */
export const ROOT: string = resolve(import.meta.dirname, '../..')

/** A copy of the repository that can be run and written to. */
export interface HouseCopy {
  readonly root: string
  /** Every file's bytes by its path, as text of one byte a character. */
  files(): ReadonlyMap<string, string>
  /** Links a new package and its dependencies, as an install would. */
  link(path: string): void
  remove(): void
}

/**
 * Copies the working tree, uncommitted files included. Our packages are copied and link to each other; what is
 * installed from outside is only linked to.
 */
export function copyHouse(): HouseCopy {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'house-')))
  for (const entry of readdirSync(ROOT))
    if (!['.git', '.turbo', 'data', 'node_modules'].includes(entry))
      cpSync(join(ROOT, entry), join(root, entry), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => !['dist', '.turbo'].includes(basename(path)),
      })
  linkInstalled(root)
  return {
    root,
    files: () => new Map(filesIn(root).map((path) => [path, readFileSync(join(root, path), 'latin1')])),
    link: (path) => linkPackage(root, path),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

function linkInstalled(root: string): void {
  const installed = join(ROOT, 'node_modules')
  mkdirSync(join(root, 'node_modules'))
  for (const entry of readdirSync(installed))
    if (entry === '@tianjillm')
      cpSync(join(installed, entry), join(root, 'node_modules', entry), { recursive: true, verbatimSymlinks: true })
    else if (!entry.startsWith('.') || entry === '.bin' || entry === '.pnpm')
      symlinkSync(join(installed, entry), join(root, 'node_modules', entry))
}

function linkPackage(root: string, path: string): void {
  const { name, dependencies = {} } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly dependencies?: Readonly<Record<string, string>>
  }
  const hoisted = join(root, 'node_modules', name)
  symlinkSync(relative(join(hoisted, '..'), join(root, path)), hoisted)
  const libraries = Object.keys(dependencies).filter((dependency) => !dependency.startsWith('@tianjillm/'))
  for (const library of libraries) {
    mkdirSync(join(root, path, 'node_modules'), { recursive: true })
    symlinkSync(
      realpathSync(join(ROOT, 'packages/core/node_modules', library)),
      join(root, path, 'node_modules', library),
    )
  }
}
