import { type Path, type Position, type Problem, problemAt, type Topic } from './problem.ts'
import { locate, type Tree } from './tree.ts'

/** Where a configuration was written, for those who read its plain values. Paths have the one spelling (`litellm_…`). */
export interface Source {
  /** Of the key at a path, or of the closest thing around it that is there. */
  positionOf(path: Path): Position
  error(path: Path, message: string): void
  warn(path: Path, message: string, topic?: Topic): void
  note(path: Path, message: string, topic: Topic): void
  /** The value at a path as a message may show it. */
  shown(path: Path): string
}

export function createSource(tree: Tree, problems: Problem[]): Source {
  const report = (severity: Problem['severity'], path: Path, message: string, topic?: Topic) => {
    const { position, written } = locate(tree, path)
    problems.push(problemAt(position, severity, written, message, topic))
  }
  return {
    positionOf: (path) => locate(tree, path).position,
    error: (path, message) => report('error', path, message),
    warn: (path, message, topic) => report('warning', path, message, topic),
    note: (path, message, topic) => report('note', path, message, topic),
    shown: (path) => show(locate(tree, path).value, path),
  }
}

const secret = /(key|key_hash|secret|password|token|credentials?|credential_values|authorization|headers|url)$/i

/** A short value as it is; never one from the environment, nor under a name that promises a secret. */
function show(tree: Tree | undefined, path: Path): string {
  if (tree === undefined) return 'nothing'
  if (tree.type !== 'scalar') return `a ${tree.type}`
  const { value } = tree
  if (value === null) return 'nothing'
  const isOpen = !tree.isFromEnvironment && String(value).length <= 40 && !path.some((key) => secret.test(String(key)))
  return isOpen ? JSON.stringify(value) : `a ${typeof value} that is not shown`
}
