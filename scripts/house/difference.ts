/** One place where the tree is not as the house wants it. */
export interface Difference {
  /** Below the root, with slashes. */
  readonly path: string
  readonly line?: number
  /** A sentence without its full stop: what is, or what should be. */
  readonly says: string
  /** What the file should hold, when that is known. */
  readonly fixed?: string
}

/** `plugins/provider/groq/package.json: "type" should be "module" (npm run fix writes it).` */
export function formatDifference({ path, line, says, fixed }: Difference): string {
  const remedy = fixed === undefined ? '' : ' (npm run fix writes it)'
  return `${path}${line === undefined ? '' : `:${line}`}: ${says}${remedy}.`
}
