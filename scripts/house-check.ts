import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Difference, formatDifference } from './house/difference.ts'
import { readHouse } from './house/house.ts'
import { checkLayers } from './house/layers.ts'
import { checkLeftovers } from './house/leftovers.ts'
import { checkPackages } from './house/packages.ts'
import { checkPlugins } from './house/plugins.ts'
import { checkVendorNames } from './house/vendor-names.ts'

/** Everything in which a tree is not as the house wants it, by path. */
export async function houseCheck(root: string): Promise<readonly Difference[]> {
  const house = readHouse(root)
  const differences = [
    ...checkPackages(house),
    ...(await checkPlugins(house)),
    ...checkLayers(house),
    ...checkVendorNames(house),
    ...checkLeftovers(root),
  ]
  return differences.sort((one, other) => one.path.localeCompare(other.path) || (one.line ?? 0) - (other.line ?? 0))
}

/** Writes what can be written, and gives the paths of the files. */
export async function houseFix(root: string): Promise<readonly string[]> {
  const fixed = new Map<string, string>()
  for (const difference of await houseCheck(root))
    if (difference.fixed !== undefined) fixed.set(difference.path, difference.fixed)
  for (const [path, text] of fixed) writeFileSync(join(root, path), text)
  return [...fixed.keys()]
}

if (import.meta.main) {
  const differences = await houseCheck(resolve(import.meta.dirname, '..'))
  for (const difference of differences) console.error(formatDifference(difference))
  process.exitCode = differences.length > 0 ? 1 : 0
}
