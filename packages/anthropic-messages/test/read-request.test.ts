import { describe, expect, it } from 'vitest'
import { plainChatRequest, readMessagesRequest } from '../src/index.ts'

const least = { model: 'claude', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] }
const read = (changes: object) => readMessagesRequest({ ...least, ...changes })
const messages = (...turns: readonly object[]) => read({ messages: turns }).messages
const parts = (...content: readonly object[]) => messages({ role: 'user', content })[0]!.content
const text = (value: string) => ({ type: 'text', text: value })
const cache_control = { type: 'ephemeral' }

describe('readMessagesRequest', () => {
  it('reads the least a body needs', () => {
    expect(read({})).toEqual({
      model: 'claude',
      messages: [{ role: 'user', content: 'hi' }],
      max_completion_tokens: 10,
    })
  })

  it.each([
    ['be brief', 'be brief'],
    [[text('be brief')], 'be brief'],
    [
      [text('be'), text('brief')],
      [text('be'), text('brief')],
    ],
    [[{ ...text('be brief'), cache_control }], [{ ...text('be brief'), cache_control }]],
  ])('puts the system %j first', (system, content) => {
    expect(read({ system }).messages).toEqual([
      { role: 'system', content },
      { role: 'user', content: 'hi' },
    ])
  })

  it('keeps a system turn in its place', () => {
    expect(messages({ role: 'user', content: 'a' }, { role: 'system', content: 'b' })[1]).toEqual({
      role: 'system',
      content: 'b',
    })
  })

  it.each([
    [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    ],
    [
      { type: 'image', source: { type: 'url', url: 'https://example.test/a.png' }, cache_control },
      { type: 'image_url', image_url: { url: 'https://example.test/a.png' }, cache_control },
    ],
    [
      { type: 'image', source: { type: 'file', file_id: 'file_1' } },
      { type: 'file', file: { file_id: 'file_1' } },
    ],
    [
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' }, title: 'a.pdf' },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBE', filename: 'a.pdf' } },
    ],
    [
      {
        type: 'document',
        source: { type: 'url', url: 'https://example.test/a.pdf' },
        citations: { enabled: true },
        context: 'C',
      },
      { type: 'file', file: { file_id: 'https://example.test/a.pdf' }, citations: { enabled: true }, context: 'C' },
    ],
    [
      { type: 'document', source: { type: 'file', file_id: 'file_1' } },
      { type: 'file', file: { file_id: 'file_1' } },
    ],
    [
      {
        type: 'document',
        source: { type: 'text', media_type: 'text/plain', data: 'D' },
        title: 'T',
        context: 'C',
        cache_control,
      },
      { ...text('T\nC\nD'), cache_control },
    ],
    [{ type: 'document', source: { type: 'content', content: 'D' } }, text('D')],
    [
      { type: 'search_result', source: 'https://example.test', title: 'T', content: [text('a'), text('b')] },
      text('T\nhttps://example.test\na\nb'),
    ],
  ])('reads the block %j', (block, part) => {
    expect(parts(text('see'), block)).toEqual([text('see'), part])
  })

  it('reads a document of several blocks, its title first', () => {
    const image = { type: 'image', source: { type: 'url', url: 'https://example.test/a.png' } }
    const document = { type: 'document', title: 'T', source: { type: 'content', content: [text('a'), image] } }
    expect(parts(document)).toEqual([
      text('T'),
      text('a'),
      { type: 'image_url', image_url: { url: 'https://example.test/a.png' } },
    ])
  })

  it('reads what the assistant thought, said and called, without server tools', () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'sig' }
    const redacted = { type: 'redacted_thinking', data: 'xyz' }
    const [, assistant] = messages(
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          thinking,
          redacted,
          { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} },
          text('let me look'),
          { type: 'tool_use', id: 't1', name: 'look', input: { q: 1 } },
        ],
      },
    )
    expect(assistant).toEqual({
      role: 'assistant',
      content: 'let me look',
      reasoning_content: 'hm',
      thinking_blocks: [thinking, redacted],
      tool_calls: [{ id: 't1', type: 'function', function: { name: 'look', arguments: '{"q":1}' } }],
    })
  })

  it('puts tool results first and their images into what the user says', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
    expect(
      messages({
        role: 'user',
        content: [
          text('see'),
          { type: 'tool_result', tool_use_id: 't1', content: 'no', is_error: true, cache_control },
          { type: 'tool_result', tool_use_id: 't2', content: [text('yes'), image] },
          { type: 'tool_result', tool_use_id: 't3' },
        ],
      }),
    ).toEqual([
      { role: 'tool', tool_call_id: 't1', content: 'no', is_error: true, cache_control },
      { role: 'tool', tool_call_id: 't2', content: 'yes' },
      { role: 'tool', tool_call_id: 't3', content: '' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }, text('see')] },
    ])
  })

  it.each([
    [{ stop_sequences: ['END'] }, { stop: ['END'] }],
    [
      { temperature: 0.5, top_p: 0.9, top_k: 3 },
      { temperature: 0.5, top_p: 0.9, top_k: 3 },
    ],
    [{ stream: true }, { stream: true, stream_options: { include_usage: true } }],
    [{ stream: false }, {}],
    [{ metadata: { user_id: 'u1' } }, { user: 'u1' }],
    [{ metadata: { user_id: null } }, {}],
    [{ service_tier: 'standard_only' }, { service_tier: 'default' }],
    [{ service_tier: 'auto' }, { service_tier: 'auto' }],
    [{ tool_choice: { type: 'auto' } }, { tool_choice: 'auto' }],
    [
      { tool_choice: { type: 'any', disable_parallel_tool_use: true } },
      { tool_choice: 'required', parallel_tool_calls: false },
    ],
    [{ tool_choice: { type: 'none' } }, { tool_choice: 'none' }],
    [{ tool_choice: { type: 'tool', name: 'f' } }, { tool_choice: { type: 'function', function: { name: 'f' } } }],
  ])('maps %j', (parameters, expected) => {
    expect(read(parameters)).toEqual({ ...read({}), ...expected })
  })

  it.each([
    [{ output_config: { effort: 'low' } }, 'low'],
    [{ output_config: { effort: 'max' } }, 'xhigh'],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 10_000 } }, 'medium'],
    [{ thinking: { type: 'enabled', budget_tokens: 32_000 } }, 'high'],
    [{ thinking: { type: 'adaptive' } }, undefined],
    [{ thinking: { type: 'disabled' } }, undefined],
  ])('tells the effort of %j', (parameters, reasoning_effort) => {
    expect(read(parameters)).toEqual({ ...read({}), ...parameters, ...(reasoning_effort && { reasoning_effort }) })
  })

  it('reads the format of the answer', () => {
    const schema = { type: 'object', properties: {} }
    expect(read({ output_config: { format: { type: 'json_schema', schema } } }).response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: true },
    })
  })

  it("reads tools, Anthropic's own as they are", () => {
    const search = { type: 'web_search_20250305', name: 'web_search' }
    const input_schema = { type: 'object', properties: {} }
    expect(
      read({
        tools: [
          { name: 'f', description: 'd', input_schema, strict: true, cache_control },
          { type: 'custom', name: 'g', input_schema },
          search,
        ],
      }).tools,
    ).toEqual([
      {
        type: 'function',
        function: { name: 'f', description: 'd', parameters: input_schema, strict: true },
        cache_control,
      },
      { type: 'function', function: { name: 'g', parameters: input_schema } },
      search,
    ])
  })

  it.each([
    [{ messages: 'hi' }, 'messages'],
    [{ messages: ['hi'] }, 'messages[0]'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: [{ type: 'container_upload' }] }] }, 'messages[0].content[0]'],
    [{ messages: [{ role: 'user', content: [{ type: 'image' }] }] }, 'messages[0].content[0]'],
    [{ messages: [{ role: 'user', content: [{ type: 'document', source: {} }] }] }, 'messages[0].content[0]'],
    [{ system: [{ type: 'odd' }] }, 'system[0]'],
  ])('refuses %j, naming the place', (wrong, param) => {
    expect(() => read(wrong)).toThrow(expect.objectContaining({ kind: 'invalid_request', facts: { param } }))
  })
})

describe('plainChatRequest', () => {
  it("leaves nothing but OpenAI's own fields", () => {
    const request = read({
      system: [{ ...text('be brief'), cache_control }],
      messages: [
        { role: 'user', content: [{ ...text('hi'), cache_control }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'sig' },
            { type: 'tool_use', id: 't1', name: 'f', input: {}, cache_control },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'no', is_error: true }] },
      ],
      tools: [
        { name: 'f', input_schema: { type: 'object' }, cache_control },
        { type: 'web_search_20250305', name: 'web_search' },
      ],
      metadata: { user_id: 'u'.repeat(100) },
      temperature: 0.5,
      top_k: 3,
      thinking: { type: 'adaptive' },
      output_config: { effort: 'low' },
      cache_control,
    })
    expect(plainChatRequest(request)).toEqual({
      model: 'claude',
      messages: [
        { role: 'system', content: [text('be brief')] },
        { role: 'user', content: [text('hi')] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 't1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 't1', content: 'no' },
      ],
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      user: 'u'.repeat(64),
      max_completion_tokens: 10,
      temperature: 0.5,
      reasoning_effort: 'low',
    })
  })

  it('changes nothing where there is nothing else', () => {
    const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 3 } as const
    expect(plainChatRequest(request)).toEqual(request)
  })
})
