import type { PluginNames } from './names.ts'

/** What a kind of plugin begins with: working, but for the facts of a vendor that does not exist. */
export interface Template {
  /** Our bases and the libraries it imports, `@tianjillm/core` aside. */
  readonly dependencies: readonly string[]
  /** Environment variables of which any one makes it usable; providers and searches have them. */
  readonly env?: readonly string[]
  /** `src/<folder>.ts` */
  readonly source: string
  /** `test/<folder>.test.ts` */
  readonly test: string
  readonly readme: string
}

/** Writes a template for a name. */
export type WriteTemplate = (names: PluginNames) => Template

/** A README's parts, without code fences. */
export interface ReadmeParts {
  /** One sentence, from the verb on. */
  readonly does: string
  readonly yaml: string
  readonly typescript: string
}

/** The README of a new plugin: what it does, one YAML block, one TypeScript block, its options. */
export function readme({ packageName, title, docs, variable, baseURL }: PluginNames, parts: ReadmeParts): string {
  return `# ${packageName}

[${title}](${docs}) ${parts.does}

\`\`\`yaml
${parts.yaml}
\`\`\`

\`\`\`ts
${parts.typescript}
\`\`\`

${table([
  ['option', 'default', 'meaning'],
  ['`api_key`', `\`${variable}_API_KEY\``, 'the key'],
  ['`api_base`', `\`${variable}_API_BASE\`, else \`${baseURL}\``, 'base URL'],
])}
`
}

/** A Markdown table with aligned columns; the first row is its head. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const [head, ...body] = rows
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
