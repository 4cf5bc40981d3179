import { execFile } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { readConfig } from '@tianjillm/config'
import { errorKinds } from '@tianjillm/core'
import { afterAll, describe, expect, it } from 'vitest'
import { type Block, blocksIn, headingsIn, linksIn } from './markdown.ts'

const root = join(import.meta.dirname, '../../..')
/** Within the gateway, whose dependencies the blocks may use; a folder that tools leave behind and git ignores. */
const workshop = join(import.meta.dirname, '../coverage/docs')

/** The sections by which a configuration is known. */
const sections = /^(model_list|guardrails|search_tools|callbacks|plugins|\w+_settings|environment_variables):/m

const documents: ReadonlyMap<string, string> = new Map(
  globSync(['*.md', '{docs,examples}/**/*.md', '{packages,apps}/*/README.md', 'plugins/*/*/README.md'], { cwd: root })
    .toSorted()
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
)

const allBlocks = [...documents].flatMap(([path, text]) => blocksIn(text).map((block) => ({ path, ...block })))
const blocksOf = (language: string) => allBlocks.filter((block) => block.language === language)

writeBlocks()
afterAll(() => rmSync(workshop, { recursive: true, force: true }))

describe('TypeScript in the documents', () => {
  it('type-checks', async () => {
    expect(blocksOf('ts').length).toBeGreaterThan(30)
    expect(await typeErrors()).toBe('')
  })

  it('is, where it is quoted, what the source says', () => {
    const quotes = blocksOf('typescript')
    expect(quotes.length).toBeGreaterThan(0)
    for (const { path, text } of quotes) {
      const [, file, quoted] = /^\/\/ (\S+)\n([\s\S]*)$/.exec(text) ?? []
      expect(readFileSync(join(root, file!), 'utf8').includes(quoted!), `${path} quotes ${file} as it is`).toBe(true)
    }
  })
})

describe('YAML in the documents', () => {
  const configurations = blocksOf('yaml').filter(({ text }) => sections.test(text))

  it('has configurations', () => expect(configurations.length).toBeGreaterThan(15))

  for (const { path, line, text } of configurations)
    it(`${path}:${line} is a configuration without a fault`, () => {
      const include = (file: string) => ({ file, text: 'model_list: []' })
      const { problems } = readConfig(text, { file: path, env: (name) => `value of ${name}`, include })
      expect(problems).toEqual([])
    })

  it("of README.md is the example's", () => {
    const example = readFileSync(join(root, 'examples/proxy_config.yaml'), 'utf8')
    expect(blocksOf('yaml').find(({ path }) => path === 'README.md')?.text).toBe(example)
  })
})

describe('links in the documents', () => {
  const links = [...documents].flatMap(([path, text]) =>
    linksIn(text).flatMap((link) => (/^[a-z]+:/.test(link) ? [] : [[path, link] as const])),
  )

  it('are there', () => expect(links.length).toBeGreaterThan(30))

  it.each(links)('%s links to %s, which is there', (path, link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : relative(root, join(root, dirname(path), file))
    expect(existsSync(join(root, target))).toBe(true)
    if (anchor !== undefined) expect(headingsIn(documents.get(target)!)).toContain(anchor)
  })
})

describe('docs/architecture.md', () => {
  it('has every error in its table', () => {
    const text = documents.get('docs/architecture.md')!.replace(/ +/g, ' ')
    const rows = Object.entries(errorKinds).map(([kind, { status, code, isRetryable }]) =>
      ['', `\`${kind}\``, status, code && `\`${code}\``, isRetryable && 'yes', '']
        .map((cell) => cell || '')
        .join(' | '),
    )
    const squeezed = rows.map((row) => row.trim().replace(/ +/g, ' '))
    expect(squeezed.filter((row) => !text.includes(row))).toEqual([])
  })
})

// What the tutorial builds is tested as it says: its test runs here.
await import(join(workshop, 'docs/writing-a-plugin.md/plugins/provider/ollama/test/ollama.test.ts'))

/** Each block as a file of its own; its lines keep their numbers. A first line such as `// src/acme.ts` names it. */
function writeBlocks(): void {
  rmSync(workshop, { recursive: true, force: true })
  for (const block of blocksOf('ts')) {
    const target = join(workshop, block.path, nameOf(block))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, `${'\n'.repeat(block.line)}${block.text}\nexport {}\n`)
  }
  // A document's code is no library: what nobody uses may be there, and exported types need not be spelt out.
  const compilerOptions = { isolatedDeclarations: false, declaration: false, noUnusedLocals: false }
  const config = {
    extends: relative(workshop, join(root, 'tsconfig.base.json')),
    compilerOptions,
    include: ['**/*.ts'],
  }
  writeFileSync(join(workshop, 'tsconfig.json'), JSON.stringify(config))
}

function nameOf({ line, text }: Block): string {
  return /^\/\/ ([\w./-]+\.ts)$/m.exec(text.split('\n', 1)[0]!)?.[1] ?? `line-${line}.ts`
}

/** What the compiler says, by document and line. */
function typeErrors(): Promise<string> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  return new Promise((resolve) =>
    execFile(process.execPath, [compiler, '-p', workshop, '--pretty', 'false'], { cwd: workshop }, (error, output) =>
      resolve(error ? output || String(error) : ''),
    ),
  )
}
