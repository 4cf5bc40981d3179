import { buildScript, ENGINES, exportTarget, workspaceVersions } from '../plugin-manifest.ts'
import type { Difference } from './difference.ts'
import type { House, Manifest, Package } from './house.ts'

/** Tools are configured once, at the root. */
const configFile = /^(tsconfig.*\.json|(vitest|vite|tsup)\.config\.[cm]?[jt]s|biome\.jsonc?|turbo\.json)$/

/** What every package and app has in common, plugins included. */
export function checkPackages({ packages, apps, plugins, catalog }: House): readonly Difference[] {
  const libraries = [...packages, ...apps]
  return [
    ...libraries.flatMap((found) => [...checkFields(found), ...checkReadme(found)]),
    ...[...libraries, ...plugins].flatMap((found) => [...checkConfigFiles(found), ...checkVersions(found, catalog)]),
  ]
}

function checkFields({ path, folder, files, manifest }: Package): readonly Difference[] {
  const wanted: Manifest = {
    name: `@tianjillm/${folder}`,
    license: 'MIT',
    type: 'module',
    files: files.some((file) => file.startsWith('data/')) ? ['dist', 'data'] : ['dist'],
    engines: ENGINES,
    scripts: { build: buildScript(2) },
  }
  const problems = [
    ...Object.keys(wanted)
      .filter((field) => JSON.stringify(manifest[field]) !== JSON.stringify(wanted[field]))
      .map((field) => `"${field}" should be ${JSON.stringify(wanted[field])}`),
    ...['version', 'description']
      .filter((field) => typeof manifest[field] !== 'string')
      .map((field) => `lacks "${field}"`),
    ...(manifest.exports?.['.'] ? [] : ['"exports" lacks "."']),
    ...Object.entries(manifest.exports ?? {}).flatMap(([entry, target]) => problemsOf(entry, target, files)),
  ]
  return problems.map((says) => ({ path: `${path}/package.json`, says }))
}

/** An entry names one source, under three conditions in this order. */
function problemsOf(entry: string, target: unknown, files: readonly string[]): readonly string[] {
  const source = (target as { readonly '@tianjillm/source'?: unknown } | null)?.['@tianjillm/source']
  const path = /^\.\/src\/(.+)\.ts$/.exec(String(source))?.[1] ?? 'index'
  const wanted = JSON.stringify(exportTarget(path))
  if (JSON.stringify(target) !== wanted) return [`the export "${entry}" should be ${wanted}`]
  return files.includes(`src/${path}.ts`) ? [] : [`the export "${entry}" names src/${path}.ts, which is not there`]
}

function checkReadme({ path, files }: Package): readonly Difference[] {
  return files.includes('README.md') ? [] : [{ path, says: 'lacks README.md' }]
}

function checkConfigFiles({ path, files }: Package): readonly Difference[] {
  return files
    .filter((file) => configFile.test(file))
    .map((file) => ({
      path: `${path}/${file}`,
      says: 'does not belong in a package; tools are configured at the root',
    }))
}

/** Peers may be ranges, for what a user brings is the user's own. */
function checkVersions({ path, manifest }: Package, catalog: ReadonlySet<string>): readonly Difference[] {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest
  const ours = Object.entries(peerDependencies).filter(([name]) => name.startsWith('@tianjillm/'))
  const declared = [...Object.entries(dependencies), ...Object.entries(devDependencies), ...ours]
  const wanted = workspaceVersions(Object.fromEntries(declared))
  return declared.flatMap(([name, version]) => {
    const problems = [
      version !== wanted[name] && `${name} should be "${wanted[name]}", not "${version}"`,
      wanted[name] === 'catalog:' && !catalog.has(name) && `${name} is not in the catalog of pnpm-workspace.yaml`,
    ]
    return problems.filter((says) => says !== false).map((says) => ({ path: `${path}/package.json`, says }))
  })
}
