import type { Scrape } from '@tianjillm/core'

interface Family {
  /** Its HELP and TYPE lines. */
  readonly comments: Map<string, string>
  isGauge: boolean
  /** Values by name and labels. */
  readonly series: Map<string, number>
}

/** A series with its labels, in which a quoted `}` is no end; a value; perhaps a time. */
const sample = /^([^\s{#]+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?)\s+(\S+)/
const comment = /^# (HELP|TYPE) (\S+)(?: (.*))?$/

/**
 * The pages of several processes as one: counters, histograms and gauges are added up, series by series. Gauges that
 * say how something is, and not how much there is of it, show the highest value: their names end in `_state`. Of what
 * is left of a budget, which all processes spend from, the least is shown. Undefined when there is no page. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function mergeMetrics(pages: readonly Scrape[]): Scrape | undefined {
  const [first] = pages
  if (first === undefined) return undefined
  const families = new Map<string, Family>()
  for (const { body } of pages) readPage(body, families)
  const blocks = [...families.values()].map(
    ({ comments, series }) => `${[...comments.values(), ...[...series].map(lineOf)].join('\n')}\n`,
  )
  return { contentType: first.contentType, body: blocks.join('\n') }
}

function readPage(page: string, families: Map<string, Family>): void {
  // Lines belong to the family that was announced last: `name_bucket` and `name_sum` stand below `name`.
  let family: Family | undefined
  for (const line of page.split('\n')) {
    const [, kind, name, text] = comment.exec(line) ?? []
    if (kind !== undefined && name !== undefined) {
      family = familyOf(name, families)
      if (kind === 'TYPE') family.isGauge = text === 'gauge'
      if (!family.comments.has(kind)) family.comments.set(kind, line)
      continue
    }
    const [, key, value] = sample.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    family ??= familyOf('', families)
    add(family, key, Number(value.replace(/Inf$/, 'Infinity')))
  }
}

function familyOf(name: string, families: Map<string, Family>): Family {
  const known = families.get(name)
  if (known) return known
  const fresh: Family = { comments: new Map(), isGauge: false, series: new Map() }
  families.set(name, fresh)
  return fresh
}

function add({ isGauge, series }: Family, key: string, value: number): void {
  const before = series.get(key)
  if (before === undefined) series.set(key, value)
  else series.set(key, together(isGauge ? key : '', before, value))
}

function together(gauge: string, one: number, other: number): number {
  if (/_state(\{|$)/.test(gauge)) return Math.max(one, other)
  return /_budget(_remaining_hours)?_metric(\{|$)/.test(gauge) ? Math.min(one, other) : one + other
}

function lineOf([key, value]: readonly [string, number]): string {
  return `${key} ${String(value).replace('Infinity', 'Inf').replace(/^Inf/, '+Inf')}`
}
