import type { Difference } from './difference.ts'
import type { House, Package, Source } from './house.ts'
import { codeOf, importsOf } from './source.ts'

const bases = [
  'anthropic-messages',
  'bedrock-converse',
  'aws',
  'batch-callback',
  'bedrock-converse',
  'gemini-content',
  'google-auth',
  'http-guardrail',
  'openai-compatible',
  'otlp',
]
const rooms = ['auto-router', 'cache', 'config', 'jwt', 'limits', 'models', 'prompts', 'router', 'store', 'tokens']
const upstairs = ['mcp', 'agent']

/** Who may know whom; nobody imports a plugin. A package that is not here is in no layer yet. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ...each(bases, ['core', ...bases]),
  ...each(rooms, ['core']),
  redis: ['core', 'cache', 'limits'],
  tenancy: ['core', 'store'],
  engine: ['core', ...rooms],
  testing: ['core', 'engine'],
  'testing-mcp': ['core', 'mcp'],
  ...each(upstairs, ['core', ...rooms, 'engine', ...upstairs]),
}
const pluginsMayImport = ['core', ...bases]
const appsMayImport = ['core', ...bases, ...rooms, 'redis', 'tenancy', 'engine', ...upstairs]

const OURS = '@tianjillm/'

/** Sources import only what their layer may know, and only what their package.json declares. */
export function checkLayers({ packages, plugins, apps }: House): readonly Difference[] {
  return [
    ...packages.flatMap((found) => {
      const allowed = mayImport[found.folder]
      if (allowed) return checkPackage(found, allowed)
      return [{ path: found.path, says: 'is in no layer; give it its place in scripts/house/layers.ts' }]
    }),
    ...plugins.flatMap((plugin) => checkPackage(plugin, pluginsMayImport)),
    ...apps.flatMap((app) => checkPackage(app, appsMayImport)),
  ]
}

function checkPackage(found: Package, allowed: readonly string[]): readonly Difference[] {
  const { dependencies, peerDependencies } = found.manifest
  const declared = Object.keys({ ...dependencies, ...peerDependencies })
  const path = `${found.path}/package.json`
  return [
    ...declared
      .filter((name) => !isAllowed(name, allowed))
      .map((name) => ({ path, says: `${layerOf(found)} must not depend on ${name}` })),
    ...found.sources.flatMap((source) => checkImports(found, source, allowed, declared)),
  ]
}

function checkImports(
  found: Package,
  { path, text }: Source,
  allowed: readonly string[],
  declared: readonly string[],
): readonly Difference[] {
  return importsOf(codeOf(text)).flatMap(({ specifier, line }) => {
    const problem = problemOf(specifier)
    return problem === undefined ? [] : [{ path, line, says: problem }]
  })

  function problemOf(specifier: string): string | undefined {
    if (specifier.startsWith('node:')) return undefined
    if (specifier.startsWith('.'))
      return leaves(specifier) ? `imports ${specifier}, which is outside the package` : undefined
    const name = packageOf(specifier)
    if (!isAllowed(name, allowed)) return `${layerOf(found)} must not import ${specifier}`
    return declared.includes(name) ? undefined : `imports ${name}, which package.json does not declare`
  }

  function leaves(specifier: string): boolean {
    return !new URL(specifier, `file:///${path}`).pathname.startsWith(`/${found.path}/`)
  }
}

function isAllowed(name: string, allowed: readonly string[]): boolean {
  return !name.startsWith(OURS) || allowed.includes(name.slice(OURS.length))
}

/** `@tianjillm/engine/node` is of `@tianjillm/engine`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function layerOf({ path, folder }: Package): string {
  return path.startsWith('plugins/') ? 'a plugin' : folder
}

function each(names: readonly string[], allowed: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(names.map((name) => [name, allowed]))
}
