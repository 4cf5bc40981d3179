import type { Row } from './report.ts'

const BAR = 16
const GAP = 26
const LEFT = 90
const WIDTH = 440

/** Bars of every figure, as long as the figure is large, as an SVG file. */
export function plot(rows: readonly Row[], variants: readonly string[], caption: string): string {
  const parts: string[] = []
  let top = 34
  for (const { figure, values } of rows) {
    const shown = variants.filter((variant) => variant in values)
    const most = Math.max(...shown.map((variant) => values[variant]!), Number.MIN_VALUE)
    parts.push(text(0, top, `${figure.title}, ${figure.unit}`, 'font-weight="bold"'))
    for (const variant of shown) {
      top += BAR + 2
      const value = values[variant]!
      const length = Math.max(1, (value / most) * WIDTH)
      parts.push(
        text(LEFT - 6, top, variant, 'text-anchor="end"'),
        `<rect x="${LEFT}" y="${top - 12}" width="${length.toFixed(1)}" height="${BAR - 2}" fill="${variant === 'tianji' ? '#c2410c' : '#94a3b8'}"/>`,
        text(LEFT + length + 5, top, value.toLocaleString('en', { maximumFractionDigits: figure.digits }), ''),
      )
    }
    top += GAP
  }
  const size = `width="${LEFT + WIDTH + 80}" height="${top}"`
  const paper = `<rect width="100%" height="100%" fill="white"/>`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">${paper}\n${text(0, 14, caption, 'fill="#475569"')}\n${parts.join('\n')}\n</svg>\n`
}

function text(x: number, y: number, content: string, attributes: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${safe}</text>`
}
