/** Comments, and what may hold something that looks like one: strings, templates, regular expressions. */
const lexemes = new RegExp(
  [
    /(\/\*[\s\S]*?\*\/|\/\/.*)/,
    /'(?:\\.|[^'\\\n])*'/,
    /"(?:\\.|[^"\\\n])*"/,
    /`(?:\\[\s\S]|[^`\\])*`/,
    /(?<=[=(,:;!&|?{}[\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)

/** TypeScript without its comments; every line stays where it was. */
export function codeOf(text: string): string {
  return text.replace(lexemes, (lexeme, comment?: string) => (comment ? comment.replace(/[^\n]/g, ' ') : lexeme))
}

/** TypeScript's comments alone; every line stays where it was. */
export function commentsOf(text: string): string {
  const code = codeOf(text)
  return text.replace(/[^\n]/g, (character, index: number) => (code[index] === character ? ' ' : character))
}

/** An imported or re-exported module. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

const imports = /\b(?:import|export)\b[^'"`;()=]*\bfrom\s*(['"])(.+?)\1|\bimport\s*\(?\s*(['"])(.+?)\3/g

/** What code imports, types and `import()` of a literal included. */
export function importsOf(code: string): readonly Import[] {
  return [...code.matchAll(imports)].map((match) => ({
    specifier: (match[2] ?? match[4])!,
    line: lineOf(code, match.index + match[0].length),
  }))
}

/** The line of a position in a text, from 1. */
export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
