import { encodeEvent, encodeMessage, providerContract } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { bedrock } from '../src/bedrock.ts'

const model = 'anthropic.claude-sonnet-4-5-20250929-v1:0'
const base = 'https://bedrock-runtime.us-west-2.amazonaws.com/model'
const converse = `${base}/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse`
const headers = { authorization: 'Bearer test-key', 'content-type': 'application/json' }
const messages = [{ role: 'user', content: 'hi' }] as const
const hi = [{ role: 'user', content: [{ text: 'hi' }] }]
const png = 'iVBORw0KGgo='
const keys = { awsAccessKeyId: 'AKID', awsSecretAccessKey: 'wJalrXUtnFEMI' }
const functionOf = (name: string) => ({ name, description: 'Looks it up', parameters: { type: 'object' } })
const tool = { type: 'function', function: functionOf('weather') } as const
const toolSpec = {
  toolSpec: { name: 'weather', description: 'Looks it up', inputSchema: { json: { type: 'object' } } },
}
const call = { id: 'tu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Ulm"}' } } as const
const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 }

/** Converse's answer with these content blocks. */
const reply = (content: readonly object[] = [{ text: 'Hello.' }], rest: object = {}) => ({
  headers: { 'x-amzn-requestid': 'r1' },
  body: {
    output: { message: { role: 'assistant', content } },
    stopReason: 'end_turn',
    usage: { inputTokens: 9, outputTokens: 3, totalTokens: 12 },
    metrics: { latencyMs: 310 },
    ...rest,
  },
})

const completion = (message: object, finish_reason = 'stop', rest: object = {}) => ({
  id: 'chatcmpl-r1',
  object: 'chat.completion',
  created: 1767348000,
  model,
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason, logprobs: null }],
  usage,
  ...rest,
})

const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'chatcmpl-r1',
  object: 'chat.completion.chunk',
  created: 1767348000,
  model,
  choices: [{ index: 0, delta, finish_reason }],
})

const lastChunk = { ...chunk({}), choices: [], usage }

const streamed = (...events: readonly Uint8Array[]) => ({
  headers: { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'r1' },
  body: new Uint8Array(Buffer.concat(events)),
})

const delta = (contentBlockIndex: number, delta: object) =>
  encodeEvent('contentBlockDelta', { contentBlockIndex, delta, p: 'abcdefgh' })
const stop = (contentBlockIndex: number) => encodeEvent('contentBlockStop', { contentBlockIndex })
const start = encodeEvent('messageStart', { role: 'assistant' })
const end = (stopReason: string) => [
  encodeEvent('messageStop', { stopReason }),
  encodeEvent('metadata', { usage: { inputTokens: 9, outputTokens: 3, totalTokens: 12 }, metrics: { latencyMs: 9 } }),
]
const exception = (name: string, message: string) =>
  encodeMessage(
    { ':message-type': 'exception', ':exception-type': name, ':content-type': 'application/json' },
    JSON.stringify({ message }),
  )

/** A case of which only the request matters. */
const asks = (title: string, input: object, json: object) => ({
  title,
  input: { model, messages, ...input },
  sent: { url: converse, headers, json: { messages: hi, ...json } },
  reply: reply(),
})

/** A case of which only the answer matters. */
const answers = (title: string, content: readonly object[], rest: object, answer: object) => ({
  title,
  input: { model, messages },
  sent: { url: converse },
  reply: reply(content, rest),
  answer,
})

/** A case that never reaches the vendor. */
const refuses = (title: string, input: object, error: { kind: string; message: RegExp; param?: string }) => ({
  title,
  input: { model, messages, ...input },
  sent: [],
  reply: [],
  error,
})

/** A case of a stream that goes wrong. */
const breaks = (title: string, events: readonly Uint8Array[], error: { kind: string; message?: RegExp }) => ({
  title,
  input: { model, messages, stream: true },
  sent: { url: `${converse}-stream` },
  reply: streamed(...events),
  error,
})

const user = (...content: readonly object[]) => ({ messages: [{ role: 'user', content }] })

providerContract(bedrock, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'asks Converse with a Bedrock API key',
        input: {
          model,
          messages: [{ role: 'system', content: 'Be brief.' }, ...messages, { role: 'developer', content: 'Really.' }],
          max_tokens: 5,
          temperature: 0.5,
          top_p: 0.9,
          stop: 'END',
        },
        sent: {
          url: converse,
          headers: { ...headers, 'x-amz-date': null },
          json: {
            messages: hi,
            system: [{ text: 'Be brief.' }, { text: 'Really.' }],
            inferenceConfig: { maxTokens: 5, temperature: 0.5, topP: 0.9, stopSequences: ['END'] },
          },
        },
        reply: reply(),
        answer: completion({ content: 'Hello.' }),
      },
      {
        title: 'signs with the keys of its options, whatever key the environment has',
        options: { ...keys, apiKey: undefined, awsRegionName: 'eu-central-1', awsSessionToken: 'session' },
        env: { AWS_BEARER_TOKEN_BEDROCK: 'other-key' },
        input: { model: `converse/${model}`, messages },
        sent: {
          url: converse.replace('us-west-2', 'eu-central-1'),
          headers: {
            authorization:
              /^AWS4-HMAC-SHA256 Credential=AKID\/20260102\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
            'x-amz-date': '20260102T100000Z',
            'x-amz-security-token': 'session',
          },
          json: { messages: hi },
        },
        reply: reply(),
      },
      {
        title: 'takes the key of the environment before its access keys',
        options: { apiKey: undefined },
        env: { AWS_BEARER_TOKEN_BEDROCK: 'other-key', AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' },
        input: { model, messages },
        sent: { url: converse, headers: { authorization: 'Bearer other-key' } },
        reply: reply(),
      },
      {
        title: 'signs with the access keys of the environment',
        options: { apiKey: undefined },
        env: { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S', AWS_REGION: 'us-east-2' },
        input: { model, messages },
        sent: {
          url: converse.replace('us-west-2', 'us-east-2'),
          headers: { authorization: /Credential=A\/20260102\/us-east-2\/bedrock/ },
        },
        reply: reply(),
      },
      {
        title: 'asks the endpoint it is given, with an ARN as one segment of the path',
        options: { awsBedrockRuntimeEndpoint: 'https://bedrock.example.test/' },
        input: { model: 'arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.x.y-v1:0', messages },
        sent: {
          url: 'https://bedrock.example.test/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Ainference-profile%2Fus.x.y-v1%3A0/converse',
        },
        reply: reply(),
      },
      {
        title: 'asks the endpoint of the environment',
        env: { AWS_BEDROCK_RUNTIME_ENDPOINT: 'https://vpce.example.test' },
        input: { model: 'invoke/m', messages },
        sent: { url: 'https://vpce.example.test/model/m/converse' },
        reply: reply(),
      },
      asks(
        'lets the sides alternate, and leaves out blank text',
        {
          messages: [
            { role: 'user', content: 'a' },
            {
              role: 'user',
              content: [
                { type: 'text', text: 'b' },
                { type: 'text', text: ' ' },
              ],
            },
            { role: 'assistant', content: '' },
            { role: 'assistant', content: 'c' },
            { role: 'assistant', content: [{ type: 'refusal', refusal: 'd' }] },
            { role: 'user', content: 'e' },
          ],
        },
        {
          messages: [
            { role: 'user', content: [{ text: 'a' }, { text: 'b' }] },
            { role: 'assistant', content: [{ text: 'c' }, { text: 'd' }] },
            { role: 'user', content: [{ text: 'e' }] },
          ],
        },
      ),
      asks(
        'sends images and documents inside of the request',
        user(
          { type: 'text', text: 'Compare' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
          { type: 'image_url', image_url: `data:image/jpg;base64,${png}` },
          { type: 'image_url', image_url: { url: 's3://bucket/a/b.JPG' } },
          { type: 'file', file: { filename: 'Q3_report (v2).pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
          { type: 'file', file: { file_data: 'data:text/markdown;charset=utf-8;base64,IyBh' } },
          { type: 'file', file: { file_id: 's3://bucket/t.csv', filename: '???' } },
          { type: 'file', file: { file_data: `data:image/webp;base64,${png}` } },
          { type: 'guarded_text', text: 'only this' },
        ),
        {
          messages: [
            {
              role: 'user',
              content: [
                { text: 'Compare' },
                { image: { format: 'png', source: { bytes: png } } },
                { image: { format: 'jpeg', source: { bytes: png } } },
                { image: { format: 'jpeg', source: { s3Location: { uri: 's3://bucket/a/b.JPG' } } } },
                { document: { format: 'pdf', name: 'Q3 report (v2) pdf', source: { bytes: 'JVBERg==' } } },
                { document: { format: 'md', name: 'messages[0] content[5]', source: { bytes: 'IyBh' } } },
                { document: { format: 'csv', name: 'document', source: { s3Location: { uri: 's3://bucket/t.csv' } } } },
                { image: { format: 'webp', source: { bytes: png } } },
                { guardContent: { text: { text: 'only this' } } },
              ],
            },
          ],
        },
      ),
      refuses(
        'does not fetch images',
        user({ type: 'text', text: 'a' }, { type: 'image_url', image_url: { url: 'https://example.test/a.png' } }),
        { kind: 'invalid_request', message: /data URL/, param: 'messages[0].content[1].image_url' },
      ),
      refuses(
        'names an image that Converse cannot read',
        user({ type: 'image_url', image_url: { url: 'data:image/tiff;base64,AA==' } }),
        {
          kind: 'invalid_request',
          message: /image\/tiff.*png, jpeg, gif, webp/,
          param: 'messages[0].content[0].image_url',
        },
      ),
      refuses('names a file it does not have', user({ type: 'file', file: { file_id: 'file-1' } }), {
        kind: 'invalid_request',
        message: /data URL/,
        param: 'messages[0].content[0].file',
      }),
      refuses('names audio', user({ type: 'input_audio', input_audio: { data: '', format: 'wav' } }), {
        kind: 'invalid_request',
        message: /input_audio/,
        param: 'messages[0].content[0].type',
      }),
      refuses(
        'names a message of a role it does not know',
        { messages: [{ role: 'function', name: 'f', content: '1' }] },
        {
          kind: 'invalid_request',
          message: /role function/,
          param: 'messages[0].role',
        },
      ),
      asks(
        'tells of tool calls and their results',
        {
          tools: [tool, { type: 'function', function: { name: 'now', strict: true, description: '' } }],
          tool_choice: 'auto',
          messages: [
            ...messages,
            {
              role: 'assistant',
              content: 'Looking.',
              tool_calls: [call, { ...call, id: 'tu_2', function: { name: 'now', arguments: '' } }],
            },
            { role: 'tool', tool_call_id: 'tu_1', content: '{"celsius":20}' },
            { role: 'tool', tool_call_id: 'tu_2', content: [{ type: 'text', text: 'broken' }], is_error: true },
            { role: 'user', content: 'So?' },
          ],
        },
        {
          messages: [
            ...hi,
            {
              role: 'assistant',
              content: [
                { text: 'Looking.' },
                { toolUse: { toolUseId: 'tu_1', name: 'weather', input: { city: 'Ulm' } } },
                { toolUse: { toolUseId: 'tu_2', name: 'now', input: {} } },
              ],
            },
            {
              role: 'user',
              content: [
                { toolResult: { toolUseId: 'tu_1', content: [{ text: '{"celsius":20}' }] } },
                { toolResult: { toolUseId: 'tu_2', content: [{ text: 'broken' }], status: 'error' } },
                { text: 'So?' },
              ],
            },
          ],
          toolConfig: {
            tools: [
              toolSpec,
              { toolSpec: { name: 'now', inputSchema: { json: { type: 'object', properties: {} } }, strict: true } },
            ],
            toolChoice: { auto: {} },
          },
        },
      ),
      asks(
        'demands a tool',
        { tools: [tool], tool_choice: 'required' },
        {
          toolConfig: { tools: [toolSpec], toolChoice: { any: {} } },
        },
      ),
      asks(
        'demands one tool',
        { tools: [tool], tool_choice: { type: 'function', function: { name: 'weather' } } },
        {
          toolConfig: { tools: [toolSpec], toolChoice: { tool: { name: 'weather' } } },
        },
      ),
      asks('leaves the tools out when none may be called', { tools: [tool], tool_choice: 'none' }, {}),
      asks(
        'keeps the tools that the history needs, even when none may be called',
        { tools: [tool], tool_choice: 'none', messages: [{ role: 'assistant', tool_calls: [call] }] },
        {
          messages: [
            {
              role: 'assistant',
              content: [{ toolUse: { toolUseId: 'tu_1', name: 'weather', input: { city: 'Ulm' } } }],
            },
          ],
          toolConfig: { tools: [toolSpec] },
        },
      ),
      asks(
        'declares the tools that only the history knows',
        { messages: [{ role: 'assistant', tool_calls: [call, { ...call, id: 'tu_2' }] }] },
        {
          messages: [
            {
              role: 'assistant',
              content: [
                { toolUse: { toolUseId: 'tu_1', name: 'weather', input: { city: 'Ulm' } } },
                { toolUse: { toolUseId: 'tu_2', name: 'weather', input: { city: 'Ulm' } } },
              ],
            },
          ],
          toolConfig: {
            tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object', properties: {} } } } }],
          },
        },
      ),
      refuses(
        'names a tool call whose arguments are no object',
        {
          messages: [{ role: 'assistant', tool_calls: [{ ...call, function: { name: 'weather', arguments: '[1]' } }] }],
        },
        { kind: 'invalid_request', message: /JSON object/, param: 'messages[0].tool_calls[0].function.arguments' },
      ),
      refuses(
        'names a tool result that answers no call',
        { messages: [{ role: 'tool', content: 'x' }] },
        {
          kind: 'invalid_request',
          message: /which call/,
          param: 'messages[0].tool_call_id',
        },
      ),
      refuses(
        'names a tool that is no function',
        { tools: [{ type: 'web_search' }] },
        {
          kind: 'invalid_request',
          message: /web_search/,
          param: 'tools[0].type',
        },
      ),
      asks(
        'marks what may be cached',
        {
          tools: [{ ...tool, cache_control: { type: 'ephemeral' } }],
          messages: [
            {
              role: 'system',
              content: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
            },
            { role: 'user', content: 'a', cache_control: { type: 'ephemeral' } },
            { role: 'assistant', tool_calls: [call] },
            {
              role: 'tool',
              tool_call_id: 'tu_1',
              content: [{ type: 'text', text: 'r', cache_control: { type: 'ephemeral' } }],
            },
          ],
        },
        {
          system: [{ text: 'Long.' }, { cachePoint: { type: 'default', ttl: '1h' } }],
          messages: [
            { role: 'user', content: [{ text: 'a' }, { cachePoint: { type: 'default' } }] },
            {
              role: 'assistant',
              content: [{ toolUse: { toolUseId: 'tu_1', name: 'weather', input: { city: 'Ulm' } } }],
            },
            {
              role: 'user',
              content: [
                { toolResult: { toolUseId: 'tu_1', content: [{ text: 'r' }] } },
                { cachePoint: { type: 'default' } },
              ],
            },
          ],
          toolConfig: { tools: [toolSpec, { cachePoint: { type: 'default' } }] },
        },
      ),
      asks(
        'sends signed reasoning back unchanged, before everything else',
        {
          messages: [
            ...messages,
            {
              role: 'assistant',
              content: 'Ja.',
              reasoning_content: 'hm',
              thinking_blocks: [
                { type: 'thinking', thinking: 'hm', signature: 'sig' },
                { type: 'redacted_thinking', data: 'AAAA' },
              ],
            },
          ],
        },
        {
          messages: [
            ...hi,
            {
              role: 'assistant',
              content: [
                { reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } },
                { reasoningContent: { redactedContent: 'AAAA' } },
                { text: 'Ja.' },
              ],
            },
          ],
        },
      ),
      asks(
        "hands on the model's own fields, and Converse's in their place",
        {
          top_k: 40,
          thinking: { type: 'enabled', budget_tokens: 1024 },
          anthropic_beta: ['context-1m'],
          additionalModelRequestFields: { top_k: 50 },
          additionalModelResponseFieldPaths: ['/stop_sequence'],
          guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' },
          performanceConfig: { latency: 'optimized' },
          requestMetadata: { team: 'a' },
          service_tier: 'flex',
        },
        {
          additionalModelRequestFields: {
            top_k: 50,
            thinking: { type: 'enabled', budget_tokens: 1024 },
            anthropic_beta: ['context-1m'],
          },
          additionalModelResponseFieldPaths: ['/stop_sequence'],
          guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' },
          performanceConfig: { latency: 'optimized' },
          requestMetadata: { team: 'a' },
          serviceTier: { type: 'flex' },
        },
      ),
      asks(
        'asks for an answer that keeps to a schema, with an effort',
        {
          reasoning_effort: 'minimal',
          max_completion_tokens: 7,
          service_tier: 'auto',
          response_format: {
            type: 'json_schema',
            json_schema: {
              name: 'city',
              description: 'A city',
              schema: { type: 'object', required: ['a'] },
              strict: true,
            },
          },
        },
        {
          inferenceConfig: { maxTokens: 7 },
          outputConfig: {
            effort: 'low',
            textFormat: {
              type: 'json_schema',
              structure: {
                jsonSchema: { name: 'city', description: 'A city', schema: '{"type":"object","required":["a"]}' },
              },
            },
          },
        },
      ),
      asks('asks for text as it is the default', { reasoning_effort: 'none', response_format: { type: 'text' } }, {}),
      {
        title: "tells OpenAI's open models the effort in their words",
        input: { model: 'openai.gpt-oss-120b-1:0', messages, reasoning_effort: 'high' },
        sent: {
          url: `${base}/openai.gpt-oss-120b-1%3A0/converse`,
          json: { messages: hi, additionalModelRequestFields: { reasoning_effort: 'high' } },
        },
        reply: reply(),
      },
      refuses(
        'names a response format it lacks',
        { response_format: { type: 'json_object' } },
        {
          kind: 'unsupported_parameter',
          message: /json_schema/,
          param: 'response_format',
        },
      ),
      refuses(
        'names a parameter it lacks',
        { seed: 1 },
        {
          kind: 'unsupported_parameter',
          message: /bedrock: chat does not support seed/,
          param: 'seed',
        },
      ),
      answers(
        'tells tool calls',
        [
          { text: '' },
          { toolUse: { toolUseId: 'tu_1', name: 'weather', input: { city: 'Ulm' } } },
          { toolUse: { toolUseId: 'tu_2', name: 'now' } },
        ],
        { stopReason: 'tool_use' },
        completion(
          {
            content: null,
            tool_calls: [
              { id: 'tu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Ulm"}' } },
              { id: 'tu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
            ],
          },
          'tool_calls',
        ),
      ),
      answers(
        'tells reasoning as text and as signed blocks',
        [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } },
          { reasoningContent: { redactedContent: 'AAAA' } },
          { reasoningContent: { reasoningText: { text: ', yes' } } },
          { text: 'Ja' },
          { text: '.', somethingNew: true },
          { somethingElse: {} },
        ],
        {},
        completion({
          content: 'Ja.',
          reasoning_content: 'hm, yes',
          thinking_blocks: [
            { type: 'thinking', thinking: 'hm', signature: 'sig' },
            { type: 'redacted_thinking', data: 'AAAA' },
            { type: 'thinking', thinking: ', yes' },
          ],
        }),
      ),
      answers(
        'counts cached tokens as tokens of the prompt',
        [{ text: 'a' }],
        {
          usage: {
            inputTokens: 1,
            outputTokens: 2,
            totalTokens: 15,
            cacheReadInputTokens: 8,
            cacheWriteInputTokens: 4,
          },
        },
        completion({ content: 'a' }, 'stop', {
          usage: {
            prompt_tokens: 13,
            completion_tokens: 2,
            total_tokens: 15,
            prompt_tokens_details: { cached_tokens: 8 },
            cache_creation_input_tokens: 4,
          },
        }),
      ),
      answers(
        "hands on a guardrail's trace and the fields asked for",
        [{ text: 'blocked' }],
        {
          stopReason: 'guardrail_intervened',
          trace: { guardrail: { actionReason: 'x' } },
          additionalModelResponseFields: { stop_sequence: 'END' },
        },
        completion({ content: 'blocked' }, 'content_filter', {
          provider_specific_fields: {
            trace: { guardrail: { actionReason: 'x' } },
            additionalModelResponseFields: { stop_sequence: 'END' },
          },
        }),
      ),
      ...(
        [
          ['stop_sequence', 'stop'],
          ['max_tokens', 'length'],
          ['model_context_window_exceeded', 'length'],
          ['content_filtered', 'content_filter'],
          ['malformed_tool_use', 'stop'],
          ['something_new', 'stop'],
        ] as const
      ).map(([stopReason, finish]) =>
        answers(
          `finishes with ${finish} after ${stopReason}`,
          [{ text: 'a' }],
          { stopReason },
          completion({ content: 'a' }, finish),
        ),
      ),
      {
        title: 'refuses an answer without a message',
        input: { model, messages },
        sent: { url: converse },
        reply: { body: { output: { message: { content: 'text' } } } },
        error: { kind: 'upstream_invalid_response', message: /bedrock: the answer holds no message/ },
      },
      {
        title: 'streams text, and the usage that comes after the end',
        input: { model, messages, stream: true },
        sent: { url: `${converse}-stream`, headers, json: { messages: hi } },
        reply: streamed(
          start,
          delta(0, { text: 'Grüß ' }),
          delta(0, { text: 'dich 👍' }),
          stop(0),
          encodeEvent('somethingNew', { a: 1 }),
          ...end('max_tokens'),
        ),
        answer: [
          chunk({ role: 'assistant', content: '' }),
          chunk({ content: 'Grüß ' }),
          chunk({ content: 'dich 👍' }),
          chunk({}, 'length'),
          lastChunk,
        ],
      },
      {
        title: 'streams reasoning, then tool calls, one of them without arguments',
        input: { model, messages, stream: true },
        sent: { url: `${converse}-stream`, headers, json: { messages: hi } },
        reply: streamed(
          start,
          delta(0, { reasoningContent: { text: 'h' } }),
          delta(0, { reasoningContent: { text: 'm' } }),
          delta(0, { reasoningContent: { signature: 'sig' } }),
          stop(0),
          delta(1, { reasoningContent: { redactedContent: 'AAAA' } }),
          stop(1),
          encodeEvent('contentBlockStart', {
            contentBlockIndex: 2,
            start: { toolUse: { toolUseId: 'tu_1', name: 'weather' } },
          }),
          delta(2, { toolUse: { input: '{"city"' } }),
          delta(2, { toolUse: { input: ':"Ulm"}' } }),
          stop(2),
          encodeEvent('contentBlockStart', {
            contentBlockIndex: 3,
            start: { toolUse: { toolUseId: 'tu_2', name: 'now' } },
          }),
          stop(3),
          ...end('tool_use'),
        ),
        answer: [
          chunk({ role: 'assistant', content: '' }),
          chunk({ reasoning_content: 'h' }),
          chunk({ reasoning_content: 'm' }),
          chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'sig' }] }),
          chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'AAAA' }] }),
          chunk({
            tool_calls: [{ index: 0, id: 'tu_1', type: 'function', function: { name: 'weather', arguments: '' } }],
          }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city"' } }] }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: ':"Ulm"}' } }] }),
          chunk({ tool_calls: [{ index: 1, id: 'tu_2', type: 'function', function: { name: 'now', arguments: '' } }] }),
          chunk({ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }),
          chunk({}, 'tool_calls'),
          lastChunk,
        ],
      },
      ...(
        [
          ['throttlingException', 'rate_limited'],
          ['validationException', 'invalid_request'],
          ['serviceUnavailableException', 'overloaded'],
          ['modelStreamErrorException', 'upstream_error'],
          ['internalServerException', 'upstream_error'],
          ['somethingNewException', 'upstream_error'],
        ] as const
      ).map(([name, kind]) =>
        breaks(`tells a ${name} within the stream`, [start, delta(0, { text: 'a' }), exception(name, 'slow down')], {
          kind,
          message: /bedrock: slow down/,
        }),
      ),
      breaks(
        'tells an error within the stream',
        [
          start,
          encodeMessage({ ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'oops' }, ''),
        ],
        { kind: 'upstream_error', message: /bedrock: oops/ },
      ),
      breaks('tells a stream without an end', [start, delta(0, { text: 'a' }), stop(0)], {
        kind: 'upstream_invalid_response',
        message: /before the answer was complete/,
      }),
      breaks('tells an event it cannot understand', [encodeEvent('contentBlockDelta', { delta: 5 })], {
        kind: 'upstream_invalid_response',
        message: /contentBlockDelta/,
      }),
    ],
    embedding: [
      {
        title: 'asks Titan for each text by itself',
        input: { model: 'amazon.titan-embed-text-v2:0', input: ['a', 'a'], dimensions: 256, normalize: true },
        sent: Array.from({ length: 2 }, () => ({
          url: `${base}/amazon.titan-embed-text-v2%3A0/invoke`,
          headers,
          json: { inputText: 'a', dimensions: 256, normalize: true },
        })),
        reply: { body: { embedding: [1], inputTextTokenCount: 3 } },
        answer: {
          object: 'list',
          data: [
            { object: 'embedding', index: 0, embedding: [1] },
            { object: 'embedding', index: 1, embedding: [1] },
          ],
          model: 'amazon.titan-embed-text-v2:0',
          usage: { prompt_tokens: 6, total_tokens: 6 },
        },
      },
      {
        title: 'asks Titan for a single text',
        input: { model: 'amazon.titan-embed-text-v1', input: 'a' },
        sent: { url: `${base}/amazon.titan-embed-text-v1/invoke`, json: { inputText: 'a' } },
        reply: { body: { embedding: [1], inputTextTokenCount: 3 } },
        answer: {
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [1] }],
          model: 'amazon.titan-embed-text-v1',
          usage: { prompt_tokens: 3, total_tokens: 3 },
        },
      },
      {
        title: 'asks Cohere for all texts at once',
        input: { model: 'cohere.embed-english-v3', input: ['a', 'b'] },
        sent: {
          url: `${base}/cohere.embed-english-v3/invoke`,
          headers,
          json: { texts: ['a', 'b'], input_type: 'search_document' },
        },
        reply: {
          headers: { 'x-amzn-bedrock-input-token-count': '4' },
          body: { id: 'x', embeddings: [[1], [2]], texts: ['a', 'b'] },
        },
        answer: {
          object: 'list',
          data: [
            { object: 'embedding', index: 0, embedding: [1] },
            { object: 'embedding', index: 1, embedding: [2] },
          ],
          model: 'cohere.embed-english-v3',
          usage: { prompt_tokens: 4, total_tokens: 4 },
        },
      },
      {
        title: "hands on Cohere's own parameters and reads vectors by type",
        input: {
          model: 'cohere.embed-v4:0',
          input: 'a',
          dimensions: 512,
          input_type: 'search_query',
          truncate: 'END',
          embedding_types: ['float'],
        },
        sent: {
          url: `${base}/cohere.embed-v4%3A0/invoke`,
          json: {
            texts: ['a'],
            input_type: 'search_query',
            output_dimension: 512,
            truncate: 'END',
            embedding_types: ['float'],
          },
        },
        reply: { body: { embeddings: { float: [[1]] } } },
        answer: {
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [1] }],
          model: 'cohere.embed-v4:0',
        },
      },
      {
        title: 'names tokens that it cannot embed',
        input: { model: 'amazon.titan-embed-text-v1', input: [1, 2] },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: /not of tokens/, param: 'input' },
      },
      {
        title: 'refuses an answer without embeddings',
        input: { model: 'amazon.titan-embed-text-v1', input: 'a' },
        sent: { url: `${base}/amazon.titan-embed-text-v1/invoke` },
        reply: { body: { message: 'odd' } },
        error: { kind: 'upstream_invalid_response', message: /no embeddings/ },
      },
    ],
  },
  faults: [
    ['AccessDeniedException', 403, 'no', 'upstream_auth_failed'],
    ['ValidationException', 400, 'bad field', 'invalid_request'],
    ['ValidationException', 400, 'Input is too long for requested model.', 'context_length_exceeded'],
    ['ResourceNotFoundException', 404, 'no such model', 'model_not_found'],
    ['ThrottlingException:http://internal.amazon.com/', 429, 'Too many tokens, wait', 'rate_limited'],
    ['ServiceQuotaExceededException', 400, 'quota', 'quota_exceeded'],
    ['ModelTimeoutException', 408, 'slow', 'upstream_timeout'],
    ['ModelErrorException', 424, 'broken', 'upstream_error'],
    ['ModelNotReadyException', 429, 'wait', 'overloaded'],
    ['ConflictException', 400, 'conflict', 'invalid_request'],
    ['InternalServerException', 500, 'oops', 'upstream_error'],
    ['ServiceUnavailableException', 503, 'later', 'overloaded'],
  ].map(([type, status, message, kind]) => ({
    status: Number(status),
    headers: { 'x-amzn-errortype': String(type) },
    body: { message },
    kind: String(kind),
    message: kind === 'upstream_auth_failed' ? /refused the configured credentials/ : `bedrock: ${message}`,
  })),
})

describe('batches of embeddings', () => {
  const { log } = console
  const host = {
    env: () => undefined,
    fetch,
    now: Date.now,
    uuid: () => '',
    log: { debug: log, info: log, warn: log, error: log },
  }
  const { each, join } = bedrock.create({ apiKey: 'k' }, host).embedding!.split!
  const inputs = (model: string, ...input: readonly string[]) => each({ model, input }).map((part) => part.input)
  const answer = (...values: readonly number[]) => ({
    object: 'list' as const,
    data: values.map((value, index) => ({ object: 'embedding' as const, index, embedding: [value] })),
    model: 'm',
  })

  it('hold one text for Titan and 96 for Cohere', () => {
    const texts = Array.from({ length: 97 }, (_, index) => `t${index}`)
    expect(inputs('amazon.titan-embed-text-v1', 'a', 'b')).toEqual([['a'], ['b']])
    expect(inputs('cohere.embed-english-v3', ...texts)).toEqual([texts.slice(0, 96), ['t96']])
    expect(inputs('cohere.embed-english-v3')).toEqual([[]])
  })

  it('are joined in their order', () => {
    expect(join([answer(1, 2), answer(3)])).toEqual(answer(1, 2, 3))
  })
})
