const WORDS = ['Rain ', 'falls ', 'on ', 'the ', 'old ', 'roof ', 'all ', 'night.']
const usage = { prompt_tokens: 9, completion_tokens: 8, total_tokens: 17 }

/** What a good vendor answers at a path, whole. */
export function wholeAnswer(path: string, id: string): string {
  if (path.endsWith('/messages'))
    return JSON.stringify({
      id: `msg_${id}`,
      type: 'message',
      role: 'assistant',
      model: 'claude',
      content: [{ type: 'text', text: WORDS.join('') }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 9, output_tokens: 8 },
    })
  if (path.endsWith('/embeddings'))
    return JSON.stringify({
      object: 'list',
      model: 'embedding',
      data: [{ object: 'embedding', index: 0, embedding: Array.from({ length: 512 }, (_, index) => index / 512) }],
      usage: { prompt_tokens: 9, total_tokens: 9 },
    })
  if (path.includes('/images/')) return JSON.stringify({ created: 1, data: [{ b64_json: 'aW1hZ2U'.repeat(6000) }] })
  return JSON.stringify({
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1,
    model: 'gpt',
    choices: [{ index: 0, message: { role: 'assistant', content: WORDS.join('') }, finish_reason: 'stop' }],
    usage,
  })
}

/** What a good vendor answers at a path, event by event; more than three of them. */
export function streamedAnswer(path: string, id: string): readonly string[] {
  return path.endsWith('/messages') ? messagesEvents(id) : chatEvents(id)
}

function chatEvents(id: string): readonly string[] {
  const head = { id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: 1, model: 'gpt' }
  const chunk = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  return [
    chunk({ role: 'assistant', content: '' }),
    ...WORDS.map((content) => chunk({ content })),
    chunk({}, 'stop'),
    `data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n`,
    'data: [DONE]\n\n',
  ]
}

function messagesEvents(id: string): readonly string[] {
  const event = (type: string, more: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`
  const message = { id: `msg_${id}`, type: 'message', role: 'assistant', model: 'claude', content: [] }
  return [
    event('message_start', { message: { ...message, usage: { input_tokens: 9, output_tokens: 1 } } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...WORDS.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 8 } }),
    event('message_stop'),
  ]
}
