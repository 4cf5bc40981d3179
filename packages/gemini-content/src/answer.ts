import {
  type Call,
  type ChunkHead,
  compact,
  type FinishReason,
  GatewayError,
  isJsonObject,
  type JsonObject,
  replyHeaders,
  type ToolCall,
  tokenUsage,
  type Usage,
  upstreamError,
} from '@tianjillm/core'
import { MADE_UP_ID } from './contents.ts'
import { googleError, googleFault } from './fault.ts'

/** A picture the model made; `data` is base64. */
export interface Picture {
  readonly mimeType: string
  readonly data: string
  readonly thoughtSignature: string | undefined
}

/** One candidate of an answer, or what a piece of a stream adds to it. */
export interface Candidate {
  readonly index: number
  readonly text: string
  readonly reasoning: string
  readonly toolCalls: readonly ToolCall[]
  readonly pictures: readonly Picture[]
  /** Signature of the text, to be sent back with it. */
  readonly thoughtSignature: string | undefined
  /** Undefined while there is more to come. Never `tool_calls`: see `finishWith`. */
  readonly finishReason: FinishReason | undefined
  readonly logprobs: JsonObject | undefined
  /** What OpenAI's wire has no field for. */
  readonly notes: JsonObject
}

/** An answer of generateContent, or one piece of its stream. */
export interface Answer {
  readonly head: ChunkHead
  readonly candidates: readonly Candidate[]
  readonly usage: Usage | undefined
}

/**
 * Reads an answer or a piece of one; a blocked prompt is a candidate that says nothing. Throws the error the answer
 * holds, and GatewayError `upstream_invalid_response` for what is no object.
 * https://ai.google.dev/api/generate-content#generatecontentresponse
 */
export function readAnswer(provider: string, value: unknown, call: Call): Answer {
  const error = googleError(value)
  if (error !== undefined) {
    const failed = { status: Number(error.code) || 500, headers: replyHeaders({}), body: value }
    throw upstreamError(provider, failed, googleFault(failed), call.now())
  }
  if (!isJsonObject(value)) throw notUnderstood(provider, 'the answer is not an object')
  const candidates = objectsIn(value.candidates).map((candidate) => readCandidate(candidate, call))
  return {
    head: {
      id: textOf(value.responseId) || `chatcmpl-${call.uuid()}`,
      created: Math.floor(call.now() / 1000),
      model: textOf(value.modelVersion) || call.model,
    },
    candidates: candidates.length > 0 ? candidates : blockedCandidates(value.promptFeedback),
    usage: readUsage(value.usageMetadata),
  }
}

/** The error for an answer that makes no sense. */
export function notUnderstood(provider: string, what: string): GatewayError {
  return new GatewayError('upstream_invalid_response', `${provider}: ${what}.`, { provider })
}

/** How a choice ends, now that it is known whether it calls tools. */
export function finishWith(reason: FinishReason, callsTools: boolean): FinishReason {
  return reason === 'stop' && callsTools ? 'tool_calls' : reason
}

/** The objects of a list; nothing when it is none. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** Google counts thoughts, and what its own tools read, apart; OpenAI does not. */
function readUsage(metadata: unknown): Usage | undefined {
  if (!isJsonObject(metadata)) return undefined
  return tokenUsage({
    prompt: (countOf(metadata.promptTokenCount) ?? 0) + (countOf(metadata.toolUsePromptTokenCount) ?? 0),
    completion: (countOf(metadata.candidatesTokenCount) ?? 0) + (countOf(metadata.thoughtsTokenCount) ?? 0),
    cached: countOf(metadata.cachedContentTokenCount),
    reasoning: countOf(metadata.thoughtsTokenCount),
  })
}

function readCandidate(candidate: JsonObject, call: Call): Candidate {
  const parts = objectsIn(isJsonObject(candidate.content) ? candidate.content.parts : undefined)
  const reason = textOf(candidate.finishReason)
  return {
    index: countOf(candidate.index) ?? 0,
    text: parts.map((part) => (part.thought === true ? '' : spokenIn(part))).join(''),
    reasoning: parts.map((part) => (part.thought === true ? textOf(part.text) : '')).join(''),
    toolCalls: parts.flatMap((part) => toolCallsIn(part, call)),
    pictures: parts.flatMap((part) => (part.thought === true ? [] : picturesIn(part))),
    thoughtSignature: parts
      .filter(isText)
      .map(signatureOf)
      .findLast((signature) => signature !== undefined),
    finishReason: reason === '' ? undefined : (finishReasons[reason] ?? 'stop'),
    logprobs: logprobsOf(candidate.logprobsResult),
    notes: compact({
      finish_reason: reason === '' || reason === 'STOP' || reason === 'MAX_TOKENS' ? undefined : reason,
      finish_message: candidate.finishMessage,
      citation_metadata: candidate.citationMetadata,
      grounding_metadata: candidate.groundingMetadata,
    }),
  }
}

/** Google's reasons that are more than a plain stop. */
const finishReasons: Readonly<Record<string, FinishReason>> = {
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
}

function blockedCandidates(feedback: unknown): readonly Candidate[] {
  if (!isJsonObject(feedback) || !feedback.blockReason) return []
  return [
    {
      index: 0,
      text: '',
      reasoning: '',
      toolCalls: [],
      pictures: [],
      thoughtSignature: undefined,
      finishReason: 'content_filter',
      logprobs: undefined,
      notes: compact({ block_reason: feedback.blockReason, block_reason_message: feedback.blockReasonMessage }),
    },
  ]
}

/** Text, and code the model has run with what came of it. */
function spokenIn({ text, executableCode, codeExecutionResult }: JsonObject): string {
  if (isJsonObject(executableCode))
    return `\n\`\`\`${textOf(executableCode.language).toLowerCase()}\n${textOf(executableCode.code)}\n\`\`\`\n`
  if (isJsonObject(codeExecutionResult)) return `\n\`\`\`\n${textOf(codeExecutionResult.output)}\n\`\`\`\n`
  return textOf(text)
}

function toolCallsIn({ functionCall, ...part }: JsonObject, call: Call): readonly ToolCall[] {
  if (!isJsonObject(functionCall)) return []
  const thought_signature = signatureOf(part)
  return [
    {
      id: textOf(functionCall.id) || `${MADE_UP_ID}${call.uuid()}`,
      type: 'function',
      function: { name: textOf(functionCall.name), arguments: JSON.stringify(functionCall.args ?? {}) },
      ...(thought_signature && { provider_specific_fields: { thought_signature } }),
    },
  ]
}

function picturesIn({ inlineData, ...part }: JsonObject): readonly Picture[] {
  if (!isJsonObject(inlineData) || !textOf(inlineData.mimeType).startsWith('image/')) return []
  return [{ mimeType: textOf(inlineData.mimeType), data: textOf(inlineData.data), thoughtSignature: signatureOf(part) }]
}

/** https://ai.google.dev/api/generate-content#LogprobsResult */
function logprobsOf(result: unknown): JsonObject | undefined {
  if (!isJsonObject(result)) return undefined
  const tops = objectsIn(result.topCandidates)
  const content = objectsIn(result.chosenCandidates).map((chosen, index) => ({
    ...tokenOf(chosen),
    top_logprobs: objectsIn(tops[index]?.candidates).map(tokenOf),
  }))
  return { content, refusal: null }
}

function tokenOf({ token, logProbability }: JsonObject): JsonObject {
  return { token: textOf(token), logprob: logProbability ?? 0, bytes: null }
}

function isText(part: JsonObject): boolean {
  return typeof part.text === 'string' && part.thought !== true
}

function signatureOf({ thoughtSignature }: JsonObject): string | undefined {
  return textOf(thoughtSignature) || undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
