import { providerContract } from '@tianjillm/testing'
import { deepgram } from '../src/deepgram.ts'

const base = 'https://api.deepgram.com/v1'
const headers = { authorization: 'Token test-key' }
const file = { name: 'a.mp3', type: 'audio/mpeg', bytes: new Uint8Array([0, 255, 13, 10]) }
const audio = { headers: { 'content-type': 'audio/mpeg' }, body: new Uint8Array([1, 2, 255]) }
const spoken = { contentType: 'audio/mpeg', bytes: '0102ff' }
const voice = 'aura-2-thalia-en'
const input = 'Good morning.'
const words = [
  { word: 'good', start: 0.1, end: 0.4, confidence: 0.99, punctuated_word: 'Good' },
  { word: 'morning', start: 0.5, end: 0.9, confidence: 0.98, punctuated_word: 'morning.' },
]
const timed = [
  { word: 'good', start: 0.1, end: 0.4 },
  { word: 'morning', start: 0.5, end: 0.9 },
]
const transcript = {
  metadata: { request_id: 'r1', duration: 2.5, channels: 1, models: ['m'] },
  results: {
    channels: [
      { detected_language: 'en', alternatives: [{ transcript: 'good morning', confidence: 0.99, words }] },
      { alternatives: [{ transcript: 'the other side' }] },
    ],
  },
}

const formats = {
  mp3: 'encoding=mp3',
  wav: 'encoding=linear16&container=wav',
  pcm: 'encoding=linear16&container=none&sample_rate=24000',
  opus: 'encoding=opus&container=ogg',
  flac: 'encoding=flac',
  aac: 'encoding=aac',
  mulaw: 'encoding=mulaw',
}

providerContract(deepgram, {
  options: { apiKey: 'test-key' },
  operations: {
    transcription: [
      {
        title: 'sends the bytes as they are, with everything else in the query',
        input: {
          model: 'nova-3',
          file,
          language: 'en-GB',
          response_format: 'verbose_json',
          timestamp_granularities: ['word'],
          smart_format: true,
          diarize: false,
          keyterm: ['Tianji', 'gate way'],
          utt_split: 0.8,
        },
        sent: {
          url: `${base}/listen?model=nova-3&language=en-GB&smart_format=true&diarize=false&keyterm=Tianji&keyterm=gate+way&utt_split=0.8`,
          headers: { ...headers, 'content-type': 'audio/mpeg' },
          bytes: file.bytes,
        },
        reply: { body: transcript },
        answer: { task: 'transcribe', text: 'good morning', language: 'en', duration: 2.5, words: timed },
      },
      {
        title: 'makes subtitles of the utterances',
        input: { model: 'nova-3', file, response_format: 'srt', utterances: true },
        sent: { url: `${base}/listen?model=nova-3&utterances=true`, headers, bytes: file.bytes },
        reply: {
          body: {
            ...transcript,
            results: {
              ...transcript.results,
              utterances: [{ start: 0.1, end: 0.9, channel: 0, transcript: 'Good morning.', words }],
            },
          },
        },
        answer: '1\n00:00:00,100 --> 00:00:00,900\nGood morning.\n\n',
      },
      {
        title: 'names the language asked for when none was detected',
        input: { model: 'nova-3', file, language: 'de', response_format: 'verbose_json', timestamp_granularities: [] },
        sent: { url: `${base}/listen?model=nova-3&language=de` },
        reply: { body: { results: { channels: [{ alternatives: [{ transcript: '' }] }] } } },
        answer: { task: 'transcribe', text: '', language: 'de' },
      },
      {
        title: 'refuses a prompt',
        input: { model: 'nova-3', file, prompt: 'Tianji' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'prompt' },
      },
      {
        title: 'does not take an answer without channels for a transcript',
        input: { model: 'nova-3', file },
        sent: { url: `${base}/listen?model=nova-3` },
        reply: { body: { request_id: 'r1' } },
        error: { kind: 'upstream_invalid_response', message: 'deepgram: the answer has no transcript.' },
      },
      {
        title: 'asks where the options say',
        options: { apiBase: 'https://deepgram.example.test/v1/' },
        input: { model: 'nova-3', file },
        sent: { url: 'https://deepgram.example.test/v1/listen?model=nova-3' },
        reply: { body: transcript },
        answer: { text: 'good morning' },
      },
    ],
    speech: [
      ...Object.entries(formats).map(([response_format, query]) => ({
        title: `asks for ${response_format} with what goes with it`,
        input: { model: voice, input, response_format },
        sent: { url: `${base}/speak?model=${voice}&${query}`, headers, json: { text: input } },
        reply: audio,
        answer: spoken,
      })),
      {
        title: 'asks for mp3 unless told otherwise, and ignores a voice of another vendor',
        input: { model: voice, input, voice: 'alloy', speed: 1 },
        sent: { url: `${base}/speak?model=${voice}&encoding=mp3`, headers, json: { text: input } },
        reply: audio,
        answer: spoken,
      },
      {
        title: 'lets a voice of its own take the place of the model',
        input: { model: 'aura-asteria-en', input, voice: 'aura-2-celeste-es', speed: 1.2 },
        sent: { url: `${base}/speak?model=aura-2-celeste-es&encoding=mp3&speed=1.2` },
        reply: audio,
        answer: spoken,
      },
      {
        title: 'leaves the format to an encoding given in its own words',
        input: { model: voice, input, response_format: 'pcm', encoding: 'alaw', sample_rate: 8000, tag: ['a', 'b'] },
        sent: { url: `${base}/speak?model=${voice}&encoding=alaw&sample_rate=8000&tag=a&tag=b`, json: { text: input } },
        reply: audio,
        answer: spoken,
      },
      {
        title: 'refuses instructions',
        input: { model: voice, input, instructions: 'Whisper.' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'instructions' },
      },
      {
        title: 'asks where the environment says',
        env: { DEEPGRAM_API_BASE: 'https://proxy.test/v1' },
        input: { model: voice, input },
        sent: { url: `https://proxy.test/v1/speak?model=${voice}&encoding=mp3` },
        reply: audio,
        answer: spoken,
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: { err_code: 'Bad Request', err_msg: 'Bad Request: no such model', request_id: 'r1' },
      kind: 'invalid_request',
      message: 'deepgram: Bad Request: no such model',
    },
    {
      status: 400,
      body: { category: 'INVALID_JSON', message: 'Invalid JSON submitted.', details: 'line 1', request_id: 'r1' },
      kind: 'invalid_request',
      message: 'deepgram: Invalid JSON submitted.',
    },
    {
      status: 413,
      body: { category: 'PAYLOAD', message: '', details: 'The file is too large.' },
      kind: 'payload_too_large',
      message: 'deepgram: The file is too large.',
    },
    {
      status: 402,
      body: { err_code: 'ASR_PAYMENT_REQUIRED', err_msg: 'Project has no credits.' },
      kind: 'quota_exceeded',
      message: 'deepgram: Project has no credits.',
    },
    { status: 400, body: 'corrupt audio', kind: 'invalid_request', message: 'deepgram: corrupt audio' },
    { status: 401, body: { err_code: 'INVALID_AUTH', err_msg: 'Invalid credentials.' }, kind: 'upstream_auth_failed' },
  ],
})
