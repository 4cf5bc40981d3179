import type { JsonObject } from '@tianjillm/core'
import { wordOf } from './document.ts'
import type { Encoding, Parameter, Style } from './operation.ts'

/** The styles of each place that are written here; the first is the usual one. */
const styles: Readonly<Record<Parameter['place'], readonly [Style, ...Style[]]>> = {
  path: ['simple'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
}

/** How OpenAPI 3 says it, of parameters and of fields of forms. */
export function encodingOf({ style: said, explode }: JsonObject, place: Parameter['place']): Encoding {
  const style = styles[place].find((one) => one === said) ?? styles[place][0]
  return { style, explode: typeof explode === 'boolean' ? explode : style === 'form' || style === 'deepObject' }
}

const olderStyles: ReadonlyMap<string, Style> = new Map([
  ['ssv', 'spaceDelimited'],
  ['tsv', 'tabDelimited'],
  ['pipes', 'pipeDelimited'],
])

/** How Swagger 2.0 says it. */
export function olderEncoding({ collectionFormat, in: place }: JsonObject): Encoding {
  if (place === 'path' || place === 'header') return { style: 'simple', explode: false }
  return { style: olderStyles.get(wordOf(collectionFormat)) ?? 'form', explode: collectionFormat === 'multi' }
}
