import type {
  BinaryAnswer,
  EmbeddingResponse,
  JsonObject,
  OperationName,
  SearchResults,
  Transcription,
} from '@tianjillm/core'
import type { Answer } from './answer.ts'
import { renderTranscription } from './transcription.ts'

/** A provider's answer in the form the client asked for: what OpenAI does and vendors do not. */
export function render(operation: OperationName, input: JsonObject, value: JsonObject | BinaryAnswer | string): Answer {
  switch (operation) {
    case 'speech': {
      const { contentType, body } = value as BinaryAnswer
      return { type: 'binary', contentType, body }
    }
    case 'transcription':
    case 'translation':
      if (typeof value === 'string') return { type: 'text', contentType: 'text/plain; charset=utf-8', text: value }
      return renderTranscription(value as Transcription, input)
    case 'embedding':
      return { type: 'json', value: encodeEmbeddings(value as EmbeddingResponse, input) }
    case 'search':
      return { type: 'json', value: trimResults(value as SearchResults, input) }
    default:
      return { type: 'json', value: value as JsonObject }
  }
}

/** Never more results than were asked for, whatever the vendor sends. */
function trimResults(answer: SearchResults, input: JsonObject): SearchResults {
  return { ...answer, results: answer.results.slice(0, Number(input.max_results)) }
}

/** Base64 of little-endian 32-bit floats where the client asked for it: what OpenAI's own clients do unasked. */
function encodeEmbeddings(answer: EmbeddingResponse, input: JsonObject): EmbeddingResponse {
  if (input.encoding_format !== 'base64') return answer
  return {
    ...answer,
    data: answer.data.map((item) =>
      typeof item.embedding === 'string' ? item : { ...item, embedding: floatsToBase64(item.embedding) },
    ),
  }
}

function floatsToBase64(numbers: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(numbers.length * 4))
  for (const [index, number] of numbers.entries()) view.setFloat32(index * 4, number, true)
  let binary = ''
  for (const byte of new Uint8Array(view.buffer)) binary += String.fromCharCode(byte)
  return btoa(binary)
}
