import type { Scrape } from '@tianjillm/core'
import type { Engine } from '@tianjillm/engine'

/** The metrics that callbacks have gathered in this process; undefined when none gathers any. */
export async function scrape({ callbacks }: Engine): Promise<Scrape | undefined> {
  const pages: Scrape[] = []
  for (const { callback } of callbacks) if (callback.scrape) pages.push(await callback.scrape())
  const [first] = pages
  return first && { contentType: first.contentType, body: pages.map(({ body }) => body).join('\n') }
}
