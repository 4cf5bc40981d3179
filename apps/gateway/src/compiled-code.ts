import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'

/**
 * Lets node keep compiled code from one start to the next, in `$XDG_CACHE_HOME/tianji` or `~/.cache/tianji`. What lies
 * there is run, so a folder that others could write to is left alone. `NODE_COMPILE_CACHE` names another one, and
 * `NODE_DISABLE_COMPILE_CACHE` turns it off.
 */
export function keepCompiledCode(environment: NodeJS.ProcessEnv): void {
  if (environment.NODE_COMPILE_CACHE || environment.NODE_DISABLE_COMPILE_CACHE) return
  const folder = cacheFolder(environment)
  if (folder !== undefined && isPrivate(folder)) enableCompileCache(folder)
}

/** Where this user's programs keep what they can do without. https://specifications.freedesktop.org/basedir-spec/latest */
export function cacheFolder({ XDG_CACHE_HOME: caches = '', HOME: home = '' }: NodeJS.ProcessEnv): string | undefined {
  if (isAbsolute(caches)) return join(caches, 'tianji')
  return isAbsolute(home) ? join(home, '.cache', 'tianji') : undefined
}

/** Makes the folder when it is not there. False where it cannot be made, or owners cannot be told. */
function isPrivate(folder: string): boolean {
  const user = process.getuid?.()
  if (user === undefined) return false
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // Whoever owns the folder above can put another in this one's place.
    return isSafe(lstatSync(folder), [user]) && isSafe(statSync(dirname(folder)), [user, 0])
  } catch {
    return false
  }
}

function isSafe(stats: Stats, owners: readonly number[]): boolean {
  return stats.isDirectory() && owners.includes(stats.uid) && (stats.mode & 0o022) === 0
}
