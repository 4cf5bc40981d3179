import type { Call, Host } from '@tianjillm/core'
import { providerContract } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { elevenlabs } from '../src/elevenlabs.ts'

const base = 'https://api.elevenlabs.io/v1'
const headers = { 'xi-api-key': 'test-key', authorization: null }
const file = { name: 'a.mp3', type: 'audio/mpeg', bytes: new Uint8Array([0, 255, 13, 10]) }
const model = 'eleven_multilingual_v2'
const input = 'Good morning.'
const body = { text: input, model_id: model }
const audio = { headers: { 'content-type': 'audio/mpeg' }, body: new Uint8Array([1, 2, 255]) }
const answer = { contentType: 'audio/mpeg', bytes: '0102ff' }
const stream = (voice: string, query = 'output_format=mp3_44100_128') =>
  `${base}/text-to-speech/${voice}/stream?${query}`

const voices = {
  alloy: '21m00Tcm4TlvDq8ikWAM',
  amber: '5Q0t7uMcjvnagumLfvZi',
  ash: 'AZnzlk1XvdvUeBnXmlld',
  august: 'D38z5RcWu1voky8WS1ja',
  blue: '2EiwWnXFnvU5JabPnv8n',
  coral: '9BWtsMINqrJLrRacOk9x',
  lily: 'EXAVITQu4vr4xnSDxMaL',
  onyx: '29vD33N1CtxCmqQRPOHJ',
  sage: 'CwhRBWXzGAHq8TQ4Fs17',
  Verse: 'CYw3kZ02Hs0563khs1Fj',
}

const formats = {
  mp3: stream('v1'),
  opus: stream('v1', 'output_format=opus_48000_128'),
  pcm: stream('v1', 'output_format=pcm_24000'),
  wav: `${base}/text-to-speech/v1?output_format=wav_24000`,
  ulaw_8000: stream('v1', 'output_format=ulaw_8000'),
}

providerContract(elevenlabs, {
  options: { apiKey: 'test-key' },
  operations: {
    speech: [
      {
        title: 'streams mp3 unless told otherwise, and hands on the audio as it comes',
        input: { model, input, voice: 'alloy', speed: 1.1 },
        sent: { url: stream(voices.alloy), headers, json: { ...body, voice_settings: { speed: 1.1 } } },
        reply: { ...audio, pieces: [new Uint8Array([1, 2]), new Uint8Array([255])] },
        answer,
      },
      ...Object.entries(voices).map(([voice, id]) => ({
        title: `knows the voice ${voice}`,
        input: { model, input, voice },
        sent: { url: stream(id), json: body },
        reply: audio,
        answer,
      })),
      ...[{ voice_id: 'my/voice' }, { id: 'my/voice' }, { name: 'my/voice' }, 'my/voice'].map((voice) => ({
        title: `escapes the voice of ${JSON.stringify(voice)}`,
        input: { model, input, voice },
        sent: { url: stream('my%2Fvoice'), json: body },
        reply: audio,
        answer,
      })),
      ...Object.entries(formats).map(([response_format, url]) => ({
        title: `asks for ${response_format}`,
        input: { model, input, voice: 'v1', response_format },
        sent: { url, json: body },
        reply: audio,
        answer,
      })),
      ...['aac', 'flac'].map((response_format) => ({
        title: `refuses ${response_format}`,
        input: { model, input, voice: 'v1', response_format },
        sent: [],
        reply: [],
        error: {
          kind: 'invalid_request',
          message: `elevenlabs: there is no ${response_format}`,
          param: 'response_format',
        },
      })),
      {
        title: 'hands on what only ElevenLabs has, part of it in the query',
        input: {
          model,
          input,
          voice: 'v1',
          response_format: 'mp3',
          output_format: 'mp3_44100_192',
          enable_logging: false,
          optimize_streaming_latency: 2,
          speed: 0.9,
          voice_settings: { stability: 0.5, speed: 1.2 },
          seed: 7,
          previous_text: 'Hello.',
        },
        sent: {
          url: stream('v1', 'output_format=mp3_44100_192&enable_logging=false&optimize_streaming_latency=2'),
          json: { ...body, voice_settings: { stability: 0.5, speed: 0.9 }, seed: 7, previous_text: 'Hello.' },
        },
        reply: audio,
        answer,
      },
      {
        title: 'leaves voice settings alone when no speed is asked for',
        input: { model, input, voice: 'v1', voice_settings: { stability: 0.5 } },
        sent: { url: stream('v1'), json: { ...body, voice_settings: { stability: 0.5 } } },
        reply: audio,
        answer,
      },
      {
        title: 'names the audio as the vendor does',
        input: { model, input, voice: 'v1', response_format: 'pcm' },
        sent: { url: formats.pcm },
        reply: { ...audio, headers: { 'content-type': 'audio/pcm' } },
        answer: { ...answer, contentType: 'audio/pcm' },
      },
      {
        title: 'asks for a voice',
        input: { model, input },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'elevenlabs: no voice', param: 'voice' },
      },
      {
        title: 'says that the voice is the culprit',
        input: { model, input, voice: 'nobody' },
        sent: { url: stream('nobody') },
        reply: {
          status: 404,
          body: { detail: { status: 'voice_not_found', message: 'A voice with that id was not found.' } },
        },
        error: { kind: 'invalid_request', message: 'A voice with that id was not found.', param: 'voice' },
      },
      {
        title: 'says which field the vendor refused',
        input: { model, input, voice: 'v1', speed: 9 },
        sent: { url: stream('v1') },
        reply: {
          status: 422,
          body: { detail: [{ loc: ['body', 'voice_settings', 'speed'], msg: 'too fast', type: 'value_error' }] },
        },
        error: {
          kind: 'invalid_request',
          message: 'elevenlabs: voice_settings.speed: too fast',
          param: 'voice_settings.speed',
        },
      },
      {
        title: 'refuses instructions',
        input: { model, input, voice: 'v1', instructions: 'Whisper.' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'instructions' },
      },
      {
        title: 'asks where the options say',
        options: { apiBase: 'https://api.eu.elevenlabs.io/' },
        input: { model, input, voice: 'v1' },
        sent: { url: 'https://api.eu.elevenlabs.io/v1/text-to-speech/v1/stream?output_format=mp3_44100_128' },
        reply: audio,
        answer,
      },
    ],
    transcription: [
      {
        title: 'keeps the words and leaves out what lies between them',
        input: {
          model: 'scribe_v1',
          file,
          language: 'en',
          temperature: 0.2,
          response_format: 'verbose_json',
          timestamp_granularities: ['word'],
          diarize: true,
          num_speakers: 2,
          additional_formats: [{ format: 'srt' }],
        },
        sent: {
          url: `${base}/speech-to-text`,
          headers,
          form: {
            file,
            model_id: 'scribe_v1',
            language_code: 'en',
            temperature: '0.2',
            diarize: 'true',
            num_speakers: '2',
            additional_formats: '[{"format":"srt"}]',
          },
        },
        reply: {
          body: {
            language_code: 'eng',
            language_probability: 0.98,
            text: 'Good morning (laughs)',
            audio_duration_secs: 2.5,
            words: [
              { text: 'Good', start: 0.1, end: 0.4, type: 'word', speaker_id: 'speaker_0', logprob: -0.1 },
              { text: ' ', start: 0.4, end: 0.5, type: 'spacing' },
              { text: 'morning', start: 0.5, end: 0.9, type: 'word' },
              { text: '(laughs)', start: 1, end: 2, type: 'audio_event' },
            ],
          },
        },
        answer: {
          task: 'transcribe',
          text: 'Good morning (laughs)',
          language: 'eng',
          duration: 2.5,
          words: [
            { word: 'Good', start: 0.1, end: 0.4 },
            { word: 'morning', start: 0.5, end: 0.9 },
          ],
        },
      },
      {
        title: 'can be told as plain text',
        input: { model: 'scribe_v1', file, response_format: 'text' },
        sent: { url: `${base}/speech-to-text`, form: { file, model_id: 'scribe_v1' } },
        reply: { body: { text: 'Good morning' } },
        answer: 'Good morning\n',
      },
      {
        title: 'refuses a prompt',
        input: { model: 'scribe_v1', file, prompt: 'Tianji' },
        sent: [],
        reply: [],
        error: { kind: 'unsupported_parameter', param: 'prompt' },
      },
      {
        title: 'does not take an answer without text for a transcript',
        input: { model: 'scribe_v1', file },
        sent: { url: `${base}/speech-to-text` },
        reply: { body: { message: 'accepted' } },
        error: { kind: 'upstream_invalid_response', message: 'elevenlabs: the answer has no transcript.' },
      },
      {
        title: 'asks where the environment says',
        env: { ELEVENLABS_API_BASE: 'https://proxy.test' },
        input: { model: 'scribe_v1', file },
        sent: { url: 'https://proxy.test/v1/speech-to-text' },
        reply: { body: { text: '' } },
        answer: { text: '' },
      },
    ],
  },
  faults: [
    {
      status: 401,
      body: { detail: { status: 'invalid_api_key', message: 'Invalid API key' } },
      kind: 'upstream_auth_failed',
    },
    {
      status: 401,
      body: { detail: { status: 'quota_exceeded', message: 'This request exceeds your quota.' } },
      kind: 'quota_exceeded',
      message: 'elevenlabs: This request exceeds your quota.',
    },
    {
      status: 400,
      body: { detail: { status: 'max_character_limit_exceeded', message: 'The text is too long.' } },
      kind: 'context_length_exceeded',
      message: 'elevenlabs: The text is too long.',
    },
    {
      status: 401,
      body: { error: { code: 'quota_exceeded', message: 'No credits left.' } },
      kind: 'quota_exceeded',
      message: 'elevenlabs: No credits left.',
    },
    {
      status: 422,
      body: { detail: [{ loc: ['body'], msg: 'Field required', type: 'missing' }] },
      kind: 'invalid_request',
      message: /^elevenlabs: Field required$/,
    },
    { status: 400, body: { detail: 'Unknown model.' }, kind: 'invalid_request', message: 'elevenlabs: Unknown model.' },
  ],
})

describe('elevenlabs transcription', () => {
  it('repeats a field for each text of a list', async () => {
    const { transcription } = elevenlabs.create({ apiKey: 'test-key', apiBase: 'https://proxy.test' }, {} as Host)
    const keyterms = ['Tianji', 'gateway']
    const request = await transcription!.request({ model: 'scribe_v1', file, keyterms }, {} as Call)
    expect((request.body as FormData).getAll('keyterms')).toEqual(keyterms)
  })
})
