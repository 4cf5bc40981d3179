import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** An argument that a request has as a header too. */
interface Mirror {
  readonly header: string
  readonly path: readonly string[]
}

const mirrors = new WeakMap<JsonObject, readonly Mirror[]>()

/**
 * Why the `Mcp-Param-` headers of a call do not fit its arguments; undefined when they do. Whoever routes by headers must
 * be able to rely on them. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function headerMismatch(inputSchema: JsonObject, given: JsonObject, headers: Headers): string | undefined {
  for (const { header, path } of mirrorsOf(inputSchema)) {
    const argument = path.reduce<unknown>((value, key) => (isJsonObject(value) ? value[key] : undefined), given)
    if (typeof argument !== 'string' && typeof argument !== 'number' && typeof argument !== 'boolean') continue
    const sent = headers.get(header)
    if (sent === null) return `The header ${header} is missing.`
    const decoded = decode(sent)
    if (decoded === undefined) return `The header ${header} cannot be decoded.`
    const isSame = decoded === String(argument) || (typeof argument === 'number' && sameNumber(decoded, argument))
    if (!isSame) return `The header ${header} is not what the argument ${path.join('.')} is.`
  }
  return undefined
}

function mirrorsOf(inputSchema: JsonObject): readonly Mirror[] {
  const known = mirrors.get(inputSchema)
  if (known !== undefined) return known
  const found = findMirrors(inputSchema)
  mirrors.set(inputSchema, found)
  return found
}

/** Why clients must refuse a tool for the headers that its schema asks for; undefined when they must not. */
export function headerFault(inputSchema: JsonObject): string | undefined {
  const names = new Set<string>()
  for (const { name, type } of findMarks(inputSchema, [])) {
    if (typeof name !== 'string' || !token.test(name)) return 'it wants an argument as a header without a name'
    if (!mirrored.has(type)) return `it wants an argument as the header ${name} that cannot be one`
    if (names.has(name.toLowerCase())) return `it wants two arguments as the header ${name}`
    names.add(name.toLowerCase())
  }
  return undefined
}

const mirrored: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])

interface Mark {
  readonly name: unknown
  readonly type: unknown
  readonly path: readonly string[]
}

function findMirrors(inputSchema: JsonObject): readonly Mirror[] {
  return findMarks(inputSchema, []).flatMap(({ name, path }) =>
    typeof name === 'string' && token.test(name) ? [{ header: `Mcp-Param-${name}`, path }] : [],
  )
}

function findMarks({ properties }: JsonObject, path: readonly string[]): readonly Mark[] {
  if (!isJsonObject(properties)) return []
  return Object.entries(properties).flatMap(([key, schema]) => {
    if (!isJsonObject(schema)) return []
    const here = [...path, key]
    const own = 'x-mcp-header' in schema ? [{ name: schema['x-mcp-header'], type: schema.type, path: here }] : []
    return [...own, ...findMarks(schema, here)]
  })
}

/** What may be the name of a header. https://www.rfc-editor.org/rfc/rfc9110#section-5.1 */
const token = /^[\w!#$%&'*+.^`|~-]+$/

/** Text that no header can have is sent as Base64. */
function decode(sent: string): string | undefined {
  const [, encoded] = /^=\?base64\?(.*)\?=$/s.exec(sent) ?? []
  if (encoded === undefined) return sent
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64') !== encoded) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function sameNumber(text: string, number: number): boolean {
  return text.trim() !== '' && Number(text) === number
}
