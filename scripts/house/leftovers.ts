import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Difference } from './difference.ts'
import { filesIn } from './house.ts'
import { commentsOf } from './source.ts'

const written = /\.(ts|mts|js|mjs|json|md|ya?ml|sh)$|^\.ci\//

interface Leftover {
  readonly pattern: RegExp
  readonly says: string
  /** Whether only comments are looked at. */
  readonly inComments?: boolean
}

const leftovers: readonly Leftover[] = [
  {
    pattern: /(?<![\w.:/-])(?:\/(?:home|Users|root|work)\/\w|[A-Z]:\\+Users\\)/,
    says: 'has a path of one machine',
  },
  {
    pattern: /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.|\b(?:artifactory|nexus|verdaccio)\.\w/,
    says: 'names a package registry, which is for each machine to choose',
  },
  {
    pattern: /\b(?:TODO|FIXME|XXX)\b(?!.*#\d)/,
    says: 'leaves something to do without the number of an issue (#12)',
    inComments: true,
  },
]

/** Nothing of the machine or the day it was written on stays behind. */
export function checkLeftovers(root: string): readonly Difference[] {
  return filesIn(root)
    .filter((path) => written.test(path) && !path.startsWith('data/'))
    .flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      const comments = path.endsWith('.ts') ? commentsOf(text) : ''
      return leftovers.flatMap(({ pattern, says, inComments }) =>
        linesOf(inComments ? comments : text, pattern, path, says),
      )
    })
}

function linesOf(text: string, pattern: RegExp, path: string, says: string): readonly Difference[] {
  if (!pattern.test(text)) return []
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [{ path, line: index + 1, says }] : []))
}
