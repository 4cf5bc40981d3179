import { availableParallelism, cpus } from 'node:os'
import type { Figure, Measure } from './measures.ts'
import type { Sample } from './rounds.ts'

/** One figure of all variants: medians over the rounds. */
export interface Row {
  readonly measure: string
  readonly figure: Figure
  readonly values: Readonly<Record<string, number>>
  /** Ours divided by a peer's, taken inside each round. */
  readonly ratios: Readonly<Record<string, number>>
}

/** What a run of the bench found, as `--json` keeps it. */
export interface Report {
  readonly caption: string
  readonly variants: readonly string[]
  readonly rows: readonly Row[]
  readonly samples: readonly Sample[]
}

/** The variant that the others are compared with. */
export const OURS = 'tianji'

/** No gateway at all: nothing to be compared with. */
export const DIRECT = 'direct'

/** Figures from samples. Rows without any value are left out. */
export function summarize(
  samples: readonly Sample[],
  measures: readonly Measure[],
  variants: readonly string[],
): readonly Row[] {
  return measures.flatMap(({ name, figures }) => {
    const own = samples.filter(({ measure }) => measure === name)
    return figures
      .map((figure) => summarizeFigure(own, name, figure, variants))
      .filter(({ values }) => Object.keys(values).length > 0)
  })
}

function summarizeFigure(
  samples: readonly Sample[],
  measure: string,
  figure: Figure,
  variants: readonly string[],
): Row {
  const rounds = [...Map.groupBy(samples, ({ instance, round }) => `${instance}/${round}`).values()].map((round) =>
    valuesOf(round, figure),
  )
  const all = (of: (round: Map<string, number>) => number | undefined) =>
    median(rounds.map(of).filter((value) => value !== undefined))
  const pairs = (of: (variant: string) => number | undefined) =>
    Object.fromEntries(
      variants
        .map((variant) => [variant, of(variant)] as const)
        .filter((pair): pair is [string, number] => pair[1] !== undefined),
    )
  return {
    measure,
    figure,
    values: pairs((variant) => all((round) => round.get(variant))),
    ratios: pairs((variant) =>
      variant === OURS || variant === DIRECT ? undefined : all((round) => ratio(round.get(OURS), round.get(variant))),
    ),
  }
}

/** A figure of each variant in one round; the difference to `direct`, where that is what matters. */
function valuesOf(round: readonly Sample[], { name, isAdded }: Figure): Map<string, number> {
  const values = new Map(round.map(({ variant, values }) => [variant, values[name]] as const))
  const base = isAdded ? values.get(DIRECT) : 0
  const found = new Map<string, number>()
  for (const [variant, value] of values)
    if (value !== undefined && base !== undefined && Number.isFinite(value) && !(isAdded && variant === DIRECT))
      found.set(variant, value - base)
  return found
}

/** A difference can be nothing or less by chance; then there is no ratio. */
function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a !== undefined && b !== undefined && a > 0 && b > 0 ? a / b : undefined
}

/** The middle of some figures; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The table, in Markdown. */
export function formatTable(rows: readonly Row[], variants: readonly string[]): string {
  const shown = variants.filter((variant) => rows.some(({ values }) => variant in values))
  const peers = shown.filter((variant) => rows.some(({ ratios }) => variant in ratios))
  const head = ['', ...shown, ...peers.map((peer) => `${OURS} / ${peer}`)]
  const lines = rows.map(({ figure, values, ratios }) => [
    `${figure.title}, ${figure.unit}`,
    ...shown.map((variant) => formatNumber(values[variant], figure.digits)),
    ...peers.map((peer) => formatNumber(ratios[peer], 2)),
  ])
  return formatCells(head, lines)
}

/** A table in Markdown; all columns but the first hold numbers. */
export function formatCells(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index === 0 ? '---' : '--:'))
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A number with that many digits behind the point; nothing when there is none. */
export function formatNumber(value: number | undefined, digits: number): string {
  return value === undefined
    ? ''
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** The day, and what the figures were taken on. */
export function describeMachine(): string {
  const processor = cpus()[0]?.model ?? 'an unknown processor'
  return `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores of ${processor}`
}
