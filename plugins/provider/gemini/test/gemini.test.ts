import { providerContract, sse } from '@tianjillm/testing'
import { gemini } from '../src/gemini.ts'

const base = 'https://generativelanguage.googleapis.com/v1beta'
const headers = { 'x-goog-api-key': 'test-key', authorization: null }
const messages = [{ role: 'user', content: 'hi' }] as const
const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]
const says = (parts: readonly object[], rest: object = {}) => ({ content: { role: 'model', parts }, index: 0, ...rest })
const answerOf = (...candidates: readonly object[]) => ({
  candidates,
  responseId: 'r1',
  modelVersion: 'gemini-2.5-flash',
})
const completion = (choice: object, rest: object = {}) => ({
  id: 'r1',
  object: 'chat.completion',
  created: 1767348000,
  model: 'gemini-2.5-flash',
  choices: [{ index: 0, finish_reason: 'stop', logprobs: null, ...choice }],
  ...rest,
})
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'r1',
  object: 'chat.completion.chunk',
  created: 1767348000,
  model: 'gemini-2.5-flash',
  choices: [{ index: 0, delta, finish_reason }],
})
const ok = { body: answerOf(says([{ text: 'Hello' }], { finishReason: 'STOP' })) }
const hello = completion({ message: { role: 'assistant', content: 'Hello' } })
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }] as const
const weather = {
  id: 'call_00000000-0000-4000-8000-000000000001',
  type: 'function',
  function: { name: 'weather', arguments: '{"city":"Paris"}' },
  provider_specific_fields: { thought_signature: 'sig' },
} as const
const signedCall = { functionCall: { name: 'weather', args: { city: 'Paris' } }, thoughtSignature: 'sig' }

providerContract(gemini, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'says a conversation in contents and a generationConfig',
        input: {
          model: 'gemini-2.5-flash',
          messages: [{ role: 'system', content: 'Be brief.' }, ...messages],
          max_tokens: 9,
          temperature: 0.5,
          user: null as unknown as string,
          safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
        },
        sent: {
          url: `${base}/models/gemini-2.5-flash:generateContent`,
          headers,
          json: {
            systemInstruction: { parts: [{ text: 'Be brief.' }] },
            contents,
            generationConfig: { maxOutputTokens: 9, temperature: 0.5 },
            safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
          },
        },
        reply: {
          body: {
            ...answerOf(says([{ text: 'Hmm.', thought: true }, { text: 'Hello' }], { finishReason: 'STOP' })),
            usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1, thoughtsTokenCount: 2, totalTokenCount: 7 },
          },
        },
        answer: completion(
          { message: { role: 'assistant', content: 'Hello', reasoning_content: 'Hmm.' } },
          {
            usage: {
              prompt_tokens: 4,
              completion_tokens: 3,
              total_tokens: 7,
              completion_tokens_details: { reasoning_tokens: 2 },
            },
          },
        ),
      },
      {
        title: 'calls tools',
        input: { model: 'gemini-2.5-flash', messages, tools, tool_choice: 'required' },
        sent: {
          url: `${base}/models/gemini-2.5-flash:generateContent`,
          json: {
            contents,
            tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: { type: 'object' } }] }],
            toolConfig: { functionCallingConfig: { mode: 'ANY' } },
          },
        },
        reply: { body: answerOf(says([signedCall], { finishReason: 'STOP' })) },
        answer: completion({
          message: { role: 'assistant', content: null, tool_calls: [weather] },
          finish_reason: 'tool_calls',
        }),
      },
      {
        title: "sends tools' answers back under their names, with the signature of the call",
        input: {
          model: 'gemini-2.5-flash',
          messages: [
            ...messages,
            { role: 'assistant', content: null, tool_calls: [weather] },
            { role: 'tool', tool_call_id: weather.id, content: 'sunny' },
          ],
        },
        sent: {
          url: `${base}/models/gemini-2.5-flash:generateContent`,
          json: {
            contents: [
              ...contents,
              { role: 'model', parts: [signedCall] },
              { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { output: 'sunny' } } }] },
            ],
          },
        },
        reply: ok,
        answer: hello,
      },
      {
        title: 'asks elsewhere when told to, and takes a model by its full name',
        input: { model: 'models/gemini-2.5 flash/ü', messages },
        options: { apiBase: 'https://proxy.test/v1beta/' },
        sent: {
          url: 'https://proxy.test/v1beta/models/gemini-2.5%20flash%2F%C3%BC:generateContent',
          headers,
          json: { contents },
        },
        reply: ok,
        answer: hello,
      },
      {
        title: 'takes its key and base from the environment',
        input: { model: 'gemini-2.5-flash', messages },
        options: { apiKey: undefined },
        env: { GOOGLE_API_KEY: 'other-key', GEMINI_API_BASE: 'https://proxy.test' },
        sent: {
          url: 'https://proxy.test/models/gemini-2.5-flash:generateContent',
          headers: { 'x-goog-api-key': 'other-key' },
        },
        reply: ok,
        answer: hello,
      },
      {
        title: 'streams thoughts, text, whole function calls and usage',
        input: { model: 'gemini-2.5-flash', messages, stream: true },
        sent: {
          url: `${base}/models/gemini-2.5-flash:streamGenerateContent?alt=sse`,
          headers,
          json: { contents },
        },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse(answerOf(says([{ text: 'grübel', thought: true }])), answerOf(says([{ text: 'ja 👍' }])), {
            ...answerOf(says([signedCall], { finishReason: 'STOP' })),
            usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
          }),
        },
        answer: [
          chunk({ role: 'assistant', content: '', reasoning_content: 'grübel' }),
          chunk({ content: 'ja 👍' }),
          chunk({ tool_calls: [{ index: 0, ...weather }] }),
          chunk({}, 'tool_calls'),
          { ...chunk({}), choices: [], usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 } },
        ],
      },
      {
        title: 'tells an error in the middle of a stream',
        input: { model: 'gemini-2.5-flash', messages, stream: true },
        sent: { url: `${base}/models/gemini-2.5-flash:streamGenerateContent?alt=sse` },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse(answerOf(says([{ text: 'Hel' }])), {
            error: { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED' },
          }),
        },
        error: { kind: 'rate_limited', message: 'gemini: Resource exhausted.' },
      },
      {
        title: 'tells a stream that ends without a finish',
        input: { model: 'gemini-2.5-flash', messages, stream: true },
        sent: { url: `${base}/models/gemini-2.5-flash:streamGenerateContent?alt=sse` },
        reply: { headers: { 'content-type': 'text/event-stream' }, body: sse(answerOf(says([{ text: 'Hel' }]))) },
        error: { kind: 'upstream_invalid_response', message: /^gemini: the stream ended before/ },
      },
      {
        title: 'refuses what Gemini has no counterpart of',
        input: { model: 'gemini-2.5-flash', messages, logit_bias: { 5: 1 } },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'logit_bias' },
      },
    ],
    embedding: [
      {
        title: 'embeds one text',
        input: { model: 'gemini-embedding-001', input: 'a', dimensions: 2 },
        sent: {
          url: `${base}/models/gemini-embedding-001:embedContent`,
          headers,
          json: { model: 'models/gemini-embedding-001', content: { parts: [{ text: 'a' }] }, outputDimensionality: 2 },
        },
        reply: { body: { embedding: { values: [0.25, -1] } } },
        answer: {
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [0.25, -1] }],
          model: 'gemini-embedding-001',
        },
      },
      {
        title: 'embeds several texts at once',
        input: { model: 'gemini-embedding-001', input: ['a', 'b'], taskType: 'RETRIEVAL_QUERY' },
        sent: {
          url: `${base}/models/gemini-embedding-001:batchEmbedContents`,
          headers,
          json: {
            requests: ['a', 'b'].map((text) => ({
              model: 'models/gemini-embedding-001',
              content: { parts: [{ text }] },
              taskType: 'RETRIEVAL_QUERY',
            })),
          },
        },
        reply: { body: { embeddings: [{ values: [1] }, { values: [2] }] } },
        answer: {
          object: 'list',
          data: [
            { object: 'embedding', index: 0, embedding: [1] },
            { object: 'embedding', index: 1, embedding: [2] },
          ],
          model: 'gemini-embedding-001',
        },
      },
    ],
    image: [
      {
        title: 'asks Imagen to predict',
        input: { model: 'imagen-4.0-generate-001', prompt: 'a kite', n: 2, size: '1792x1024' },
        sent: {
          url: `${base}/models/imagen-4.0-generate-001:predict`,
          headers,
          json: { instances: [{ prompt: 'a kite' }], parameters: { sampleCount: 2, aspectRatio: '16:9' } },
        },
        reply: {
          body: {
            predictions: [
              { bytesBase64Encoded: 'aaaa', mimeType: 'image/png' },
              { bytesBase64Encoded: 'bbbb', mimeType: 'image/png' },
            ],
          },
        },
        answer: { created: 1767348000, data: [{ b64_json: 'aaaa' }, { b64_json: 'bbbb' }] },
      },
      {
        title: 'lets a Gemini model draw, once a picture',
        input: { model: 'gemini-2.5-flash-image', prompt: 'hi', n: 2 },
        sent: [0, 1].map(() => ({
          url: `${base}/models/gemini-2.5-flash-image:generateContent`,
          headers,
          json: { contents, generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } },
        })),
        reply: {
          body: answerOf(says([{ inlineData: { mimeType: 'image/png', data: 'cccc' } }], { finishReason: 'STOP' })),
        },
        answer: { created: 1767348000, data: [{ b64_json: 'cccc' }, { b64_json: 'cccc' }] },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: {
        error: {
          code: 400,
          message: 'API key not valid. Please pass a valid API key.',
          status: 'INVALID_ARGUMENT',
          details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
        },
      },
      kind: 'upstream_auth_failed',
    },
    {
      status: 400,
      body: { error: { code: 400, message: 'Unknown name "x".', status: 'INVALID_ARGUMENT' } },
      kind: 'invalid_request',
      message: 'gemini: Unknown name "x".',
    },
    {
      status: 404,
      body: { error: { code: 404, message: 'models/x is not found.', status: 'NOT_FOUND' } },
      kind: 'model_not_found',
      message: 'gemini: models/x is not found.',
    },
    {
      status: 503,
      body: [{ error: { code: 503, message: 'Overloaded.', status: 'UNAVAILABLE' } }],
      kind: 'overloaded',
      message: 'gemini: Overloaded.',
    },
  ],
})
