import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '@tianjillm/config'
import type { Host } from '@tianjillm/core'

/** The database that nobody has to configure: SQLite, beside the configuration. */
export function defaultDatabase(folder: string): string {
  return `sqlite:${join(folder, 'data', 'tianji.db')}`
}

/**
 * The URL of the database: the configured one, that of `DATABASE_URL`, or the default one once it is there. Undefined:
 * there is none, so far. Without a master key only a configured one counts, and it will be refused.
 */
export function databaseUrlOf(
  { general }: Config,
  host: Pick<Host, 'env'>,
  { masterKey, folder }: { readonly masterKey: string | undefined; readonly folder: string },
): string | undefined {
  if (general.databaseUrl !== undefined || masterKey === undefined) return general.databaseUrl
  const standard = defaultDatabase(folder)
  return host.env('DATABASE_URL') ?? (existsSync(standard.slice('sqlite:'.length)) ? standard : undefined)
}
