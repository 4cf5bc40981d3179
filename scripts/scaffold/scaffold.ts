import type { PluginKind } from '@tianjillm/core'
import { indexText } from '../house/plugins.ts'
import { manifestText, pluginManifest } from '../plugin-manifest.ts'
import { batchCallback } from './callback.ts'
import { httpGuardrail } from './guardrail.ts'
import { pluginNames } from './names.ts'
import { compatibleProvider, httpProvider } from './provider.ts'
import { search } from './search.ts'
import type { WriteTemplate } from './template.ts'

/** What a plugin of each kind can stand on, the usual base first. */
export const templates: Readonly<Record<PluginKind, Readonly<Record<string, WriteTemplate>>>> = {
  provider: { 'openai-compatible': compatibleProvider, http: httpProvider },
  search: { http: search },
  guardrail: { 'http-guardrail': httpGuardrail },
  callback: { 'batch-callback': batchCallback },
}

/** A new plugin, not yet written to disk. */
export interface Scaffold {
  /** Below the root, with slashes: `plugins/provider/acme-cloud`. */
  readonly path: string
  /** What each file below `path` holds. */
  readonly files: Readonly<Record<string, string>>
}

/** The files of a new plugin. Throws for a kind, a name or a base that cannot be. */
export function scaffold(kind: string, name: string, base?: string): Scaffold {
  if (!isPluginKind(kind))
    throw new Error(`There is no kind "${kind}". Use one of: ${Object.keys(templates).join(', ')}.`)
  const bases = templates[kind]
  const wanted = base ?? Object.keys(bases)[0]!
  if (!Object.hasOwn(bases, wanted))
    throw new Error(`A ${kind} has no base "${base}". Use one of: ${Object.keys(bases).join(', ')}.`)
  const names = pluginNames(kind, name)
  const { folder, identifier, title } = names
  const { source, test, readme, dependencies, env = [] } = bases[wanted]!(names)
  const manifest = pluginManifest({ kind, name, title, env }, { dependencies: withoutVersions(dependencies) })
  return {
    path: `plugins/${kind}/${folder}`,
    files: {
      'package.json': manifestText(manifest),
      'README.md': readme,
      [`src/${folder}.ts`]: source,
      'src/index.ts': indexText(folder, identifier),
      [`test/${folder}.test.ts`]: test,
    },
  }
}

function isPluginKind(kind: string): kind is PluginKind {
  return Object.hasOwn(templates, kind)
}

/** The manifest brings the versions. */
function withoutVersions(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, '']))
}
