/** A place in a file; lines and columns count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** What is wrong with a configuration, or doubtful, and where. Never holds the value of an environment variable. */
export interface Problem extends Position {
  /** With an error there is no configuration; a warning changes nothing; a note is for whoever asks. */
  readonly severity: 'error' | 'warning' | 'note'
  readonly message: string
  /** What somebody who comes from LiteLLM has to know of; undefined when it is a fault like any other. */
  readonly topic?: Topic | undefined
  /** The key it is about, as the file spells it: `model_list[2].litellm_params.rpm`; empty for the whole file. */
  readonly path: string
}

/** Python code, a plugin that is not installed, a setting without effect, one that means something else here. */
export type Topic = 'python' | 'plugin' | 'effect' | 'difference'

/** Keys and list indexes from the root of a file. */
export type Path = readonly (string | number)[]

/** A problem at a place. */
export function problemAt(
  { file, line, column }: Position,
  severity: Problem['severity'],
  path: Path,
  message: string,
  topic?: Topic,
): Problem {
  return { severity, file, line, column, path: formatPath(path), message, ...(topic && { topic }) }
}

/** One line a problem: `proxy_config.yaml:12:7: error: model_list[2].litellm_params.rpm: expected a number, received "many"`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, severity, path, message } = problem
  return `${file}:${line}:${column}: ${severity}: ${path && `${path}: `}${message}`
}

/** A path as people write it; keys that are no plain words are quoted. */
export function formatPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`
      return index === 0 ? key : `.${key}`
    })
    .join('')
}

/** The problems in reading order: file after file, each from top to bottom. */
export function sortProblems(problems: readonly Problem[], files: readonly string[]): readonly Problem[] {
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  )
}
