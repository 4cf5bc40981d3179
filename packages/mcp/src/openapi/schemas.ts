import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { type ApiDocument, resolved, unescaped, valueAt } from './document.ts'
import { eachSchema, keywordsOf, withNull } from './keywords.ts'

/** Schemas of one document as those of tools. */
export interface Schemas {
  /** The schema in JSON Schema's words, with its references as they are. What clients cannot set is not in it. */
  plain(schema: unknown): JsonObject
  /**
   * A plain schema that stands for itself: what it refers to is put in its place; what refers to itself, or would be put
   * there too often, is among its `$defs`. What is too much is left open, as `{}`.
   */
  whole(schema: JsonObject): JsonObject
}

/** Bytes of what one schema refers to: put in its place, and else among its `$defs`. */
const MOST_INLINE = 32 * 1024
const MOST_DEFINED = 32 * 1024
/** Of all tools together. */
const MOST_TOGETHER = 32 * 1024 * 1024
/** Schemas within schemas. The catalog looks through 64 levels of JSON, which are at most two for each. */
const DEEPEST = 24

interface Definition {
  readonly schema: JsonObject
  readonly references: readonly string[]
  readonly size: number
}

/** The schemas of this document. */
export function createSchemas({ root }: ApiDocument): Schemas {
  const definitions = new Map<string, Definition>()
  const endless = new Map<string, boolean>()
  const round = new Map<string, boolean>()
  let left = MOST_TOGETHER

  function plain(schema: unknown, depth: number): JsonObject {
    if (!isJsonObject(schema) || depth > DEEPEST) return {}
    if (typeof schema.$ref === 'string') return reference(schema.$ref, schema, depth)
    const parts = eachSchema(withoutReadOnly(schema), (part) => plain(part, depth + 1))
    const own = keywordsOf(schema, parts)
    return isNullable(schema) ? withNull(own) : own
  }

  function reference(pointer: string, { $ref: _, ...beside }: JsonObject, depth: number): JsonObject {
    const others = plain(beside, depth)
    if (!isJsonObject(valueAt(root, pointer)) || isRound(pointer)) return others
    const { description, title, ...rules } = others
    const said = { ...(description !== undefined && { description }), ...(title !== undefined && { title }) }
    if (isNullable(beside)) return { anyOf: [{ $ref: pointer }, { type: 'null' }], ...said }
    if (Object.keys(rules).length === 0) return { $ref: pointer, ...said }
    return { allOf: [{ $ref: pointer }, rules], ...said }
  }

  /** Whether what it says of a value leads back to itself, for the very same value: it cannot be judged by that. */
  function isRound(pointer: string): boolean {
    return leadsBack(pointer, round, (one) => referencesFor(valueAt(root, one), 0))
  }

  /** Whether it refers to itself at last, or to what does. */
  function isEndless(pointer: string): boolean {
    return leadsBack(pointer, endless, (one) => definition(one).references)
  }

  function definition(pointer: string): Definition {
    const known = definitions.get(pointer)
    if (known !== undefined) return known
    const schema = plain(valueAt(root, pointer), 0)
    const references = new Set<string>()
    collect(schema, references)
    const found = { schema, references: [...references], size: JSON.stringify(schema).length }
    definitions.set(pointer, found)
    return found
  }

  /** Without those properties that only the API sets. */
  function withoutReadOnly(schema: JsonObject): JsonObject {
    if (!isJsonObject(schema.properties)) return schema
    const all = Object.entries(schema.properties)
    const kept = all.filter(([, property]) => !isReadOnly(property))
    return kept.length === all.length ? schema : { ...schema, properties: Object.fromEntries(kept) }
  }

  function isReadOnly(property: unknown): boolean {
    return (isJsonObject(property) && property.readOnly === true) || resolved(root, property)?.readOnly === true
  }

  /** Undefined when it is more than `most` bytes, unless it may be left open. */
  function expand(schema: JsonObject, way: Way): JsonObject | undefined {
    const names = new Map<string, string>()
    const taken = new Set<string>()
    const waiting: string[] = []
    let size = 0
    let isTooMuch = false

    const afford = (pointer: string) => {
      const more = definition(pointer).size
      if (size + more > Math.min(way.most, left)) {
        isTooMuch = true
        return false
      }
      size += more
      return true
    }
    const put = (part: JsonObject, depth: number): JsonObject => {
      if (depth > DEEPEST) {
        isTooMuch = true
        return {}
      }
      const inner = () => eachSchema(part, (one) => put(one as JsonObject, depth + 1))
      if (typeof part.$ref !== 'string') return inner()
      const { $ref: pointer, ...said } = part
      if (way.isInline(pointer))
        return afford(pointer) ? { ...put(definition(pointer).schema, depth), ...said } : { ...said }
      if (!names.has(pointer)) {
        if (!afford(pointer)) return { ...said }
        names.set(pointer, uniqueName(pointer, taken))
        waiting.push(pointer)
      }
      return { $ref: `#/$defs/${names.get(pointer)}`, ...said }
    }

    const own = put(schema, 0)
    const defined: [string, JsonObject][] = []
    // Those that are found on the way are put at its end, so the nearest come first.
    for (const pointer of waiting) defined.push([names.get(pointer)!, put(definition(pointer).schema, 0)])
    if (isTooMuch && !way.mayBeOpen) return undefined
    left -= size
    return defined.length === 0 ? own : { ...own, $defs: Object.fromEntries(defined) }
  }

  return {
    plain: (schema) => plain(schema, 0),
    whole: (schema) =>
      expand(schema, { most: MOST_INLINE, mayBeOpen: false, isInline: (pointer) => !isEndless(pointer) }) ??
      expand(schema, { most: MOST_DEFINED, mayBeOpen: true, isInline: () => false }) ??
      {},
  }
}

interface Way {
  readonly most: number
  readonly mayBeOpen: boolean
  readonly isInline: (pointer: string) => boolean
}

/** As OpenAPI 3.0 says it, and many of 2.0. */
function isNullable(schema: JsonObject): boolean {
  return schema.nullable === true || schema['x-nullable'] === true
}

/** Whether one comes to a place for the second time; `known` remembers. */
function leadsBack(from: string, known: Map<string, boolean>, next: (one: string) => readonly string[]): boolean {
  const before = known.get(from)
  if (before !== undefined) return before
  // Who comes here meanwhile has gone round.
  known.set(from, true)
  const found = next(from).some((one) => leadsBack(one, known, next))
  known.set(from, found)
  return found
}

/** Where else a schema sends the very same value. */
function referencesFor(schema: unknown, depth: number): readonly string[] {
  if (!isJsonObject(schema) || depth > DEEPEST) return []
  const parts = [schema.allOf, schema.anyOf, schema.oneOf].flatMap((list) => (Array.isArray(list) ? list : []))
  const inner = parts.flatMap((part) => referencesFor(part, depth + 1))
  return typeof schema.$ref === 'string' ? [schema.$ref, ...inner] : inner
}

function collect(schema: JsonObject, references: Set<string>): void {
  if (typeof schema.$ref === 'string') references.add(schema.$ref)
  eachSchema(schema, (part) => {
    collect(part as JsonObject, references)
    return part as JsonObject
  })
}

function uniqueName(pointer: string, taken: Set<string>): string {
  const plain = unescaped(pointer.slice(pointer.lastIndexOf('/') + 1)).replaceAll(/[^\w.-]+/g, '_') || 'schema'
  let name = plain
  for (let count = 2; taken.has(name); count++) name = `${plain}_${count}`
  taken.add(name)
  return name
}
