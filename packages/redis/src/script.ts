import { hash } from 'node:crypto'
import type { Client } from './client.ts'

/** A Lua script over one key, and the name that Redis knows it by once it has run. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

export function defineScript(lua: string): Script {
  return { lua, sha: hash('sha1', lua) }
}

/** Runs a script by its name, or whole when Redis does not know it, which is so once after each start of Redis. */
export async function runScript(
  client: Client,
  { lua, sha }: Script,
  key: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  try {
    return await client.evalsha(sha, 1, key, ...args)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return client.eval(lua, 1, key, ...args)
  }
}
