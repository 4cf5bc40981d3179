import type { PluginKind } from '@tianjillm/core'

/** What a plugin says of itself, as far as its package.json repeats it. */
export interface PluginFacts {
  readonly kind: PluginKind
  readonly name: string
  readonly title: string
  /** Only providers and searches have it. */
  readonly env?: readonly string[]
}

type Dependencies = Readonly<Record<string, string>>

/** What of a plugin's package.json is its author's own. */
export interface KeptFields {
  readonly version?: string
  readonly dependencies?: Dependencies
  readonly devDependencies?: Dependencies
}

/** A plugin's package.json, field by field in its order. */
export interface PluginManifest extends KeptFields {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: 'MIT'
  readonly type: 'module'
  readonly sideEffects: readonly string[]
  readonly exports: Readonly<Record<string, ExportTarget>>
  readonly files: readonly string[]
  readonly engines: { readonly node: string }
  readonly scripts: { readonly build: string }
  readonly peerDependencies: Dependencies
  readonly devDependencies: Dependencies
  readonly tianji: { readonly kind: PluginKind; readonly name: string; readonly env?: readonly string[] }
}

/** One entry of `exports`; the order of the conditions counts. */
export interface ExportTarget {
  readonly '@tianjillm/source': string
  readonly types: string
  readonly default: string
}

/** The oldest node that runs what we publish. */
export const ENGINES = { node: '>=22.18' }

const CORE = '@tianjillm/core'

/** The one source of what a plugin's package.json is: the scaffold writes it, the house check compares with it. */
export function pluginManifest({ kind, name, title, env = [] }: PluginFacts, kept: KeptFields): PluginManifest {
  const { [CORE]: _, ...dependencies } = kept.dependencies ?? {}
  return {
    name: packageNameOf(kind, name),
    version: kept.version ?? '1.0.0',
    description: `${title} for TianjiLLM.`,
    license: 'MIT',
    type: 'module',
    sideEffects: ['./src/index.ts', './dist/index.js'],
    exports: { '.': exportTarget('index') },
    files: ['dist'],
    engines: ENGINES,
    scripts: { build: buildScript(3) },
    ...(Object.keys(dependencies).length > 0 && { dependencies: workspaceVersions(dependencies) }),
    peerDependencies: workspaceVersions({ [CORE]: '' }),
    devDependencies: workspaceVersions({ ...kept.devDependencies, '@tianjillm/testing': '' }),
    tianji: { kind, name, ...(env.length > 0 && { env }) },
  }
}

/** `jina_ai` is `@tianjillm/provider-jina-ai`. */
export function packageNameOf(kind: PluginKind, name: string): string {
  return `@tianjillm/${kind}-${folderOf(name)}`
}

/** `jina_ai` lives in `jina-ai`. */
export function folderOf(name: string): string {
  return name.replaceAll('_', '-')
}

/** `jina_ai` exports `jinaAi`. */
export function identifierOf(name: string): string {
  return name.replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The entry of `exports` for `src/<path>.ts`. */
export function exportTarget(path: string): ExportTarget {
  return { '@tianjillm/source': `./src/${path}.ts`, types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` }
}

/** The build of a package that lies this many folders below the root. */
export function buildScript(depth: number): string {
  return `tsup --config ${'../'.repeat(depth)}tsup.config.ts`
}

/** Ours from the workspace, all others from its catalog; sorted. */
export function workspaceVersions(dependencies: Dependencies): Dependencies {
  const names = Object.keys(dependencies).sort()
  return Object.fromEntries(names.map((name) => [name, name.startsWith('@tianjillm/') ? 'workspace:^' : 'catalog:']))
}

/** A package.json as the formatter leaves it: lists of texts on one line. */
export function manifestText(manifest: object): string {
  const text = JSON.stringify(manifest, null, 2)
  return `${text.replace(/\[\s+("[^[\]]*")\s+\]/g, (_, items: string) => `[${items.replace(/\s*\n\s*/g, ' ')}]`)}\n`
}
