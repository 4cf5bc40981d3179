import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Environment } from './environment.ts'
import { problemAt } from './problem.ts'
import { type ReadResult, readConfig } from './read-config.ts'

/**
 * Reads a configuration and the files it includes; their paths are relative to the file that names them. `compares` as
 * in `readConfig`. Node only.
 */
export function loadConfig(path: string, env: Environment, compares = false): ReadResult {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const message = `cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`
    return {
      config: undefined,
      problems: [problemAt({ file: path, line: 1, column: 1 }, 'error', [], message)],
      files: [path],
    }
  }
  return readConfig(text, {
    file: path,
    env,
    compares,
    include: (included, from) => {
      const file = isAbsolute(included) ? included : join(dirname(from), included)
      return { file, text: readFileSync(file, 'utf8') }
    },
  })
}
