import { type Call, GatewayError, isGatewayError, type JsonObject, parseJson } from '@tianjillm/core'
import { createFetch, FetchError } from 'ofetch'
import * as v from 'valibot'

/** What is posted to a judge, as JSON. */
export interface JudgeRequest {
  /** Absolute, with the query. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/** Bytes; room for a judge that sends the longest of prompts back redacted. */
const LONGEST_ANSWER = 16 * 1024 * 1024

/**
 * Posts to a judge and reads its JSON answer by a schema; once, without redirects, for as long as the call lives.
 * Throws GatewayError `guardrail_unavailable` when the judge cannot be reached or understood, and the reason of
 * the call's signal when that ends it. No message holds the URL, which may have a key in it, or a word of the judge's.
 */
export async function askJudge<Schema extends v.GenericSchema>(
  plugin: string,
  request: JudgeRequest,
  answer: Schema,
  call: Call,
): Promise<v.InferOutput<Schema>> {
  const { status, text } = await post(plugin, request, call).catch((error: unknown) => {
    call.signal.throwIfAborted()
    if (isGatewayError(error)) throw error
    throw unavailable(plugin, 'the judge could not be reached.', {
      // The FetchError itself names the URL.
      cause: error instanceof FetchError ? error.cause : undefined,
    })
  })
  if (text === undefined) throw unavailable(plugin, refusal(status), { upstreamStatus: status })
  const result = v.safeParse(answer, parseJson(text))
  if (!result.success) throw unavailable(plugin, 'the judge gave an answer without a verdict.')
  return result.output
}

/** The text is undefined when the answer is no success. */
async function post(
  plugin: string,
  { url, headers, body }: JudgeRequest,
  call: Call,
): Promise<{ readonly status: number; readonly text: string | undefined }> {
  const response = await createFetch({ fetch: call.fetch }).raw(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: call.signal,
    // A redirect would carry the key and the prompt to a host nobody configured.
    redirect: 'manual',
    retry: 0,
    responseType: 'stream',
    ignoreResponseError: true,
  })
  if (response.ok) return { status: response.status, text: await textOf(plugin, response.body) }
  await response.body?.cancel()
  return { status: response.status, text: undefined }
}

async function textOf(plugin: string, body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const piece of body ?? []) {
    length += piece.length
    if (length > LONGEST_ANSWER) throw unavailable(plugin, `the judge's answer is longer than ${LONGEST_ANSWER} bytes.`)
    text += decoder.decode(piece, { stream: true })
  }
  return text + decoder.decode()
}

function refusal(status: number): string {
  return status === 401 || status === 403
    ? `the judge refused the configured credentials (${status}).`
    : `the judge answered ${status}.`
}

function unavailable(
  plugin: string,
  what: string,
  facts: { readonly upstreamStatus?: number; readonly cause?: unknown } = {},
): GatewayError {
  return new GatewayError('guardrail_unavailable', `${plugin}: ${what}`, { provider: plugin, ...facts })
}
