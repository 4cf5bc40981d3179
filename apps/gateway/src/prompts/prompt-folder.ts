import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { GatewayError } from '@tianjillm/core'
import { type Prompt, parseDotprompt } from '@tianjillm/prompts'

/** Files of a folder that are looked at, and bytes of one. */
const MOST_FILES = 1_000
const LARGEST_FILE = 1024 * 1024

/** The prompts of a folder, and what is wrong with those that cannot be used. */
export interface PromptFolder {
  /** Versions by ids. */
  readonly prompts: ReadonlyMap<string, ReadonlyMap<number, Prompt>>
  readonly faults: readonly GatewayError[]
}

/**
 * Reads the `.prompt` files of a folder, but not of those below it. `support.v2.prompt` is version 2 of `support`;
 * `support.prompt` is the newest, one after all others. `only` is the id that is wanted, else all are. Throws
 * GatewayError `misconfigured` when the folder cannot be read.
 */
export function readPromptFolder(folder: string, only?: string): PromptFolder {
  const faults: GatewayError[] = []
  const prompts = new Map<string, Map<number, Prompt>>()
  const root = demandFolder(folder)
  const files = readdirSync(root)
    .flatMap((file) => nameIn(file) ?? [])
    .filter(({ id }) => only === undefined || id === only)
    // Those without a number come last, to get the next one.
    .sort((one, other) => one.version - other.version)
  if (files.length > MOST_FILES) throw faulty(folder, `has more than ${MOST_FILES} .prompt files`)
  for (const { file, id, version } of files) {
    const versions = prompts.get(id) ?? new Map<number, Prompt>()
    try {
      const prompt = parseDotprompt(textOf(root, file))
      versions.set(Number.isFinite(version) ? version : Math.max(0, ...versions.keys()) + 1, prompt)
      prompts.set(id, versions)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      faults.push(new GatewayError('misconfigured', `${file}: ${error.message}`, { cause: error }))
    }
  }
  return { prompts, faults }
}

interface Named {
  readonly file: string
  readonly id: string
  readonly version: number
}

function nameIn(file: string): Named | undefined {
  if (!file.endsWith('.prompt')) return undefined
  const name = file.slice(0, -'.prompt'.length)
  const [, id, version] = /^(.+)\.v([1-9]\d{0,8})$/.exec(name) ?? []
  if (id !== undefined) return { file, id, version: Number(version) }
  return name === '' ? undefined : { file, id: name, version: Number.POSITIVE_INFINITY }
}

/** A link may lead to another file of the folder, and not out of it. */
function textOf(root: string, file: string): string {
  try {
    const path = realpathSync(join(root, file))
    if (!path.startsWith(`${root}${sep}`)) throw faulty('it', 'leads out of its folder')
    const { size } = statSync(path)
    if (size > LARGEST_FILE) throw faulty('it', `has more than ${LARGEST_FILE} bytes`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw faulty('it', 'cannot be read', cause)
  }
}

function demandFolder(folder: string): string {
  try {
    const root = realpathSync(folder)
    if (statSync(root).isDirectory()) return root
  } catch (cause) {
    throw faulty(folder, 'cannot be read', cause)
  }
  throw faulty(folder, 'is no folder')
}

function faulty(path: string, problem: string, cause?: unknown): GatewayError {
  return new GatewayError('misconfigured', `${path} ${problem}.`, { cause })
}
