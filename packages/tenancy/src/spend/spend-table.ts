import type { JsonObject } from '@tianjillm/core'

/** Rows under columns, page by page, to be written out as they come. */
export interface SpendTable {
  readonly columns: readonly string[]
  readonly pages: AsyncIterable<readonly JsonObject[]>
}

/** A table whose pages are asked for one after the other, until one is not full. */
export function pagedTable(
  columns: readonly string[],
  size: number,
  pageAt: (offset: number) => Promise<readonly JsonObject[]>,
): SpendTable {
  async function* pages(): AsyncGenerator<readonly JsonObject[]> {
    for (let offset = 0; ; offset += size) {
      const rows = await pageAt(offset)
      yield rows
      if (rows.length < size) return
    }
  }
  return { columns, pages: pages() }
}
