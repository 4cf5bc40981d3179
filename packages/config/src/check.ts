import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import { configFile } from './config-file.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/** The value as a configuration file, if it is one; all that is wrong with it is told to the source. */
export function check(value: unknown, source: Source): JsonObject | undefined {
  const result = v.safeParse(configFile, value)
  if (result.success) return result.output
  for (const { path, message } of result.issues.map(closest)) {
    const received = source.shown(path)
    source.error(path, received === 'nothing' ? 'is missing' : `${message}, received ${received}`)
  }
  return undefined
}

interface Finding {
  readonly path: Path
  readonly message: string
}

/** What is really wrong: of the several things a value may be, the one it came closest to. */
function closest(issue: v.BaseIssue<unknown>): Finding {
  const path = pathOf(issue)
  const deeper = (issue.issues ?? [])
    .map((inner) => closest(inner))
    .reduce<Finding | undefined>(
      (best, finding) => (finding.path.length > (best?.path.length ?? 0) ? finding : best),
      undefined,
    )
  return deeper ? { path: [...path, ...deeper.path], message: deeper.message } : { path, message: issue.message }
}

function pathOf(issue: v.BaseIssue<unknown>): Path {
  return (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))
}
