import { isJsonObject } from '@tianjillm/core'
import type { SpendTable } from '@tianjillm/tenancy'

/**
 * A table as CSV, sent page by page as it is read. Rejects when the first page cannot be read; when a later one
 * cannot, the answer breaks off. https://www.rfc-editor.org/rfc/rfc4180
 */
export async function csvResponse({ columns, pages }: SpendTable, name: string): Promise<Response> {
  const iterator = pages[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  const lines = (rows: readonly Readonly<Record<string, unknown>>[]) =>
    encoder.encode(rows.map((row) => csvLine(columns.map((column) => row[column]))).join(''))
  const first = await iterator.next()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(csvLine(columns)))
      if (!first.done) controller.enqueue(lines(first.value))
    },
    async pull(controller) {
      const next = await iterator.next()
      if (next.done) controller.close()
      else controller.enqueue(lines(next.value))
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  return new Response(body, {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${name}.csv"`,
      'cache-control': 'no-store',
    },
  })
}

/** One line, its end included. */
export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/** What a spreadsheet takes for the beginning of a formula, in East Asia also when it is wide. https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

/** Numbers stay numbers; a text that a spreadsheet would reckon with gets an apostrophe in front. */
function csvCell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = Array.isArray(value) || isJsonObject(value) ? JSON.stringify(value) : String(value)
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
