/** The words of a command, with quotes and backslashes as a shell has them, and nothing else of a shell. Undefined when a quote is left open. */
export function splitCommand(text: string): readonly string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!
    if (letter === quote) quote = undefined
    else if (letter === '\\' && quote !== "'" && isEscape(text[at + 1], quote)) word = (word ?? '') + text[++at]!
    else if (quote !== undefined) word += letter
    else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + letter
  }
  if (word !== undefined) words.push(word)
  return quote === undefined ? words : undefined
}

/** Between double quotes a backslash stands for itself, but before what would mean something there. */
function isEscape(next: string | undefined, quote: string | undefined): boolean {
  return next !== undefined && (quote === undefined || next === '"' || next === '\\')
}
