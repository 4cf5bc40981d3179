import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Models } from '../../packages/models/src/facts.ts'
import { sound } from '../../packages/models/src/sound.ts'
import { openCatalog } from './catalog.ts'
import { countPriced, merge } from './merge.ts'
import { sources, unpack } from './packages.ts'
import { openPrices } from './prices.ts'
import { readSupplement } from './supplement.ts'

/**
 * Writes packages/models/data anew, with the prices of today or of `--day 2026-11-21`. The same day, sources and
 * supplement give the same bytes.
 */
const { values } = parseArgs({ options: { day: { type: 'string', default: new Date().toISOString().slice(0, 10) } } })
const data = new URL('../../packages/models/data/', import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'model-map-'))
try {
  const models = merge({
    day: values.day,
    prices: await openPrices(unpack(sources.prices, folder)),
    catalog: openCatalog(unpack(sources.catalog, folder)),
    supplement: readSupplement(new URL('supplement.yaml', import.meta.url)),
  })
  const judged = sound(models)
  if (!judged.isSound) throw new Error(`The map is not sound: ${judged.reason}.`)
  if (judged.refused.length > 0) throw new Error(`The map has bad models: ${JSON.stringify(judged.refused)}`)
  writeFileSync(new URL('models.json', data), onePerLine(models))
  const about = { day: values.day, models: Object.keys(models).length, sources: Object.values(sources) }
  writeFileSync(new URL('about.json', data), `${JSON.stringify(about, undefined, 2)}\n`)
  console.log(`${about.models} models, ${countPriced(models)} of them with prices`)
} finally {
  rmSync(folder, { recursive: true })
}

/** A model a line, so that a difference can be read. */
function onePerLine(models: Models): string {
  const lines = Object.entries(models).map(([key, facts]) => `${JSON.stringify(key)}:${JSON.stringify(facts)}`)
  return `{\n${lines.join(',\n')}\n}\n`
}
