import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A published package, to the byte. */
export interface PinnedPackage {
  readonly name: string
  readonly version: string
  readonly license: string
  /** As the lockfiles of npm have it. */
  readonly integrity: string
}

/** Where the facts come from. To take newer ones: another version, and its `npm view <name>@<version> dist.integrity`. */
export const sources: Readonly<Record<'prices' | 'catalog', PinnedPackage>> = {
  prices: {
    name: '@pydantic/genai-prices',
    version: '0.1.8',
    license: 'MIT',
    integrity: 'sha512-h7CYw6qTyflG2zUndO8tXyL8Xopf+tX9JZu13h0ZFgeyYj+J2gm1edR4+R+mbQ2vPdkFjtTmmmu1cYQPM5/KTA==',
  },
  catalog: {
    name: '@earendil-works/pi-ai',
    version: '1.5.2',
    license: 'MIT',
    integrity: 'sha512-2tWPSnV3qzfiDIY3aWluBag3vC++Vs+VsXt/UquSU5onPMohPih72FUhIhaqmDdMYubOgB3Byl9uF4Vk40JLvQ==',
  },
}

/** Downloads a package into a folder and unpacks it there, when it is the one that was pinned; gives its folder. */
export function unpack({ name, version, integrity }: PinnedPackage, folder: string): string {
  const target = join(folder, name.replace('/', '-'))
  mkdirSync(target, { recursive: true })
  const options: ExecFileSyncOptionsWithStringEncoding = {
    cwd: target,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }
  const packed = JSON.parse(execFileSync('npm', ['pack', '--json', '--ignore-scripts', `${name}@${version}`], options))
  const tarball = join(target, packed[0].filename)
  const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  if (found !== integrity) throw new Error(`${name}@${version} is not what was pinned: it is ${found}.`)
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1'], options)
  return target
}
