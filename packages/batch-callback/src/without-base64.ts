const LONGEST_KEPT = 64

const dataUris = /data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[\w.+-]+)*;base64,([\w+/-]+={0,2})/g

/** Fields that hold base64 without a data URI around it: images of OpenAI, audio and files of several vendors. */
const bareFields: ReadonlySet<string> = new Set(['b64_json', 'data'])

const bareBase64 = /^[\w+/-]+={0,2}$/

/**
 * A copy with every base64 file of more than 64 characters replaced by its type and size:
 * `[base64 image/png, 12345 bytes]`.
 */
export function withoutBase64<Value>(value: Value): Value {
  // The shape stays, only strings change.
  return replaced(value, undefined, undefined) as Value
}

function replaced(value: unknown, field: string | undefined, mediaType: unknown): unknown {
  if (typeof value === 'string') return replacedText(value, field, mediaType)
  if (Array.isArray(value)) return value.map((item) => replaced(item, undefined, undefined))
  if (typeof value !== 'object' || value === null) return value
  const { media_type, mime_type, format } = value as Readonly<Record<string, unknown>>
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, member]) => [name, replaced(member, name, media_type ?? mime_type ?? format)]),
  )
}

function replacedText(text: string, field: string | undefined, mediaType: unknown): string {
  if (text.length <= LONGEST_KEPT) return text
  if (text.includes(';base64,'))
    return text.replace(dataUris, (uri, type: string | undefined, data: string) =>
      uri.length > LONGEST_KEPT ? placeholder(type, data) : uri,
    )
  return field !== undefined && bareFields.has(field) && bareBase64.test(text) ? placeholder(mediaType, text) : text
}

function placeholder(mediaType: unknown, data: string): string {
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0
  const bytes = Math.floor((data.length * 3) / 4) - padding
  return `[base64 ${typeof mediaType === 'string' ? mediaType : 'data'}, ${bytes} bytes]`
}
