import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { type ApiDocument, resolved, wordOf } from './document.ts'

/** Where a document's security schemes want to be satisfied, as `header x-key`; in lower case. */
export function authNames(document: ApiDocument): ReadonlySet<string> {
  return new Set(
    schemesOf(document).flatMap(({ type, in: place, name }) =>
      type === 'apiKey' ? [`${wordOf(place)} ${wordOf(name).toLowerCase()}`] : [],
    ),
  )
}

/** What a document says of how to show oneself, for a person; undefined when it says nothing. */
export function authHint(document: ApiDocument): string | undefined {
  const ways = [...new Set(schemesOf(document).map(wayOf))].slice(0, 5)
  return ways.length === 0 ? undefined : ways.join(', or ')
}

function wayOf({ type, in: place, name, scheme }: JsonObject): string {
  if (type === 'apiKey') return `a key in the ${wordOf(place)} ${wordOf(name).slice(0, 100)}`
  if (type === 'basic' || wordOf(scheme).toLowerCase() === 'basic') return 'a name and password'
  return type === 'http' ? `a ${wordOf(scheme).slice(0, 100)} token` : `a token of ${wordOf(type).slice(0, 100)}`
}

function schemesOf({ root, version }: ApiDocument): readonly JsonObject[] {
  const components = isJsonObject(root.components) ? root.components : {}
  const schemes = version === '2.0' ? root.securityDefinitions : components.securitySchemes
  const all = Object.values(isJsonObject(schemes) ? schemes : {})
  return all.map((scheme) => resolved(root, scheme)).filter((scheme) => scheme !== undefined)
}
