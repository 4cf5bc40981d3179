import { providerContract, sse } from '@tianjillm/testing'
import { openai } from '../src/openai.ts'

const url = 'https://api.openai.com/v1'
const headers = { authorization: 'Bearer test-key', 'openai-organization': null, 'openai-project': null }
const messages = [{ role: 'user', content: 'What is the weather in Kazan and Omsk?' }] as const
const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 }
const eventStream = { 'content-type': 'text/event-stream' }
const tools = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} }, strict: true } },
] as const
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-4.1-2025-04-14',
  system_fingerprint: 'fp_1',
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
})
const fragment = (index: number, part: object) => chunk({ tool_calls: [{ index, ...part }] })
const textChunk = (text: string, finish_reason: string | null = null) => ({
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1,
  model: 'gpt-3.5-turbo-instruct',
  choices: [{ index: 0, text, logprobs: null, finish_reason }],
})
const png = (...bytes: readonly number[]) => ({
  name: 'kite.png',
  type: 'image/png',
  bytes: new Uint8Array([0x89, 0x50, 13, 10, 0, 255, ...bytes]),
})
const audio = { name: 'talk.mp3', type: 'audio/mpeg', bytes: new Uint8Array([0xff, 0xfb, 13, 10, 45, 45, 0]) }

providerContract(openai, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'hands request and answer on as they are, fields it does not know among them',
        input: {
          model: 'gpt-4.1',
          messages,
          tools,
          tool_choice: 'required',
          max_completion_tokens: 5,
          logit_bias: { 5: -100 },
          prompt_cache_key: 'k',
          tomorrows_field: { deep: [1, null] },
        },
        sent: {
          url: `${url}/chat/completions`,
          headers: { ...headers, 'content-type': 'application/json' },
          json: {
            model: 'gpt-4.1',
            messages,
            tools,
            tool_choice: 'required',
            max_completion_tokens: 5,
            logit_bias: { 5: -100 },
            prompt_cache_key: 'k',
            tomorrows_field: { deep: [1, null] },
          },
        },
        reply: {
          body: {
            id: 'chatcmpl-1',
            object: 'chat.completion',
            choices: [
              { index: 0, message: { role: 'assistant', content: 'Seven.', annotations: [] }, finish_reason: 'stop' },
            ],
            usage,
            tomorrows_field: true,
          },
        },
        answer: {
          id: 'chatcmpl-1',
          object: 'chat.completion',
          choices: [
            { index: 0, message: { role: 'assistant', content: 'Seven.', annotations: [] }, finish_reason: 'stop' },
          ],
          usage,
          tomorrows_field: true,
        },
      },
      {
        title: 'streams text and usage',
        input: { model: 'gpt-4.1', messages, stream: true, stream_options: { include_usage: true } },
        sent: {
          url: `${url}/chat/completions`,
          headers,
          json: { model: 'gpt-4.1', messages, stream: true, stream_options: { include_usage: true } },
        },
        reply: {
          headers: eventStream,
          body: sse(
            chunk({ role: 'assistant', content: '' }),
            chunk({ content: 'Kazań 7°, ' }),
            chunk({ content: '👍' }),
            chunk({}, 'stop'),
            { ...chunk({}), choices: [], usage },
            '[DONE]',
          ),
        },
        answer: [
          chunk({ role: 'assistant', content: '' }),
          chunk({ content: 'Kazań 7°, ' }),
          chunk({ content: '👍' }),
          chunk({}, 'stop'),
          { ...chunk({}), choices: [], usage },
        ],
      },
      {
        title: 'streams the fragments of two tool calls at once',
        input: { model: 'gpt-4.1', messages, tools, parallel_tool_calls: true, stream: true },
        sent: {
          url: `${url}/chat/completions`,
          json: { model: 'gpt-4.1', messages, tools, parallel_tool_calls: true, stream: true },
        },
        reply: {
          headers: eventStream,
          body: sse(
            fragment(0, { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }),
            fragment(1, { id: 'call_2', type: 'function', function: { name: 'weather', arguments: '' } }),
            fragment(0, { function: { arguments: '{"city":"Kaz' } }),
            fragment(1, { function: { arguments: '{"city":"Omsk"}' } }),
            fragment(0, { function: { arguments: 'an"}' } }),
            chunk({}, 'tool_calls'),
            '[DONE]',
          ),
        },
        answer: [
          fragment(0, { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }),
          fragment(1, { id: 'call_2', type: 'function', function: { name: 'weather', arguments: '' } }),
          fragment(0, { function: { arguments: '{"city":"Kaz' } }),
          fragment(1, { function: { arguments: '{"city":"Omsk"}' } }),
          fragment(0, { function: { arguments: 'an"}' } }),
          chunk({}, 'tool_calls'),
        ],
      },
      {
        title: 'tells an error in the middle of a stream',
        input: { model: 'gpt-4.1', messages, stream: true },
        sent: { url: `${url}/chat/completions` },
        reply: {
          headers: eventStream,
          body: sse(chunk({ content: 'Sev' }), {
            error: { message: 'The server had an error', type: 'server_error', param: null, code: null },
          }),
        },
        error: { kind: 'upstream_error', message: 'openai: The server had an error' },
      },
      {
        title: 'tells when a stream ends without a finish reason',
        input: { model: 'gpt-4.1', messages, stream: true },
        sent: { url: `${url}/chat/completions` },
        reply: { headers: eventStream, body: sse(chunk({ content: 'Sev' }), '[DONE]') },
        error: {
          kind: 'upstream_invalid_response',
          message: 'openai: the stream ended before the answer was complete',
        },
      },
      {
        title: 'tells an event that is not JSON',
        input: { model: 'gpt-4.1', messages, stream: true },
        sent: { url: `${url}/chat/completions` },
        reply: { headers: eventStream, body: sse(chunk({ content: 'Sev' }), '{"broken":') },
        error: { kind: 'upstream_invalid_response', message: 'not JSON' },
      },
      {
        title: 'sends organization and project',
        options: { organization: 'org-1', project: 'proj_1' },
        input: { model: 'gpt-4.1', messages },
        sent: {
          url: `${url}/chat/completions`,
          headers: { 'openai-organization': 'org-1', 'openai-project': 'proj_1' },
        },
        reply: { body: { id: 'c', choices: [] } },
      },
      {
        title: 'takes key and base from the environment',
        options: { apiKey: undefined },
        env: {
          OPENAI_API_KEY: 'env-key',
          OPENAI_BASE_URL: 'https://second.test',
          OPENAI_API_BASE: 'https://first.test/v1/',
        },
        input: { model: 'gpt-4.1', messages },
        sent: { url: 'https://first.test/v1/chat/completions', headers: { authorization: 'Bearer env-key' } },
        reply: { body: { id: 'c', choices: [] } },
      },
      {
        title: 'prefers its own base to that of the environment',
        options: { apiBase: 'https://own.test/v1' },
        env: { OPENAI_BASE_URL: 'https://second.test' },
        input: { model: 'gpt-4.1', messages },
        sent: { url: 'https://own.test/v1/chat/completions' },
        reply: { body: { id: 'c', choices: [] } },
      },
    ],
    completion: [
      {
        title: 'completes several prompts',
        input: { model: 'gpt-3.5-turbo-instruct', prompt: ['a', 'b'], max_tokens: 2, echo: true },
        sent: {
          url: `${url}/completions`,
          headers,
          json: { model: 'gpt-3.5-turbo-instruct', prompt: ['a', 'b'], max_tokens: 2, echo: true },
        },
        reply: { body: { ...textChunk('ab', 'length'), usage } },
        answer: { ...textChunk('ab', 'length'), usage },
      },
      {
        title: 'streams',
        input: { model: 'gpt-3.5-turbo-instruct', prompt: 'a', stream: true },
        sent: { url: `${url}/completions`, json: { model: 'gpt-3.5-turbo-instruct', prompt: 'a', stream: true } },
        reply: { headers: eventStream, body: sse(textChunk('gr'), textChunk('ün'), textChunk('', 'stop'), '[DONE]') },
        answer: [textChunk('gr'), textChunk('ün'), textChunk('', 'stop')],
      },
    ],
    embedding: [
      {
        title: "hands on OpenAI's own base64",
        input: { model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 2, encoding_format: 'base64' },
        sent: {
          url: `${url}/embeddings`,
          headers,
          json: { model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 2, encoding_format: 'base64' },
        },
        reply: {
          body: {
            object: 'list',
            data: [
              { object: 'embedding', index: 0, embedding: 'AACAPwAAAEA=' },
              { object: 'embedding', index: 1, embedding: 'AAAAPwAAgD8=' },
            ],
            model: 'text-embedding-3-small',
            usage: { prompt_tokens: 2, total_tokens: 2 },
          },
        },
        answer: {
          object: 'list',
          data: [
            { object: 'embedding', index: 0, embedding: 'AACAPwAAAEA=' },
            { object: 'embedding', index: 1, embedding: 'AAAAPwAAgD8=' },
          ],
          model: 'text-embedding-3-small',
          usage: { prompt_tokens: 2, total_tokens: 2 },
        },
      },
      {
        title: 'embeds tokens as numbers',
        input: { model: 'text-embedding-3-small', input: [[1, 2], [3]] },
        sent: { url: `${url}/embeddings`, json: { model: 'text-embedding-3-small', input: [[1, 2], [3]] } },
        reply: {
          body: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }], model: 'm' },
        },
        answer: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }], model: 'm' },
      },
    ],
    image: [
      {
        title: 'draws',
        input: { model: 'gpt-image-1', prompt: 'a red kite', size: '1024x1024', quality: 'low', background: 'opaque' },
        sent: {
          url: `${url}/images/generations`,
          headers,
          json: {
            model: 'gpt-image-1',
            prompt: 'a red kite',
            size: '1024x1024',
            quality: 'low',
            background: 'opaque',
          },
        },
        reply: { body: { created: 1, data: [{ b64_json: 'iVBORw==' }], usage: { total_tokens: 5 } } },
        answer: { created: 1, data: [{ b64_json: 'iVBORw==' }], usage: { total_tokens: 5 } },
      },
    ],
    imageEdit: [
      {
        title: 'sends image, mask and fields as multipart, the bytes untouched',
        input: { model: 'gpt-image-1', image: [png(1)], mask: png(2), prompt: 'make it blue', n: 2 },
        sent: {
          url: `${url}/images/edits`,
          headers,
          form: { model: 'gpt-image-1', image: png(1), mask: png(2), prompt: 'make it blue', n: '2' },
        },
        reply: { body: { created: 1, data: [{ b64_json: 'iVBORw==' }] } },
        answer: { created: 1, data: [{ b64_json: 'iVBORw==' }] },
      },
    ],
    imageVariation: [
      {
        title: 'varies',
        input: { model: 'dall-e-2', image: [png()], n: 1, size: '256x256', response_format: 'url' },
        sent: {
          url: `${url}/images/variations`,
          headers,
          form: { model: 'dall-e-2', image: png(), n: '1', size: '256x256', response_format: 'url' },
        },
        reply: { body: { created: 1, data: [{ url: 'https://images.test/1.png' }] } },
        answer: { created: 1, data: [{ url: 'https://images.test/1.png' }] },
      },
    ],
    speech: [
      {
        title: 'hands on the audio as it comes',
        input: { model: 'tts-1', input: 'hello', voice: 'alloy', response_format: 'opus', speed: 1.5 },
        sent: {
          url: `${url}/audio/speech`,
          headers,
          json: { model: 'tts-1', input: 'hello', voice: 'alloy', response_format: 'opus', speed: 1.5 },
        },
        reply: {
          headers: { 'content-type': 'audio/ogg' },
          pieces: [new Uint8Array([79, 103]), new Uint8Array([0, 255])],
        },
        answer: { contentType: 'audio/ogg', bytes: '4f6700ff' },
      },
    ],
    transcription: [
      {
        title: 'sends the file and its fields as multipart',
        input: {
          model: 'whisper-1',
          file: audio,
          language: 'en',
          prompt: 'Kites',
          temperature: 0.5,
          response_format: 'verbose_json',
          timestamp_granularities: ['word', 'segment'],
        },
        sent: {
          url: `${url}/audio/transcriptions`,
          headers,
          form: {
            model: 'whisper-1',
            file: audio,
            language: 'en',
            prompt: 'Kites',
            temperature: '0.5',
            response_format: 'verbose_json',
            // Both are sent under this name; the suite keeps the last.
            'timestamp_granularities[]': ['word', 'segment'],
          },
        },
        reply: {
          body: {
            task: 'transcribe',
            language: 'english',
            duration: 1.5,
            text: 'Good morning.',
            words: [{ word: 'Good', start: 0, end: 0.5 }],
            segments: [{ id: 0, start: 0, end: 1.5, text: 'Good morning.' }],
          },
        },
        answer: {
          task: 'transcribe',
          language: 'english',
          duration: 1.5,
          text: 'Good morning.',
          words: [{ word: 'Good', start: 0, end: 0.5 }],
          segments: [{ id: 0, start: 0, end: 1.5, text: 'Good morning.' }],
        },
      },
      {
        title: 'gives plain text as the vendor wrote it',
        input: { model: 'whisper-1', file: audio, response_format: 'text' },
        sent: {
          url: `${url}/audio/transcriptions`,
          form: { model: 'whisper-1', file: audio, response_format: 'text' },
        },
        reply: { body: 'Good morning.\n' },
        answer: 'Good morning.\n',
      },
    ],
    translation: [
      {
        title: 'translates',
        input: { model: 'whisper-1', file: audio, prompt: 'Kites' },
        sent: { url: `${url}/audio/translations`, headers, form: { model: 'whisper-1', file: audio, prompt: 'Kites' } },
        reply: { body: { text: 'Good morning.' } },
        answer: { text: 'Good morning.' },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: { error: { message: 'Too long', type: 'invalid_request_error', code: 'context_length_exceeded' } },
      kind: 'context_length_exceeded',
    },
    {
      status: 400,
      body: { error: { message: 'Rejected', type: 'invalid_request_error', code: 'content_policy_violation' } },
      kind: 'content_policy_violation',
    },
    {
      status: 404,
      body: { error: { message: 'The model `gpt-9` does not exist', code: 'model_not_found' } },
      kind: 'model_not_found',
      message: 'openai: The model `gpt-9` does not exist',
    },
    {
      status: 429,
      body: { error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } },
      kind: 'quota_exceeded',
    },
    {
      status: 401,
      body: { error: { message: 'Incorrect API key provided: test-key', code: 'invalid_api_key' } },
      kind: 'upstream_auth_failed',
      message: /^openai: the vendor refused the configured credentials$/,
    },
  ],
})
