/** The tokens of a text. Takes time by the square of its longest word. */
export type Encoding = (text: string) => number

let loading: Promise<Encoding> | undefined

/**
 * OpenAI's `o200k_base`, loaded when it is first asked for: that takes 50 MiB of memory and about a tenth of a second.
 * Words that mean something to a model when they are its own (`<|endoftext|>`) are text like any other.
 */
export function loadEncoding(): Promise<Encoding> {
  loading ??= load()
  return loading
}

async function load(): Promise<Encoding> {
  const { countTokens, setMergeCacheSize } = await import('gpt-tokenizer/encoding/o200k_base')
  // A word that it remembers keeps the whole text alive that it was cut from.
  setMergeCacheSize(0)
  const asText = { disallowedSpecial: new Set<string>() }
  return (text) => countTokens(text, asText)
}
