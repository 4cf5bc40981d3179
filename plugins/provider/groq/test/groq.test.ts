import { providerContract, sse } from '@tianjillm/testing'
import { groq } from '../src/groq.ts'

const messages = [{ role: 'user', content: 'hi' }] as const
const url = 'https://api.groq.com/openai/v1'
const headers = { authorization: 'Bearer test-key' }
const chunk = (delta: object, rest: object = {}) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'llama',
  choices: [{ index: 0, delta, finish_reason: null }],
  ...rest,
})
const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const file = { name: 'a.mp3', type: 'audio/mpeg', bytes: new Uint8Array([0, 255, 13, 10]) }

providerContract(groq, {
  options: { apiKey: 'test-key' },
  operations: {
    chat: [
      {
        title: 'tells reasoning as reasoning_content',
        input: { model: 'llama', messages, max_tokens: 5, n: 1, reasoning_format: 'parsed' },
        sent: {
          url: `${url}/chat/completions`,
          headers,
          json: { model: 'llama', messages, max_tokens: 5, n: 1, reasoning_format: 'parsed' },
        },
        reply: {
          body: {
            id: 'c1',
            choices: [
              { index: 0, message: { role: 'assistant', content: 'yes', reasoning: 'hm' }, finish_reason: 'stop' },
            ],
            usage,
          },
        },
        answer: {
          id: 'c1',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: 'yes', reasoning_content: 'hm' },
              finish_reason: 'stop',
            },
          ],
          usage,
        },
      },
      {
        title: 'streams, with the usage found in x_groq',
        input: { model: 'llama', messages, stream: true },
        sent: { url: `${url}/chat/completions`, headers, json: { model: 'llama', messages, stream: true } },
        reply: {
          headers: { 'content-type': 'text/event-stream' },
          body: sse(
            chunk({ role: 'assistant', reasoning: 'grübel' }),
            chunk({ content: 'ja 👍' }),
            chunk({}, { ...last, x_groq: { usage } }),
            '[DONE]',
          ),
        },
        answer: [
          chunk({ role: 'assistant', reasoning_content: 'grübel' }),
          chunk({ content: 'ja 👍' }),
          chunk({}, { ...last, x_groq: { usage }, usage }),
        ],
      },
      {
        title: 'refuses several choices',
        input: { model: 'llama', messages, n: 2 },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', message: /groq: chat does not support n\..*drop_params/, param: 'n' },
      },
      {
        title: 'drops what it lacks when told to',
        input: { model: 'llama', messages, n: 2, logit_bias: { 5: 1 } },
        dropParams: true,
        sent: { url: `${url}/chat/completions`, json: { model: 'llama', messages } },
        reply: { body: { id: 'c1', choices: [] } },
        answer: { id: 'c1', choices: [] },
      },
    ],
    speech: [
      {
        title: 'hands on the audio as it comes',
        input: { model: 'playai-tts', input: 'hello', voice: 'Fritz-PlayAI' },
        sent: {
          url: `${url}/audio/speech`,
          headers,
          json: { model: 'playai-tts', input: 'hello', voice: 'Fritz-PlayAI' },
        },
        reply: { headers: { 'content-type': 'audio/wav' }, body: new Uint8Array([1, 2, 255]) },
        answer: { contentType: 'audio/wav', bytes: '0102ff' },
      },
    ],
    transcription: [
      {
        title: 'sends the file as it is',
        input: { model: 'whisper-large-v3', file, language: 'en', timestamp_granularities: ['word'], temperature: 0 },
        sent: {
          url: `${url}/audio/transcriptions`,
          headers,
          form: {
            model: 'whisper-large-v3',
            file,
            language: 'en',
            'timestamp_granularities[]': 'word',
            temperature: '0',
          },
        },
        reply: { body: { text: 'good morning' } },
        answer: { text: 'good morning' },
      },
      {
        title: 'gives subtitles as the vendor wrote them',
        input: { model: 'whisper-large-v3', file, response_format: 'srt' },
        sent: { url: `${url}/audio/transcriptions`, form: { model: 'whisper-large-v3', file, response_format: 'srt' } },
        reply: { body: '1\n00:00:00,000 --> 00:00:01,000\nhi\n' },
        answer: '1\n00:00:00,000 --> 00:00:01,000\nhi\n',
      },
    ],
    translation: [
      {
        title: 'translates',
        input: { model: 'whisper-large-v3', file },
        sent: { url: `${url}/audio/translations`, headers, form: { model: 'whisper-large-v3', file } },
        reply: { body: { text: 'good morning' } },
        answer: { text: 'good morning' },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: {
        error: {
          message: 'max context length exceeded',
          type: 'invalid_request_error',
          code: 'context_length_exceeded',
        },
      },
      kind: 'context_length_exceeded',
      message: 'groq: max context length exceeded',
    },
  ],
})
