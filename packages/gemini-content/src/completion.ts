import type { Call, ChatChoice, ChatCompletion, ChatMessage, JsonObject } from '@tianjillm/core'
import { type Candidate, finishWith, notUnderstood, type Picture, readAnswer } from './answer.ts'

/**
 * The answer of generateContent as a chat completion. Throws GatewayError: the error the answer holds, or
 * `upstream_invalid_response` when it has no candidate.
 */
export function readCompletion(provider: string, value: unknown, call: Call): ChatCompletion {
  const { head, candidates, usage } = readAnswer(provider, value, call)
  if (candidates.length === 0) throw notUnderstood(provider, 'the answer has no candidates')
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: candidates.map(choiceOf),
    ...(usage && { usage }),
  }
}

function choiceOf(candidate: Candidate): ChatChoice {
  return {
    index: candidate.index,
    message: messageOf(candidate),
    finish_reason: finishWith(candidate.finishReason ?? 'stop', candidate.toolCalls.length > 0),
    logprobs: candidate.logprobs ?? null,
    ...notesOf(candidate.notes),
  }
}

function messageOf(candidate: Candidate): ChatMessage {
  const { text, toolCalls } = candidate
  return {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    ...extensionsOf(candidate),
  }
}

/** The members of a message or delta that OpenAI's wire does not have; `shown` pictures came earlier in a stream. */
export function extensionsOf({ reasoning, pictures, thoughtSignature }: Candidate, shown = 0): JsonObject {
  return {
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(pictures.length > 0 && { images: pictures.map((picture, index) => imageOf(picture, shown + index)) }),
    ...signatureFields(thoughtSignature),
  }
}

/** The member of a choice for what OpenAI's wire has no field for. */
export function notesOf(notes: JsonObject): JsonObject {
  return Object.keys(notes).length > 0 ? { provider_specific_fields: notes } : {}
}

/** A picture in the shape of an image part, so that it can be sent back as one. */
function imageOf({ mimeType, data, thoughtSignature }: Picture, index: number): JsonObject {
  return {
    index,
    type: 'image_url',
    image_url: { url: `data:${mimeType};base64,${data}` },
    ...signatureFields(thoughtSignature),
  }
}

function signatureFields(signature: string | undefined): JsonObject {
  return signature ? { provider_specific_fields: { thought_signature: signature } } : {}
}
