import type { OperationName } from '@tianjillm/core'

const callTypes: Readonly<Record<OperationName, string>> = {
  chat: 'acompletion',
  completion: 'atext_completion',
  embedding: 'aembedding',
  image: 'aimage_generation',
  imageEdit: 'aimage_edit',
  imageVariation: 'aimage_variation',
  messages: 'anthropic_messages',
  moderation: 'amoderation',
  rerank: 'arerank',
  responses: 'aresponses',
  search: 'asearch',
  speech: 'aspeech',
  tool: 'call_mcp_tool',
  transcription: 'atranscription',
  translation: 'atranslation',
}

/** What LiteLLM calls an operation in its logs: `acompletion` for chat. */
export function callType(operation: OperationName): string {
  return callTypes[operation]
}
