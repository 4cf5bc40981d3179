import { GatewayError, type JsonObject, parseDataUrl } from '@tianjillm/core'

type Formats = Readonly<Record<string, string>>

/** Converse's names of the media types it takes. */
const imageFormats: Formats = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
}

const documentFormats: Formats = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
}

/**
 * An image block from a data URL or an `s3://` URI. Throws GatewayError `invalid_request` naming `param` for any other.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
 */
export function imageBlock(url: string, param: string): JsonObject {
  return { image: located(url, imageFormats, param) }
}

/**
 * A document block from a data URL or an `s3://` URI, named after its file. Throws GatewayError `invalid_request`
 * naming `param` for any other. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
 */
export function documentBlock(url: string, filename: string, param: string): JsonObject {
  const { format, source } = located(url, documentFormats, param)
  return { document: { format, name: documentName(filename), source } }
}

/** Converse's names have only letters, digits, single spaces, hyphens and brackets. */
function documentName(filename: string): string {
  const words = filename.replace(/[^A-Za-z0-9()[\]-]+/g, ' ').trim()
  return words === '' ? 'document' : words
}

function located(
  url: string,
  formats: Formats,
  param: string,
): { readonly format: string; readonly source: JsonObject } {
  const data = parseDataUrl(url)
  const format = data ? formats[data.mediaType.toLowerCase()] : s3Format(url, formats)
  if (format !== undefined) return { format, source: data ? { bytes: data.data } : { s3Location: { uri: url } } }
  const what = data ? `does not take ${data.mediaType}` : 'fetches no URLs'
  const known = [...new Set(Object.values(formats))].join(', ')
  throw new GatewayError('invalid_request', `Converse ${what}. Send ${known} as a data URL, or name an s3:// URI.`, {
    param,
  })
}

function s3Format(url: string, formats: Formats): string | undefined {
  const extension = /^s3:\/\/[^?#]+\.(\w+)$/.exec(url)?.[1]?.toLowerCase().replace(/^jpg$/, 'jpeg')
  return Object.values(formats).find((format) => format === extension)
}
