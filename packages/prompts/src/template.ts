import { GatewayError } from '@tianjillm/core'
import { settle, type Values } from './variables.ts'

/** Letters that a rendered prompt may have, all its texts together. */
export const MOST_LETTERS: number = 4 * 1024 * 1024

/** A name and the end of its placeholder. Each run of letters is bounded or of one kind, so a failure costs what it has read. */
const placeholder = /[ \t]*([\p{L}\p{N}_][\p{L}\p{N}_.-]{0,127})[ \t]*\}\}/uy

/** A text cut at its placeholders: `texts[0] names[0] texts[1] …`, with one text more than there are names. */
export interface Template {
  readonly texts: readonly string[]
  readonly names: readonly string[]
}

/** Cuts a text at each `{{name}}`, with or without blanks inside. Other braces are text like any other. In linear time. */
export function parseTemplate(text: string): Template {
  const texts: string[] = []
  const names: string[] = []
  let begun = 0
  for (let at = text.indexOf('{{'); at !== -1; at = text.indexOf('{{', at)) {
    placeholder.lastIndex = at + 2
    const name = placeholder.exec(text)?.[1]
    if (name === undefined) {
      at++
      continue
    }
    texts.push(text.slice(begun, at))
    names.push(name)
    at = placeholder.lastIndex
    begun = at
  }
  return { texts: [...texts, text.slice(begun)], names }
}

/** Puts values in place of names, in texts that are one prompt. */
export type Fill = (text: string) => string

/** A fill for one prompt, whose texts are bounded together. Values are put in as they are: what looks like a placeholder in one stays. */
export function createFill(values: Values): Fill {
  let room = MOST_LETTERS
  return (text) => {
    const { texts, names } = parseTemplate(text)
    const found = names.map((name) => values.demand(name))
    // Counted before anything is joined, for a small template may ask for a large value many times.
    room -= [...texts, ...found].reduce((sum, piece) => sum + piece.length, 0)
    if (room < 0)
      throw new GatewayError(
        'invalid_request',
        `The prompt has more than ${MOST_LETTERS} letters with its variables.`,
        {
          param: 'prompt_variables',
        },
      )
    return texts.map((piece, index) => piece + (found[index] ?? '')).join('')
  }
}

/**
 * A text with values in place of its `{{names}}`, in one pass. Texts go in as they are, other values as JSON writes them.
 * Throws GatewayError `invalid_request` that names the variable which is missing or no JSON scalar.
 */
export function render(text: string, variables: Readonly<Record<string, unknown>>): string {
  return createFill(settle(variables))(text)
}
