import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { formatDifference } from '../house/difference.ts'
import { indexText } from '../house/plugins.ts'
import { houseCheck, houseFix } from '../house-check.ts'
import { buildScript, exportTarget, manifestText, pluginManifest } from '../plugin-manifest.ts'
import { ROOT } from './house-copy.ts'

type Files = Readonly<Record<string, string | undefined>>

const roots: string[] = []
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true })
})

/** A house in a temporary folder; what is undefined is not written. */
function build(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'house-'))
  roots.push(root)
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const library = (name: string, changes: object = {}) =>
  manifestText({
    name: `@tianjillm/${name}`,
    version: '1.0.0',
    description: 'A part of the house.',
    license: 'MIT',
    type: 'module',
    exports: { '.': exportTarget('index') },
    files: ['dist'],
    engines: { node: '>=22.18' },
    scripts: { build: buildScript(2) },
    ...changes,
  })

const acme = 'plugins/provider/acme'
const acmeManifest = (changes: object = {}) => ({
  ...pluginManifest(
    { kind: 'provider', name: 'acme', title: 'Acme', env: ['ACME_API_KEY'] },
    { dependencies: { '@tianjillm/openai-compatible': 'workspace:^' } },
  ),
  ...changes,
})
const acmeSource = `export const acme = { kind: 'provider', name: 'acme', title: 'Acme', env: ['ACME_API_KEY'] }\n`
const acmeReadme = `# Acme

\`\`\`yaml
model_list: [{ model_name: large, litellm_params: { model: acme/large } }]
\`\`\`

\`\`\`ts
import { acme } from '@tianjillm/provider-acme'
\`\`\`
`

const rightHouse: Files = {
  'pnpm-workspace.yaml':
    'packages:\n  - packages/*\n\ncatalog:\n  "@hono/node-server": 2.1.8\n  valibot: 1.5.0\n\npmOnFail: ignore\n',
  'packages/core/package.json': library('core', { dependencies: { valibot: 'catalog:' } }),
  'packages/core/README.md': '# core\n',
  'packages/core/src/index.ts': `import * as v from 'valibot'\nexport { v }\n`,
  'packages/openai-compatible/package.json': library('openai-compatible', {
    peerDependencies: { '@tianjillm/core': 'workspace:^' },
  }),
  'packages/openai-compatible/README.md': '# openai-compatible\n',
  'packages/openai-compatible/src/index.ts': `export type { v } from '@tianjillm/core'\n`,
  'apps/gateway/package.json': library('gateway', { dependencies: { '@tianjillm/core': 'workspace:^' } }),
  'apps/gateway/README.md': '# gateway\n',
  'apps/gateway/src/index.ts': `import { createServer } from 'node:http'\nexport { createServer }\n`,
  [`${acme}/package.json`]: manifestText(acmeManifest()),
  [`${acme}/README.md`]: acmeReadme,
  [`${acme}/src/acme.ts`]: acmeSource,
  [`${acme}/src/index.ts`]: indexText('acme', 'acme'),
  [`${acme}/test/acme.test.ts`]: '',
}

const check = async (changes: Files) => (await houseCheck(build({ ...rightHouse, ...changes }))).map(formatDifference)

/** So that this file has in it nothing of what it looks for. */
const folder = (...names: readonly string[]) => `/${names.join('/')}`

/** What is changed in the house that is right, and what is then said. */
const wrongs: readonly (readonly [string, Files, readonly (string | RegExp)[]])[] = [
  [
    'a field of a package.json that is not as derived',
    { [`${acme}/package.json`]: manifestText(acmeManifest({ sideEffects: false })) },
    [`${acme}/package.json: "sideEffects" should be ["./src/index.ts", "./dist/index.js"] (npm run fix writes it).`],
  ],
  [
    'a package.json whose title or variables the plugin no longer has',
    { [`${acme}/src/acme.ts`]: acmeSource.replace('Acme', 'Acme Cloud').replace('ACME_API_KEY', 'ACME_KEY') },
    [
      `${acme}/package.json: "description" should be "Acme Cloud for TianjiLLM." (npm run fix writes it).`,
      `${acme}/package.json: "tianji" should be { "kind": "provider", "name": "acme", "env": ["ACME_KEY"] } (npm run fix writes it).`,
    ],
  ],
  [
    'export conditions in another order',
    {
      [`${acme}/package.json`]: manifestText(
        acmeManifest({ exports: { '.': Object.fromEntries(Object.entries(exportTarget('index')).reverse()) } }),
      ),
    },
    [/package\.json: "exports" should be \{ "\.": \{ "@tianjillm\/source": .* \(npm run fix writes it\)\.$/],
  ],
  [
    'the core as a dependency of a plugin',
    {
      [`${acme}/package.json`]: manifestText(
        acmeManifest({
          dependencies: { '@tianjillm/core': 'workspace:^', '@tianjillm/openai-compatible': 'workspace:^' },
        }),
      ),
    },
    [/"dependencies" should be \{ "@tianjillm\/openai-compatible": "workspace:\^" \} \(npm run fix writes it\)\.$/],
  ],
  [
    "a field that is nobody's",
    { [`${acme}/package.json`]: manifestText(acmeManifest({ main: './dist/index.js' })) },
    [`${acme}/package.json: "main" should not be there (npm run fix writes it).`],
  ],
  [
    'files that a plugin does not have, and files that it must have',
    { [`${acme}/README.md`]: undefined, [`${acme}/src/wire.ts`]: '', [`${acme}/test/acme.test.ts`]: undefined },
    [
      `${acme}: lacks README.md.`,
      `${acme}: lacks test/acme.test.ts.`,
      `${acme}/src/wire.ts: does not belong in a plugin.`,
    ],
  ],
  [
    'an index that does more than register and export',
    { [`${acme}/src/index.ts`]: `${indexText('acme', 'acme')}\nconsole.log('here')\n` },
    [`${acme}/src/index.ts: should register and export acme, and do nothing else (npm run fix writes it).`],
  ],
  [
    'a source of more than 400 lines',
    { [`${acme}/src/acme.ts`]: acmeSource + '\n'.repeat(400) },
    [`${acme}/src/acme.ts: has 401 lines; what needs more than 400 is a wire worth a package.`],
  ],
  [
    'a README that is long and shows something else',
    {
      [`${acme}/README.md`]:
        acmeReadme.replace('provider-acme', 'provider-other').replace('acme/large', 'large') + '\n'.repeat(20),
    },
    [
      `${acme}/README.md: has 29 lines where 25 must do.`,
      `${acme}/README.md: needs a yaml block that configures acme.`,
      `${acme}/README.md: needs a ts block that imports '@tianjillm/provider-acme'.`,
    ],
  ],
  [
    'a plugin that says another name or kind than its folder',
    { [`${acme}/src/acme.ts`]: `export const acme = { kind: 'search', name: 'acme2', title: 'Acme' }\n` },
    [
      `${acme}/src/acme.ts: has the kind search, but its folder says provider.`,
      `${acme}/src/acme.ts: has the name acme2, but its folder says acme.`,
    ],
  ],
  [
    'an export that is not the name in camelCase',
    { [`${acme}/src/acme.ts`]: acmeSource.replace('const acme', 'const Acme') },
    [`${acme}/src/acme.ts: should export acme.`],
  ],
  [
    'a plugin that cannot be imported',
    { [`${acme}/src/acme.ts`]: `throw new Error('Out of order.')\n` },
    [`${acme}/src/acme.ts: cannot be imported, Out of order.`],
  ],
  [
    'a package whose package.json differs, or whose README or source is missing',
    {
      'packages/core/README.md': undefined,
      'packages/core/package.json': library('core', {
        license: undefined,
        description: undefined,
        scripts: { build: 'tsc' },
        exports: { '.': exportTarget('index'), './node': exportTarget('node'), './data': './data.json' },
        dependencies: { valibot: 'catalog:' },
      }),
    },
    [
      'packages/core: lacks README.md.',
      'packages/core/package.json: "license" should be "MIT".',
      'packages/core/package.json: "scripts" should be {"build":"tsup --config ../../tsup.config.ts"}.',
      'packages/core/package.json: lacks "description".',
      'packages/core/package.json: the export "./node" names src/node.ts, which is not there.',
      /packages\/core\/package\.json: the export "\.\/data" should be \{"@tianjillm\/source":/,
    ],
  ],
  [
    "versions that are not the workspace's, and libraries that are not in the catalog",
    {
      'apps/gateway/package.json': library('gateway', {
        dependencies: { '@tianjillm/core': '^1.0.0', valibot: '1.5.0', left: 'catalog:' },
      }),
    },
    [
      'apps/gateway/package.json: @tianjillm/core should be "workspace:^", not "^1.0.0".',
      'apps/gateway/package.json: valibot should be "catalog:", not "1.5.0".',
      'apps/gateway/package.json: left is not in the catalog of pnpm-workspace.yaml.',
    ],
  ],
  [
    'configuration of tools below the root',
    { 'packages/core/tsconfig.json': '{}', 'apps/gateway/vitest.config.ts': '' },
    [
      'apps/gateway/vitest.config.ts: does not belong in a package; tools are configured at the root.',
      'packages/core/tsconfig.json: does not belong in a package; tools are configured at the root.',
    ],
  ],
  [
    'a package that is in no layer',
    {
      'packages/attic/package.json': library('attic'),
      'packages/attic/README.md': '',
      'packages/attic/src/index.ts': '',
    },
    ['packages/attic: is in no layer; give it its place in scripts/house/layers.ts.'],
  ],
  [
    'a package that knows who stands above it',
    {
      'packages/openai-compatible/package.json': library('openai-compatible', {
        dependencies: { '@tianjillm/engine': 'workspace:^' },
      }),
      'packages/openai-compatible/src/index.ts': `\nexport { run } from '@tianjillm/engine/node'\n`,
    },
    [
      'packages/openai-compatible/package.json: openai-compatible must not depend on @tianjillm/engine.',
      'packages/openai-compatible/src/index.ts:2: openai-compatible must not import @tianjillm/engine/node.',
    ],
  ],
  [
    'a plugin that imports the engine, another plugin, their files or what it does not declare',
    {
      [`${acme}/src/acme.ts`]: `${acmeSource}
import type { connect } from '@tianjillm/engine'
import type { other } from '@tianjillm/provider-other'
import type { wire } from '../../other/src/other.ts'
import type * as v from 'valibot'
export const later = (): Promise<unknown> => import('@tianjillm/gateway')
// import { nothing } from '@tianjillm/engine'
`,
    },
    [
      `${acme}/src/acme.ts:3: a plugin must not import @tianjillm/engine.`,
      `${acme}/src/acme.ts:4: a plugin must not import @tianjillm/provider-other.`,
      `${acme}/src/acme.ts:5: imports ../../other/src/other.ts, which is outside the package.`,
      `${acme}/src/acme.ts:6: imports valibot, which package.json does not declare.`,
      `${acme}/src/acme.ts:7: a plugin must not import @tianjillm/gateway.`,
    ],
  ],
  [
    "a vendor's name outside its own folder, but not in comments or within other words",
    {
      'packages/core/src/index.ts': `// As acme does.\nexport const acmes = 'pacmen'\nexport const isOdd = (name: string) => name === 'acme'\n`,
      'apps/gateway/src/index.ts': 'export const key = process.env.ACME_API_KEY\n',
    },
    [
      'apps/gateway/src/index.ts:1: names acme, which only its own folder may do.',
      'packages/core/src/index.ts:3: names acme, which only its own folder may do.',
    ],
  ],
  [
    'what one machine or one day has left',
    {
      'docs/start.md': `Go to ${folder('home', 'jane', 'gateway')}.\nnpm install --registry https://registry${'.npmjs.'}org\n`,
      'packages/core/src/index.ts': `// TODO later\n/* TODO(#12) soon */\nexport const TODO = 'TODO: /homeless'\n`,
    },
    [
      'docs/start.md:1: has a path of one machine.',
      'docs/start.md:2: names a package registry, which is for each machine to choose.',
      'packages/core/src/index.ts:1: leaves something to do without the number of an issue (#12).',
    ],
  ],
]

describe('house check', () => {
  it('has nothing to say of a house that is right', async () => {
    expect(await check({})).toEqual([])
  })

  for (const [what, changes, says] of wrongs)
    it(`tells of ${what}`, async () => {
      const said = await check(changes)
      expect(said).toHaveLength(says.length)
      for (const sentence of says)
        expect(said).toContainEqual(typeof sentence === 'string' ? sentence : expect.stringMatching(sentence))
    })

  it('writes what it can', async () => {
    const root = build({
      ...rightHouse,
      [`${acme}/package.json`]: manifestText({
        version: '1.4.0',
        dependencies: { '@tianjillm/openai-compatible': '*' },
      }),
      [`${acme}/src/index.ts`]: 'export {}\n',
    })
    expect(await houseFix(root)).toEqual([`${acme}/package.json`, `${acme}/src/index.ts`])
    expect(await houseCheck(root)).toEqual([])
    expect(JSON.parse(readFileSync(join(root, acme, 'package.json'), 'utf8'))).toEqual(
      acmeManifest({ version: '1.4.0' }),
    )
  })
})

describe('lint', () => {
  const ambient = `import { readFileSync } from 'node:fs'

export const now: number = Date.now()
export const today: Date = new Date()
export const chance: number = Math.random()
export const id: string = crypto.randomUUID()
export const key: unknown = process.env.ACME_API_KEY
export const answer: unknown = fetch('https://acme.example')
export const later: unknown = globalThis.fetch
export const text: string = readFileSync('secret', 'utf8')
`
  const lint = (files: Files) => {
    const root = build({ '.gitignore': 'node_modules\n', ...files })
    cpSync(join(ROOT, 'biome.json'), join(root, 'biome.json'))
    cpSync(join(ROOT, 'scripts/house'), join(root, 'scripts/house'), { recursive: true })
    const biome = join(ROOT, 'node_modules/.bin/biome')
    const { stderr } = spawnSync(biome, ['lint', '--reporter=concise', '--colors=off', '.'], {
      cwd: root,
      encoding: 'utf8',
    })
    return stderr.split('\n').filter((line) => line.startsWith('×'))
  }
  const lines = (said: readonly string[], path: string) =>
    said.flatMap((line) => (line.includes(path) ? [Number(/:(\d+):/.exec(line)?.[1])] : [])).sort((a, b) => a - b)

  it('keeps plugins and bases from files, clock, chance, environment and network of their own', () => {
    const said = lint({
      [`${acme}/src/acme.ts`]: ambient,
      'packages/aws/src/index.ts': ambient,
      'packages/core/src/index.ts': ambient,
      'packages/engine/src/index.ts': ambient,
    })
    expect(lines(said, acme)).toEqual([1, 3, 4, 5, 6, 7, 8, 9])
    expect(lines(said, 'packages/aws')).toEqual([1, 3, 4, 5, 6, 7, 8, 9])
    expect(lines(said, 'packages/core')).toEqual([1])
    expect(lines(said, 'packages/engine')).toEqual([])
  })

  it('refuses any, and tests that run alone or not at all', () => {
    const path = 'packages/core/test/core.test.ts'
    const said = lint({
      [path]: `import { it } from 'vitest'

it.only('runs alone', () => {})
it.skip('does not run', () => {})
export const anything = JSON.parse('1') as any
`,
    })
    expect(lines(said, path)).toEqual([3, 4, 5])
  })
})
