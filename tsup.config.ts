import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isolatedDeclarationSync } from 'oxc-transform'
import { defineConfig, type Options } from 'tsup'

/** Entries are the sources that a package's `exports` and `bin` name under our condition: nothing is said twice. */
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const entry = Object.values<Record<string, string>>(manifest.exports ?? {}).map(
  (target) => target['@tianjillm/source']!,
)

/** Libraries that a package's build has within it. */
const bundled: readonly string[] = manifest.tianji?.bundled ?? []

const config: Options = defineConfig({
  // `node:sqlite` has no name without it.
  removeNodeProtocol: false,
  entry: [...entry, ...(manifest.tianji?.entries ?? [])],
  format: 'esm',
  target: 'node22',
  platform: 'neutral',
  external: [/^node:/],
  // Libraries of hundreds of small modules, which would take longer to be found than to be run.
  noExternal: [...bundled],
  dts: false,
  clean: true,
  sourcemap: true,
  onSuccess: async () => {
    writeDeclarations('src', 'dist')
    for (const name of bundled) copyFileSync(`node_modules/${name}/LICENSE`, `dist/LICENSE.${name}`)
  },
}) as Options

export default config

/** One .d.ts a source file; the sources spell all public types out (`isolatedDeclarations`). */
function writeDeclarations(from: string, to: string): void {
  for (const path of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.d.ts')) continue
    const { code, errors } = isolatedDeclarationSync(path, readFileSync(join(from, path), 'utf8'), { sourcemap: false })
    if (errors.length > 0) throw new Error(`${join(from, path)}: ${errors[0]!.message}`)
    const target = join(to, path.replace(/\.ts$/, '.d.ts'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, code.replace(/(from\s+|import\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2'))
  }
}
