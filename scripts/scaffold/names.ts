import type { PluginKind } from '@tianjillm/core'
import { folderOf, identifierOf, packageNameOf } from '../plugin-manifest.ts'

/** One name in all its spellings. */
export interface PluginNames {
  readonly kind: PluginKind
  /** In configurations: `acme_cloud`. */
  readonly name: string
  /** `acme-cloud` */
  readonly folder: string
  /** `acmeCloud` */
  readonly identifier: string
  /** As a type's name begins: `AcmeCloud`. */
  readonly typeName: string
  /** `Acme Cloud`, until its author knows better. */
  readonly title: string
  /** As environment variables begin: `ACME_CLOUD`. */
  readonly variable: string
  /** `@tianjillm/provider-acme-cloud` */
  readonly packageName: string
  /** Placeholders, on a top-level domain that nobody can own. */
  readonly docs: string
  readonly baseURL: string
}

/** All spellings of a plugin's name. Throws for a name that configurations or TypeScript cannot say. */
export function pluginNames(kind: PluginKind, name: string): PluginNames {
  if (!/^[a-z0-9_]+$/.test(name)) throw new Error(`The name "${name}" must match /^[a-z0-9_]+$/, as acme_cloud does.`)
  if (!/^[a-z]/.test(name)) throw new Error(`The name "${name}" must begin with a letter: an export is named after it.`)
  const folder = folderOf(name)
  const identifier = identifierOf(name)
  return {
    kind,
    name,
    folder,
    identifier,
    typeName: capitalised(identifier),
    title: name.split('_').map(capitalised).join(' '),
    variable: name.toUpperCase(),
    packageName: packageNameOf(kind, name),
    docs: `https://${folder}.example/docs`,
    baseURL: `https://api.${folder}.example/v1`,
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
