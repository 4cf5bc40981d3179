/** A fenced block of code. */
export interface Block {
  readonly language: string
  /** Of its opening fence, from 1. */
  readonly line: number
  /** Ends with a line break. */
  readonly text: string
}

const fenced = /^```(\w*)\n([\s\S]*?)^```$/gm

/** The blocks of code in a Markdown text. */
export function blocksIn(markdown: string): readonly Block[] {
  return [...markdown.matchAll(fenced)].map(({ 1: language = '', 2: text = '', index }) => ({
    language,
    line: markdown.slice(0, index).split('\n').length,
    text,
  }))
}

/** Where its links lead. */
export function linksIn(markdown: string): readonly string[] {
  const prose = markdown.replace(fenced, '').replace(/`[^`\n]*`/g, 'code')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
}

/** Its headings, as links name them. */
export function headingsIn(markdown: string): readonly string[] {
  return [...markdown.replace(fenced, '').matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
