import type { ChatMessage, ChatRequest } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { writeMessagesRequest } from '../src/index.ts'

const user: ChatMessage = { role: 'user', content: 'hi' }
const written = (request: object) =>
  writeMessagesRequest({ model: 'claude', messages: [user], ...request } as ChatRequest)
const turns = (...messages: readonly object[]) => written({ messages }).messages
const cache_control = { type: 'ephemeral', ttl: '1h' }
const text = (value: string) => ({ type: 'text', text: value })
const call = (id: string, args: string) => ({ id, type: 'function', function: { name: 'look', arguments: args } })
const refusal = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    const { kind, facts } = error as { kind: string; facts: { param?: string } }
    return `${kind} ${facts.param}`
  }
  return 'nothing thrown'
}

describe('writeMessagesRequest', () => {
  it('writes the least a body needs', () => {
    expect(written({})).toEqual({
      model: 'claude',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [text('hi')] }],
    })
  })

  it('gathers system and developer messages in order, with their cache marks', () => {
    const body = written({
      messages: [
        { role: 'system', content: 'one' },
        user,
        { role: 'developer', content: [{ ...text('two'), cache_control }] },
        { role: 'system', content: 'three', cache_control },
      ],
    })
    expect(body.system).toEqual([text('one'), { ...text('two'), cache_control }, { ...text('three'), cache_control }])
    expect(body.messages).toEqual([{ role: 'user', content: [text('hi')] }])
  })

  it('maps images by data URL and by http URL', () => {
    const image = (url: unknown) => ({ type: 'image_url', image_url: url })
    expect(
      turns({
        role: 'user',
        content: [
          text('look'),
          image({ url: 'data:image/jpg;base64,AAAA', detail: 'low' }),
          { ...image({ url: 'https://example.test/a.png' }), cache_control },
          image('http://example.test/b.png'),
        ],
      }),
    ).toEqual([
      {
        role: 'user',
        content: [
          text('look'),
          { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://example.test/a.png' }, cache_control },
          { type: 'image', source: { type: 'url', url: 'http://example.test/b.png' } },
        ],
      },
    ])
  })

  it.each([
    [
      { file_data: 'data:application/pdf;base64,JVBE', filename: 'a.pdf' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' }, title: 'a.pdf' },
    ],
    [
      { file_data: 'JVBE' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' } },
    ],
    [
      { file_data: 'data:text/plain;base64,Z3LDvG4=' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'grün' } },
    ],
    [
      { file_data: 'data:image/png;base64,AAAA' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
    ],
    [
      { file_id: 'https://example.test/a.pdf' },
      { type: 'document', source: { type: 'url', url: 'https://example.test/a.pdf' } },
    ],
    [{ file_id: 'file_1' }, { type: 'document', source: { type: 'file', file_id: 'file_1' } }],
  ])('maps the file %j', (file, block) => {
    expect(turns({ role: 'user', content: [{ type: 'file', file }] })[0]!.content).toEqual([block])
  })

  it('keeps what stands beside a file', () => {
    const beside = { title: 'T', context: 'C', citations: { enabled: true }, cache_control }
    const part = { type: 'file', file: { file_id: 'file_1', filename: 'f' }, ...beside }
    expect(turns({ role: 'user', content: [part] })[0]!.content).toEqual([
      { type: 'document', source: { type: 'file', file_id: 'file_1' }, ...beside },
    ])
  })

  it("passes Anthropic's own blocks as they are", () => {
    const block = { type: 'search_result', source: 's', title: 't', content: [text('x')] }
    expect(turns({ role: 'user', content: [block] })[0]!.content).toEqual([block])
  })

  it.each([
    [{ type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }],
    [{ type: 'image_url', image_url: { url: 'ftp://example.test/a' } }],
    [{ type: 'image_url' }],
    [{ type: 'file', file: {} }],
    [{ type: 'file' }],
    [{ type: 'file', file: { file_data: 'data:text/plain;base64,%' } }],
    [{ type: 'file', file: { file_data: 'data:text/plain,hello' } }],
  ])('refuses the part %j, naming it', (part) => {
    const messages = [
      { role: 'system', content: 's' },
      { role: 'user', content: [text('a'), part] },
    ]
    expect(refusal(() => written({ messages }))).toBe('invalid_request messages[1].content[1]')
  })

  it('refuses the role function', () => {
    expect(refusal(() => turns({ role: 'function', content: '1' }))).toBe('invalid_request messages[0].role')
  })

  it('writes thinking first and unchanged, then text, then tool calls', () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'sig' }
    const redacted = { type: 'redacted_thinking', data: 'xyz' }
    const [, assistant] = turns(user, {
      role: 'assistant',
      content: 'let me look',
      reasoning_content: 'hm',
      thinking_blocks: [thinking, redacted, { type: 'thinking', thinking: "another vendor's", signature: '' }],
      tool_calls: [{ ...call('t1', '{"q":[1]}'), cache_control }, call('t2', '')],
    })
    expect(assistant).toEqual({
      role: 'assistant',
      content: [
        thinking,
        redacted,
        text('let me look'),
        { type: 'tool_use', id: 't1', name: 'look', input: { q: [1] }, cache_control },
        { type: 'tool_use', id: 't2', name: 'look', input: {} },
      ],
    })
  })

  it('refuses tool arguments that are not an object', () => {
    expect(refusal(() => turns(user, { role: 'assistant', tool_calls: [call('t1', '[')] }))).toBe(
      'invalid_request messages[1].tool_calls[0].function.arguments',
    )
  })

  it('groups tool results and what the user says after them', () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
    expect(
      turns(
        user,
        { role: 'assistant', content: null, tool_calls: [call('functions.look:0', '{}'), call('t2', '{}')] },
        { role: 'tool', tool_call_id: 'functions.look:0', content: 'no', is_error: true, cache_control },
        { role: 'tool', tool_call_id: 't2', content: [text('yes'), image] },
        { role: 'user', content: 'go on' },
      ),
    ).toEqual([
      { role: 'user', content: [text('hi')] },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'functions_look_0', name: 'look', input: {} },
          { type: 'tool_use', id: 't2', name: 'look', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'functions_look_0', content: 'no', is_error: true, cache_control },
          {
            type: 'tool_result',
            tool_use_id: 't2',
            content: [
              text('yes'),
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            ],
          },
          text('go on'),
        ],
      },
    ])
  })

  it('merges neighbours of the same role and leaves out empty texts', () => {
    expect(
      turns(
        { role: 'user', content: 'a' },
        { role: 'user', content: [text('b'), text('')] },
        { role: 'assistant', content: '' },
        { role: 'user', content: 'c' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
      ),
    ).toEqual([
      { role: 'user', content: [text('a'), text('b'), text('c')] },
      { role: 'assistant', content: [text('no')] },
    ])
  })

  it.each([
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [{ max_tokens: 5, max_completion_tokens: 6 }, { max_tokens: 6 }],
    [{ max_tokens: null }, { max_tokens: 4096 }],
    [{ stop: 'END' }, { stop_sequences: ['END'] }],
    [{ stop: ['a', 'b'] }, { stop_sequences: ['a', 'b'] }],
    [{ temperature: 1.7 }, { temperature: 1 }],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ temperature: null, top_p: null, reasoning_effort: null, service_tier: null, stop: null }, {}],
    [
      { top_p: 0.5, top_k: 3 },
      { top_p: 0.5, top_k: 3 },
    ],
    [{ stream: true, stream_options: { include_usage: true } }, { stream: true }],
    [{ stream: false }, {}],
    [{ user: 'u1', safety_identifier: 's1' }, { metadata: { user_id: 'u1' } }],
    [{ safety_identifier: 's1' }, { metadata: { user_id: 's1' } }],
    [{ metadata: { team: 'x' } }, {}],
    [{ service_tier: 'auto' }, { service_tier: 'auto' }],
    [{ service_tier: 'default' }, { service_tier: 'standard_only' }],
    [{ service_tier: 'standard_only' }, { service_tier: 'standard_only' }],
    [{ service_tier: 'priority' }, { service_tier: 'auto' }],
    [
      { context_management: { edits: [] }, cache_control },
      { context_management: { edits: [] }, cache_control },
    ],
  ])('maps %j', (parameters, expected) => {
    expect(written(parameters)).toEqual({ ...written({}), ...expected })
  })

  it.each([
    [{ reasoning_effort: 'high' }, { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } }],
    [{ reasoning_effort: 'minimal' }, { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }],
    [{ reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
    [
      { reasoning_effort: 'high', thinking: { type: 'enabled', budget_tokens: 2000 } },
      { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 6096 },
    ],
    [
      { max_tokens: 3000, thinking: { type: 'enabled', budget_tokens: 2000 } },
      { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 3000 },
    ],
    [{ thinking: { type: 'between_tools' } }, { thinking: { type: 'between_tools' } }],
    [{ reasoning_effort: 'low', output_config: { effort: 'max' } }, { output_config: { effort: 'max' } }],
  ])('asks for reasoning as %j says', (parameters, expected) => {
    expect(written(parameters)).toEqual({ ...written({}), ...expected })
  })

  it.each([
    [{ type: 'text' }, {}],
    [
      { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties: {} }, strict: true } },
      { output_config: { format: { type: 'json_schema', schema: { type: 'object', properties: {} } } } },
    ],
    [{ type: 'json_object' }, { system: [text('Answer with a single JSON object and nothing else.')] }],
  ])('maps the response format %j', (response_format, expected) => {
    expect(written({ response_format })).toEqual({ ...written({}), ...expected })
  })

  it('lays format and effort together', () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } }
    expect(written({ response_format, reasoning_effort: 'low' }).output_config).toEqual({
      effort: 'low',
      format: { type: 'json_schema', schema: { type: 'object' } },
    })
  })

  it.each([
    [{ name: 'f' }, {}, { name: 'f', input_schema: { type: 'object', properties: {} } }],
    [
      { name: 'f', description: 'd', parameters: { properties: { a: {} } }, strict: true },
      { cache_control },
      {
        name: 'f',
        description: 'd',
        input_schema: { type: 'object', properties: { a: {} } },
        strict: true,
        cache_control,
      },
    ],
    [
      { name: 'f', parameters: { type: 'object' }, strict: null, cache_control },
      { defer_loading: true },
      { name: 'f', input_schema: { type: 'object' }, cache_control, defer_loading: true },
    ],
  ])('maps the function %j', (described, beside, expected) => {
    expect(written({ tools: [{ type: 'function', function: described, ...beside }] }).tools).toEqual([expected])
  })

  it("passes Anthropic's own tools as they are", () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
      { name: 'f', input_schema: { type: 'object' } },
    ]
    expect(written({ tools }).tools).toEqual(tools)
  })

  const tools = [{ type: 'function', function: { name: 'f' } }]
  it.each([
    [{ tool_choice: 'auto' }, { type: 'auto' }],
    [{ tool_choice: 'required' }, { type: 'any' }],
    [{ tool_choice: 'none' }, { type: 'none' }],
    [{ tool_choice: { type: 'function', function: { name: 'f' } } }, { type: 'tool', name: 'f' }],
    [{ tool_choice: { type: 'any' } }, { type: 'any' }],
    [{ parallel_tool_calls: true }, undefined],
    [{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [
      { parallel_tool_calls: false, tool_choice: 'required' },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    [{ parallel_tool_calls: false, tool_choice: 'none' }, { type: 'none' }],
  ])('maps the choice %j', (parameters, expected) => {
    expect(written({ ...parameters, tools }).tool_choice).toEqual(expected)
  })

  it('leaves a choice out when there is nothing to choose from', () => {
    expect(written({ tools: [], tool_choice: 'auto', parallel_tool_calls: false })).toEqual(written({}))
  })
})
