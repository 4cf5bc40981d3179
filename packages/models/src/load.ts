import { readFile } from 'node:fs/promises'
import type { Models } from './facts.ts'
import { createModelMap, type ModelMap } from './model-map.ts'

let shipped: Promise<Models> | undefined
let shippedMap: Promise<ModelMap> | undefined

/**
 * The models that came with this package, under those given: the first say it best. Reads a file when it is first
 * asked, and keeps what it read.
 */
export function loadModelMap(...own: readonly Models[]): Promise<ModelMap> {
  shipped ??= readShipped()
  if (own.length > 0) return shipped.then((models) => createModelMap(...own, models))
  shippedMap ??= shipped.then((models) => createModelMap(models))
  return shippedMap
}

async function readShipped(): Promise<Models> {
  // Our own file, which a test judges with `sound`.
  return JSON.parse(await readFile(new URL('../data/models.json', import.meta.url), 'utf8')) as Models
}
