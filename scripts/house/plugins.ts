import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  identifierOf,
  manifestText,
  type PluginFacts,
  type PluginManifest,
  packageNameOf,
  pluginManifest,
} from '../plugin-manifest.ts'
import type { Difference } from './difference.ts'
import type { House, PluginPackage } from './house.ts'

const LONGEST_SOURCE = 400
const LONGEST_README = 25

/** Every plugin looks like every other: the same files, the same index, a package.json that says what the plugin says. */
export async function checkPlugins({ root, plugins }: House): Promise<readonly Difference[]> {
  const differences = await Promise.all(
    plugins.map(async (plugin) => [
      ...checkFiles(plugin),
      ...checkIndex(plugin),
      ...checkLength(plugin),
      ...checkReadme(root, plugin),
      ...(await checkDescription(root, plugin)),
    ]),
  )
  return differences.flat()
}

function checkFiles({ path, folder, files }: PluginPackage): readonly Difference[] {
  const required = ['README.md', 'package.json', 'src/index.ts', `src/${folder}.ts`]
  const isWelcome = (file: string) =>
    required.includes(file) || file === 'CHANGELOG.md' || /^test\/[^/]+\.test\.ts$/.test(file)
  return [
    ...required.filter((file) => !files.includes(file)).map((file) => ({ path, says: `lacks ${file}` })),
    ...(files.some((file) => file.endsWith('.test.ts')) ? [] : [{ path, says: `lacks test/${folder}.test.ts` }]),
    ...files
      .filter((file) => !isWelcome(file))
      .map((file) => ({ path: `${path}/${file}`, says: 'does not belong in a plugin' })),
  ]
}

/** The same three statements everywhere. */
export function indexText(folder: string, identifier: string): string {
  return `import { register } from '@tianjillm/core'
import { ${identifier} } from './${folder}.ts'

register(${identifier})

export { ${identifier} }
`
}

function checkIndex({ folder, name, sources }: PluginPackage): readonly Difference[] {
  const index = sources.find(({ path }) => path.endsWith('/src/index.ts'))
  const fixed = indexText(folder, identifierOf(name))
  if (index === undefined || index.text === fixed) return []
  return [{ path: index.path, says: `should register and export ${identifierOf(name)}, and do nothing else`, fixed }]
}

function checkLength({ sources }: PluginPackage): readonly Difference[] {
  return sources
    .filter(({ text }) => linesOf(text) > LONGEST_SOURCE)
    .map(({ path, text }) => ({
      path,
      says: `has ${linesOf(text)} lines; what needs more than ${LONGEST_SOURCE} is a wire worth a package`,
    }))
}

function checkReadme(root: string, plugin: PluginPackage): readonly Difference[] {
  if (!plugin.files.includes('README.md')) return []
  const path = `${plugin.path}/README.md`
  const text = readFileSync(join(root, path), 'utf8')
  const packageName = packageNameOf(plugin.kind, plugin.name)
  const problems = [
    linesOf(text) > LONGEST_README && `has ${linesOf(text)} lines where ${LONGEST_README} must do`,
    !blockOf(text, 'yaml').includes(plugin.name) && `needs a yaml block that configures ${plugin.name}`,
    !blockOf(text, 'ts').includes(`'${packageName}'`) && `needs a ts block that imports '${packageName}'`,
  ]
  return problems.filter((says) => says !== false).map((says) => ({ path, says }))
}

/** All code blocks of a language, as one text. */
function blockOf(markdown: string, language: string): string {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))]
    .map((match) => match[1]!)
    .join('\n')
}

/** What needs the plugin itself: its name, its kind, and the package.json that repeats them. */
async function checkDescription(root: string, plugin: PluginPackage): Promise<readonly Difference[]> {
  const path = `${plugin.path}/src/${plugin.folder}.ts`
  if (!plugin.sources.some((source) => source.path === path)) return []
  const identifier = identifierOf(plugin.name)
  const found = await import(pathToFileURL(join(root, path)).href).catch((error: unknown) => error)
  if (found instanceof Error) return [{ path, says: `cannot be imported, ${firstLine(found.message)}` }]
  const facts = (found as Readonly<Record<string, PluginFacts | undefined>>)[identifier]
  if (facts === undefined) return [{ path, says: `should export ${identifier}` }]
  const problems = (['kind', 'name'] as const)
    .filter((field) => facts[field] !== plugin[field])
    .map((field) => ({ path, says: `has the ${field} ${facts[field]}, but its folder says ${plugin[field]}` }))
  return problems.length > 0 ? problems : checkManifest(plugin, facts)
}

function checkManifest(
  { path, manifest, manifestText: text }: PluginPackage,
  facts: PluginFacts,
): readonly Difference[] {
  if (text === '') return []
  const wanted = pluginManifest(facts, manifest)
  return [
    ...(Object.keys(wanted) as (keyof PluginManifest)[])
      .filter((field) => JSON.stringify(manifest[field]) !== JSON.stringify(wanted[field]))
      .map((field) => `"${field}" should be ${inline(wanted[field])}`),
    ...Object.keys(manifest)
      .filter((field) => !(field in wanted))
      .map((field) => `"${field}" should not be there`),
  ].map((says) => ({ path: `${path}/package.json`, says, fixed: manifestText(wanted) }))
}

/** JSON on one line, with air. */
function inline(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\[ | \]/g, (bracket) => bracket.trim())
}

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\.$/, '')
}
