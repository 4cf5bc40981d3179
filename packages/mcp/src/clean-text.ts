import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** Characters that a description and a title may have; what is longer is cut. */
const MOST_IN_DESCRIPTION = 10_000
const MOST_IN_TITLE = 256

/** Levels of a schema that are looked through; what lies deeper is left out of what is offered. */
export const DEEPEST = 64

// Escape sequences of terminals, of which the rest would stay as text when only the escape character goes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const terminal = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-Z\\-_]/g

// What nobody sees but a model reads: controls, zero-width and bidirectional marks, tags, invisible operators.
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu

/** The text without what a terminal would obey or a person would not see; lines and tabs stay. */
export function cleanText(text: string, most: number = MOST_IN_DESCRIPTION): string {
  // Cut first: patterns then have little to look through, whatever a server sends.
  const clean = text
    .slice(0, most * 2)
    .replaceAll(terminal, '')
    .replaceAll(invisible, '')
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`
}

/** What a server offers with the words in it clean: `title` and `description`, of itself and in all of its schemas. */
export function cleanOffer<Offered extends JsonObject>(offered: Offered): Offered {
  // The shape stays; texts become other texts.
  return cleanObject(offered, 0) as Offered
}

const most: Readonly<Record<string, number>> = { description: MOST_IN_DESCRIPTION, title: MOST_IN_TITLE }

function cleanObject(object: JsonObject, depth: number): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key,
      typeof value === 'string' && Object.hasOwn(most, key)
        ? cleanText(value, most[key])
        : cleanValue(value, depth + 1),
    ]),
  )
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEEPEST) throw new RangeError(`it is nested more than ${DEEPEST} levels deep`)
  if (Array.isArray(value)) return value.map((item) => cleanValue(item, depth + 1))
  return isJsonObject(value) ? cleanObject(value, depth) : value
}
