import { DIRECT, formatNumber, OURS, type Report, type Row } from './report.ts'

/** The figures that are drawn, when they were taken: measure and name. Less is better in each. */
const drawn = [
  ['json', 'cpu'],
  ['stream', 'cpu'],
  ['ttft', 'p50'],
] as const

const WIDTH = 760
const TITLE = 'What a gateway costs'
const MARGIN = 24
/** Where bars begin, and how long the longest is; names stand before them, numbers behind. */
const LEFT = MARGIN + 72
const LONGEST = WIDTH - LEFT - MARGIN - 140
const BAR = 14
const LINE = 22

// Ground and ink change together: the page around may follow another setting than the image does.
const style = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .figure, text.ours { font-weight: 600 }
  .quiet { fill: #59636e; font-weight: 400 }
  .small { font-size: 11px }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .axis { stroke: #d1d9e0 }
  rect.peer { fill: #a3adb8 }
  rect.ours { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .card { fill: #0d1117; stroke: #3d444d }
    .axis { stroke: #3d444d }
    rect.peer { fill: #656c76 }
    rect.ours { fill: #f97316 }
  }`

/** The figures that say most as bars: an SVG file for light pages and dark ones. */
export function plot({ caption, rows, variants }: Report): string {
  const figures = drawn.flatMap(
    ([measure, name]) => rows.find((row) => row.measure === measure && row.figure.name === name) ?? [],
  )
  if (figures.length === 0) throw new Error('There is nothing to draw: the plot shows json, stream and ttft.')
  const parts = [
    text(MARGIN, 36, 'title', TITLE),
    text(MARGIN, 55, 'quiet', `Shorter is better. × says how many times as much as ${OURS}.`),
  ]
  let top = 88
  for (const row of figures) {
    const shown = variants.filter((variant) => variant !== DIRECT && variant in row.values)
    parts.push(text(MARGIN, top, 'figure', capitalized(row.figure.title)))
    parts.push(...shown.map((variant, index) => bar(row, variant, top + 8 + (index + 0.5) * LINE)))
    const bottom = top + 8 + shown.length * LINE
    parts.push(`<path class="axis" d="M${LEFT - 0.5} ${top + 8}V${bottom}"/>`)
    top = bottom + 28
  }
  for (const line of wrapped(caption, 110)) {
    parts.push(text(MARGIN, top, 'quiet small', line))
    top += 16
  }
  return svg(top + 4, caption, parts)
}

/** Name, bar and numbers of one variant. */
function bar({ figure, values, ratios }: Row, variant: string, middle: number): string {
  const value = values[variant]!
  // A difference can be nothing or less by chance.
  const length = Math.max(2, (value / Math.max(...Object.values(values), Number.MIN_VALUE)) * LONGEST)
  const kind = variant === OURS ? 'ours' : 'peer'
  const number = `${formatNumber(value, figure.digits)} ${figure.unit}`
  const ratio = ratios[variant]
  const times = ratio === undefined ? '' : `<tspan class="quiet" dx="8">${formatTimes(1 / ratio)}</tspan>`
  return [
    `<text class="${kind}" x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${escaped(variant)}</text>`,
    `<rect class="${kind}" x="${LEFT}" y="${middle - BAR / 2}" width="${length.toFixed(1)}" height="${BAR}" rx="2"/>`,
    `<text class="${kind}" x="${(LEFT + length + 8).toFixed(1)}" y="${middle + 4}">${number}${times}</text>`,
  ].join('')
}

function formatTimes(times: number): string {
  return `${times.toLocaleString('en', { minimumSignificantDigits: 2, maximumSignificantDigits: 2 })} ×`
}

function svg(height: number, caption: string, parts: readonly string[]): string {
  const frame = `xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`
  const card = `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`
  // The title first: that is where what reads aloud looks for it.
  const told = `<title>${TITLE}</title>\n<desc>${escaped(caption)}</desc>`
  return `<svg ${frame} role="img">\n${told}\n<style>${style}\n</style>\n${card}\n${parts.join('\n')}\n</svg>\n`
}

function text(x: number, y: number, kind: string, content: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`
}

/** Lines of at most so many letters, broken between words. */
function wrapped(content: string, longest: number): readonly string[] {
  const lines: string[] = []
  for (const word of content.split(' ')) {
    const line = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && line.length <= longest) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines
}

function capitalized(title: string): string {
  return title.slice(0, 1).toUpperCase() + title.slice(1)
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
