import { folderOf } from '../plugin-manifest.ts'
import type { Difference } from './difference.ts'
import type { House, Package } from './house.ts'
import { codeOf, lineOf } from './source.ts'

/** Names of plugins that are also something else. */
const alsoElse: ReadonlySet<string> = new Set([
  // Wire formats, spoken by many.
  'anthropic',
  'gemini',
  'openai',
  // Words.
  'email',
  'infinity',
  'mock',
])

/** They serve the models of other vendors, under ids with the vendors' names in them. */
const marketplaces: ReadonlySet<string> = new Set(['packages/bedrock-converse', 'plugins/provider/bedrock'])

/** A base of one vendor's plugins, which may have the names of its services: they stand in what is signed. */
const vendorBases: ReadonlySet<string> = new Set(['packages/aws'])

/** What operators write or look up, as data. */
const dataFiles = /^packages\/(config\/src\/(aliases|effects|known-keys)\.ts|models\/)/

/** A vendor's name appears only in its own folder: elsewhere it is a case distinction in disguise. */
export function checkVendorNames({ packages, plugins, apps }: House): readonly Difference[] {
  const vendors = [...new Set(plugins.map(({ name }) => name))].filter((name) => !alsoElse.has(name))
  return [...packages, ...plugins, ...apps]
    .filter(({ path }) => !marketplaces.has(path) && !vendorBases.has(path))
    .flatMap((found) =>
      found.sources
        .filter(({ path }) => !dataFiles.test(path))
        .flatMap(({ path, text }) => {
          const foreign = vendors.filter((name) => !isOwn(name, found))
          return namesIn(codeOf(text), foreign).map(({ name, line }) => ({
            path,
            line,
            says: `names ${name}, which only its own folder may do`,
          }))
        }),
    )
}

/** Also a name that the folder's contains: `langfuse-otel` may say `langfuse`. */
function isOwn(vendor: string, { folder }: Package): boolean {
  return `-${folder}-`.includes(`-${folderOf(vendor)}-`)
}

interface Named {
  readonly name: string
  /** Of the first place. */
  readonly line: number
}

/** Which of the names occur as whole words: `jina_ai` in `JINA_AI_KEY` and `jinaAi`, but `aim` not in `claim`. */
function namesIn(code: string, names: readonly string[]): readonly Named[] {
  const words = [...code.matchAll(/[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+/g)]
  const found = new Map<string, number>()
  for (const [position, { index }] of words.entries())
    for (const name of names)
      if (!found.has(name) && startsWithName(words, position, name)) found.set(name, lineOf(code, index))
  return [...found].map(([name, line]) => ({ name, line }))
}

/** Whether the words from this one on, with nothing but `_` or `-` between them, make up the name. */
function startsWithName(words: readonly RegExpMatchArray[], position: number, name: string): boolean {
  let rest = name.replaceAll('_', '')
  let end = words[position]!.index!
  for (const word of words.slice(position, position + name.length)) {
    const between = word.index! - end
    if (between > 1 || !rest.startsWith(word[0].toLowerCase())) return false
    if (between === 1 && !/[-_]/.test(word.input![end]!)) return false
    rest = rest.slice(word[0].length)
    end = word.index! + word[0].length
    if (rest === '') return true
  }
  return false
}
