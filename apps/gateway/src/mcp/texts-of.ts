/** A list of texts, or one text, as a list; numbers are what they look like, and all else is left out. */
export function textsOf(value: unknown): readonly string[] {
  const items = Array.isArray(value) ? value : value == null ? [] : [value]
  return items.filter((item) => typeof item === 'string' || typeof item === 'number').map(String)
}
