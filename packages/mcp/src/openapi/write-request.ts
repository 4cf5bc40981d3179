import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Body, Encoding, Parameter } from './operation.ts'
import { placeholders } from './operations.ts'
import type { ApiTool, BodyArguments } from './tools.ts'
import { inHeader, inPath, pairsOf, plainText } from './write-values.ts'

/** A request to an API, but for credentials; it can be sent more than once. */
export interface ApiRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | FormData
}

/**
 * The request that these arguments ask for. Throws GatewayError `invalid_request` that names the argument which cannot be
 * sent: half a character, a header of several lines, a step out of the path.
 */
export function writeRequest(tool: ApiTool, given: JsonObject): ApiRequest {
  const { operation, base } = tool
  // An argument may be called `constructor`.
  const placed = (place: Parameter['place']) =>
    [...tool.parameters].filter(([argument, one]) => one.place === place && Object.hasOwn(given, argument))
  const query = placed('query').flatMap(([argument, { name, encoding }]) =>
    sendable(argument, () => pairsOf(name, given[argument], encoding)),
  )
  const headers = placed('header').flatMap(([argument, { name, encoding }]): [string, string][] =>
    given[argument] === null ? [] : [[name, headerOf(argument, inHeader(given[argument], encoding))]],
  )
  const { contentType, body } = operation.body === undefined ? {} : bodyOf(operation.body, fieldsFor(tool, given))
  const search = [base.search.slice(1), ...query].filter((part) => part !== '').join('&')
  return {
    method: operation.method.toUpperCase(),
    url: `${base.origin}${pathOf(tool, given)}${search === '' ? '' : `?${search}`}`,
    headers: {
      accept: 'application/json, text/*;q=0.9, */*;q=0.8',
      ...(contentType !== undefined && { 'content-type': contentType }),
      ...Object.fromEntries(headers),
    },
    ...(body !== undefined && { body }),
  }
}

/** Whatever the arguments are, it leads nowhere but where the operation is. */
function pathOf({ operation, base, parameters }: ApiTool, given: JsonObject): string {
  const values = new Map<string, string>()
  for (const [argument, { name, place, encoding }] of parameters) {
    if (place !== 'path') continue
    const value = Object.hasOwn(given, argument) ? given[argument] : null
    const text = sendable(argument, () => inPath(value, encoding))
    // Without it the path is that of something else.
    if (text === '') throw refused(argument, 'must not be empty')
    if (leavesPath(`x/${text}`)) throw refused(argument, 'must not have a step of "." or ".." in it')
    values.set(name, text)
  }
  const filled = operation.path.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => values.get(name)!)
  // Two of them may make such a step together.
  if (leavesPath(filled)) throw refused(placeholders(operation.path).join(', '), 'must not make a step of "." or ".."')
  return base.pathname.replace(/\/+$/, '') + filled
}

const MOST_LAYERS = 5

/** Whether somebody on the way could take part of it for a step up, however often and generously it is decoded. */
function leavesPath(path: string): boolean {
  let text = path
  for (let layer = 0; layer < MOST_LAYERS; layer++) {
    if (text.split(/[/\\]/).some((step) => /^\.\.?$/.test(step.replace(/;.*/s, '')))) return true
    text = text.replaceAll(/%(?:25|2e|2f|3b|5c)/gi, (code) => decodeURIComponent(code))
  }
  return false
}

/** What is given for the body: a value, or undefined for nothing. */
function fieldsFor({ body, parameters }: ApiTool, given: JsonObject): unknown {
  if (body === undefined) return undefined
  if ('whole' in body) return Object.hasOwn(given, body.whole) ? given[body.whole] : undefined
  const fields = Object.entries(given).flatMap(([argument, value]): readonly (readonly [string, unknown])[] => {
    if (parameters.has(argument)) return []
    return argument === body.rest ? entriesOf(value) : [[nameOf(body, argument), value]]
  })
  return fields.length === 0 ? undefined : Object.fromEntries(fields)
}

function nameOf({ renamed }: Extract<BodyArguments, { readonly rest: unknown }>, argument: string): string {
  return renamed.get(argument) ?? argument
}

interface Written {
  readonly contentType?: string
  readonly body?: string | FormData
}

function bodyOf(body: Body, value: unknown): Written {
  const { kind, mediaType: contentType } = body
  if (value === undefined && (!body.isRequired || kind === 'text')) return {}
  switch (kind) {
    case 'json':
      return { contentType, body: JSON.stringify(value ?? {}) }
    case 'text':
      return { contentType, body: plainText(value) }
    case 'form':
      return { contentType, body: formOf(body, value).join('&') }
    case 'multipart':
      // Its media type has the boundary, which is not known yet.
      return { body: partsOf(body, value) }
  }
}

const usual: Encoding = { style: 'form', explode: true }

function formOf({ encodings }: Body, value: unknown): readonly string[] {
  return entriesOf(value).flatMap(([name, item]) => {
    const encoding = Object.hasOwn(encodings, name) ? encodings[name]! : isJsonObject(item) ? 'json' : usual
    return sendable(name, () => pairsOf(name, item, encoding))
  })
}

function partsOf({ files }: Body, value: unknown): FormData {
  const form = new FormData()
  for (const [name, item] of entriesOf(value)) {
    const parts = Array.isArray(item) ? item : [item]
    for (const part of parts.filter((one) => one !== null)) {
      if (files.has(name)) form.append(name, new File([plainText(part)], name))
      else form.append(name, plainText(part))
    }
  }
  return form
}

function entriesOf(value: unknown): readonly [string, unknown][] {
  return isJsonObject(value) ? Object.entries(value) : []
}

/** What may be in a header. https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

function headerOf(argument: string, text: string): string {
  if (fieldValue.test(text)) return text
  throw refused(argument, 'cannot be sent as a header: it has other characters than those of one line of Latin-1')
}

function sendable<Written>(argument: string, write: () => Written): Written {
  try {
    return write()
  } catch (cause) {
    throw refused(argument, 'has half a character in it', cause)
  }
}

function refused(argument: string, why: string, cause?: unknown): GatewayError {
  const param = argument.slice(0, 100)
  return new GatewayError('invalid_request', `The argument "${param}" ${why}.`, { param, cause })
}
