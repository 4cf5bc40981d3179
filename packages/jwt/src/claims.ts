import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { claimRefusal } from './refusal.ts'

const LONGEST_TEXT = 256
const MOST_TEXTS = 1_000

/**
 * What is at a path such as `resource_access.app.roles`; undefined when nothing is. Names may hold dots themselves, as
 * `https://example.com/roles` does. Only what the token itself has is found.
 */
export function valueAt(claims: unknown, path: string): unknown {
  if (!isJsonObject(claims)) return undefined
  if (Object.hasOwn(claims, path)) return claims[path] ?? undefined
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    const name = path.slice(0, dot)
    const found = Object.hasOwn(claims, name) ? valueAt(claims[name], path.slice(dot + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** A name or an id; undefined when there is none. Throws GatewayError `invalid_api_key` for anything else. */
export function textAt(claims: JsonObject, path: string | undefined): string | undefined {
  const value = path === undefined ? undefined : valueAt(claims, path)
  if (value === undefined || value === '') return undefined
  const text = typeof value === 'number' ? String(value) : value
  if (!isName(text)) throw claimRefusal(path!, false, `must be a text of at most ${LONGEST_TEXT} letters`)
  return text
}

/** A list of names or one; none when there are none. Throws as `textAt` does. */
export function textsAt(claims: JsonObject, path: string | undefined): readonly string[] {
  const value = path === undefined ? undefined : valueAt(claims, path)
  if (!Array.isArray(value)) {
    const text = textAt(claims, path)
    return text === undefined ? [] : [text]
  }
  if (value.length > MOST_TEXTS || !value.every(isName))
    throw claimRefusal(path!, false, `must be a list of at most ${MOST_TEXTS} texts`)
  return value
}

/** A list of words, or words with blanks between them. Throws as `textAt` does. */
export function wordsAt(claims: JsonObject, path: string | undefined): readonly string[] {
  const value = path === undefined ? undefined : valueAt(claims, path)
  return typeof value === 'string' ? value.split(' ').filter(Boolean) : textsAt(claims, path)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT && /^[^\p{C}]*$/u.test(value)
}
