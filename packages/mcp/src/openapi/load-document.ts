import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FetchLike } from '@modelcontextprotocol/client'
import { isSafeUrl } from '@tianjillm/core'
import { DocumentFault } from './fault.ts'
import { follow } from './follow.ts'
import { readBytes, textOf } from './read-bytes.ts'

/** Bytes of a document. */
const MOST_BYTES = 10 * 1024 * 1024

/** What tells a document from another. */
export interface Mark {
  readonly hash: string
  readonly etag: string | undefined
}

/** What it takes to load one. */
export interface Loading {
  readonly fetch: FetchLike
  readonly signal: AbortSignal
  /** Of what is known of it. */
  readonly before: Mark | undefined
  /** Headers that its server may see. */
  readonly headers: Readonly<Record<string, string>>
}

/** Whether this is the URL of a document, and not the path of a file. */
export function isUrl(document: string): boolean {
  return /^https?:/i.test(document)
}

/** The text of a document, undefined when it is the one before. Rejects with DocumentFault, or what `fetch` throws. */
export async function loadText(
  document: string,
  loading: Loading,
): Promise<{ readonly text: string | undefined; readonly mark: Mark }> {
  const {
    bytes,
    etag,
    contentType = '',
  } = isUrl(document) ? await download(document, loading) : await readFile(document)
  const { before } = loading
  const mark = { hash: bytes === undefined ? before!.hash : hash('sha256', bytes), etag }
  return { mark, text: bytes === undefined || mark.hash === before?.hash ? undefined : textOf(bytes, contentType) }
}

interface Found {
  /** Undefined when nothing has changed. */
  readonly bytes: Uint8Array | undefined
  readonly etag: string | undefined
  readonly contentType?: string
}

async function download(url: string, { fetch, signal, before, headers }: Loading): Promise<Found> {
  if (!isSafeUrl(url)) throw new DocumentFault('must be at an https URL, without a name and password')
  const accept = 'application/json, application/yaml, text/yaml, */*;q=0.5'
  const known = before?.etag !== undefined && { 'if-none-match': before.etag }
  const ask = {
    method: 'GET',
    headers: new Headers({ accept, 'user-agent': 'tianjillm', ...known, ...headers }),
    signal,
  }
  const response = await follow(fetch, url, ask)
  if (response.status === 304 && before !== undefined) return { bytes: undefined, etag: before.etag }
  if (!response.ok) {
    await response.body?.cancel()
    const hint = response.status >= 300 && response.status < 400 ? ', which leads to another server' : ''
    throw new DocumentFault(`was answered with status ${response.status}${hint}`)
  }
  const { bytes, isWhole } = await readBytes(response, MOST_BYTES)
  if (!isWhole) throw tooLarge()
  const [etag, contentType] = ['etag', 'content-type'].map((name) => response.headers.get(name) ?? undefined)
  return { bytes, etag, ...(contentType !== undefined && { contentType }) }
}

async function readFile(path: string): Promise<Found> {
  try {
    await using file = await open(path)
    if ((await file.stat()).size > MOST_BYTES) throw tooLarge()
    return { bytes: await file.readFile(), etag: undefined }
  } catch (cause) {
    if (cause instanceof DocumentFault) throw cause
    const { code = 'it is no file' } = cause as NodeJS.ErrnoException
    throw new DocumentFault(`cannot be read (${code})`, { cause })
  }
}

function tooLarge(): DocumentFault {
  return new DocumentFault('has more than 10 MiB')
}
