import {
  type ApiOptions,
  apiOptions,
  defineProvider,
  type FailedReply,
  type Fault,
  GatewayError,
  type Host,
  isJsonObject,
  type JsonObject,
  type Provider,
  type ProviderPlugin,
  requiredKey,
  type SpeechRequest,
  setting,
  type Transcription,
  type TranscriptionRequest,
  trimSlash,
  type UpstreamReply,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** ElevenLabs: voices and transcripts. https://elevenlabs.io/docs/api-reference */
export const elevenlabs: ProviderPlugin<ApiOptions> = defineProvider({
  name: 'elevenlabs',
  title: 'ElevenLabs',
  docs: 'https://elevenlabs.io/docs/api-reference',
  env: ['ELEVENLABS_API_KEY'],
  options: v.object(apiOptions),
  create(options: ApiOptions, host: Host): Provider {
    const base = trimSlash(setting(options.apiBase, host, 'ELEVENLABS_API_BASE') ?? 'https://api.elevenlabs.io')
    const headers = { 'xi-api-key': requiredKey('elevenlabs', options.apiKey, host, 'ELEVENLABS_API_KEY') }
    return {
      speech: {
        supports: ['response_format', 'speed', 'voice'],
        request: (input) => ({
          method: 'POST',
          url: `${base}/v1/text-to-speech/${speechPath(input)}`,
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(speechBody(input)),
        }),
        response: (reply) => ({
          contentType: reply.headers.get('content-type') ?? 'audio/mpeg',
          body: reply.body,
        }),
      },
      transcription: {
        supports: ['language', 'temperature'],
        request: (input) => ({
          method: 'POST',
          url: `${base}/v1/speech-to-text`,
          headers,
          body: transcriptionForm(input),
        }),
        response: transcription,
      },
      fault,
    }
  },
})

/** Names other vendors have for voices, with the voices that come closest. Any other name is taken for a voice id. */
const voices: ReadonlyMap<string, string> = new Map([
  ['alloy', '21m00Tcm4TlvDq8ikWAM'],
  ['amber', '5Q0t7uMcjvnagumLfvZi'],
  ['ash', 'AZnzlk1XvdvUeBnXmlld'],
  ['august', 'D38z5RcWu1voky8WS1ja'],
  ['blue', '2EiwWnXFnvU5JabPnv8n'],
  ['coral', '9BWtsMINqrJLrRacOk9x'],
  ['lily', 'EXAVITQu4vr4xnSDxMaL'],
  ['onyx', '29vD33N1CtxCmqQRPOHJ'],
  ['sage', 'CwhRBWXzGAHq8TQ4Fs17'],
  ['verse', 'CYw3kZ02Hs0563khs1Fj'],
])

/** OpenAI's formats in ElevenLabs' words; undefined where there is none. Any other format goes as it is. */
const outputFormats: ReadonlyMap<string, string | undefined> = new Map([
  ['mp3', 'mp3_44100_128'],
  ['opus', 'opus_48000_128'],
  // OpenAI's pcm has 24 kHz as well, and 44.1 kHz would need a higher subscription.
  ['pcm', 'pcm_24000'],
  ['wav', 'wav_24000'],
  ['aac', undefined],
  ['flac', undefined],
])

/** Speech parameters that belong in the query, besides the format. */
const queryFields = ['enable_logging', 'optimize_streaming_latency']

function speechPath(input: SpeechRequest): string {
  const format = String(input.output_format ?? outputFormat(input.response_format ?? 'mp3'))
  const query = new URLSearchParams({ output_format: format })
  for (const name of queryFields) if (input[name] !== undefined) query.set(name, String(input[name]))
  // A wav file states its length at the beginning, so it cannot be streamed.
  const suffix = format.startsWith('wav') ? '' : '/stream'
  return `${encodeURIComponent(voiceId(input.voice))}${suffix}?${query}`
}

function speechBody(input: SpeechRequest): JsonObject {
  const { speed, voice_settings } = input
  return {
    ...vendorExtras('speech', input, ['input', 'output_format', ...queryFields]),
    text: input.input,
    model_id: input.model,
    ...(typeof speed === 'number' && {
      voice_settings: { ...(isJsonObject(voice_settings) && voice_settings), speed },
    }),
  }
}

function outputFormat(format: string): string {
  const name = outputFormats.has(format) ? outputFormats.get(format) : format
  if (name !== undefined) return name
  throw new GatewayError(
    'invalid_request',
    `elevenlabs: there is no ${format}. Ask for mp3, opus, pcm or wav, or for a format of ElevenLabs such as ulaw_8000.`,
    { param: 'response_format', provider: 'elevenlabs' },
  )
}

function voiceId(voice: SpeechRequest['voice']): string {
  const name = isJsonObject(voice) ? (voice.voice_id ?? voice.id ?? voice.name) : voice
  if (typeof name === 'string' && name !== '') return voices.get(name.toLowerCase()) ?? name
  throw new GatewayError('invalid_request', 'elevenlabs: no voice. Give the id of a voice as voice.', {
    param: 'voice',
    provider: 'elevenlabs',
  })
}

function transcriptionForm(input: TranscriptionRequest): FormData {
  const { bytes, type, name } = input.file
  const form = new FormData()
  form.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>], { type }), name)
  append(form, 'model_id', input.model)
  append(form, 'language_code', input.language)
  append(form, 'temperature', input.temperature)
  for (const [field, value] of Object.entries(vendorExtras('transcription', input, ['file'])))
    append(form, field, value)
  return form
}

/** Lists of texts by repeating the field, everything else that is not a scalar as JSON. */
function append(form: FormData, name: string, value: unknown): void {
  if (value === undefined || value === null) return
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    for (const item of value) form.append(name, item)
  else form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** ElevenLabs' transcript, as far as OpenAI's has a place for it. Times in seconds. */
interface Transcript {
  readonly text?: string
  readonly language_code?: string
  readonly audio_duration_secs?: number
  readonly words?: readonly {
    readonly text: string
    /** `word`, `spacing` or `audio_event`. */
    readonly type?: string
    readonly start?: number | null
    readonly end?: number | null
  }[]
}

async function transcription(reply: UpstreamReply): Promise<Transcription> {
  const transcript = await reply.json<Transcript | null>()
  if (typeof transcript?.text !== 'string')
    throw new GatewayError('upstream_invalid_response', 'elevenlabs: the answer has no transcript.', {
      provider: 'elevenlabs',
    })
  const { text, language_code, audio_duration_secs, words } = transcript
  return {
    task: 'transcribe',
    text,
    ...(language_code && { language: language_code }),
    ...(typeof audio_duration_secs === 'number' && { duration: audio_duration_secs }),
    ...(Array.isArray(words) && { words: timedWords(words) }),
  }
}

function timedWords(words: NonNullable<Transcript['words']>): NonNullable<Transcription['words']> {
  return words.flatMap(({ type, text, start, end }) =>
    type === 'word' && typeof start === 'number' && typeof end === 'number' ? [{ word: text, start, end }] : [],
  )
}

/** What ElevenLabs' own names of errors mean. */
const faults: ReadonlyMap<unknown, Fault> = new Map([
  ['invalid_api_key', { kind: 'upstream_auth_failed' }],
  ['quota_exceeded', { kind: 'quota_exceeded' }],
  ['voice_not_found', { kind: 'invalid_request', param: 'voice' }],
  ['max_character_limit_exceeded', { kind: 'context_length_exceeded', param: 'input' }],
])

/** `{detail: {status, message}}`, `{error: {code, message}}`, or `{detail: [{loc, msg}]}` for a field that is wrong. */
function fault({ body }: FailedReply): Fault | undefined {
  const detail = isJsonObject(body) ? (body.detail ?? body.error) : undefined
  if (Array.isArray(detail)) return fieldFault(detail[0])
  if (!isJsonObject(detail)) return undefined
  const message = typeof detail.message === 'string' ? detail.message : undefined
  return { ...faults.get(detail.status ?? detail.code), message }
}

function fieldFault(detail: unknown): Fault | undefined {
  if (!isJsonObject(detail) || typeof detail.msg !== 'string') return undefined
  const path = Array.isArray(detail.loc) ? detail.loc.filter((part) => part !== 'body').join('.') : ''
  return path === '' ? { message: detail.msg } : { message: `${path}: ${detail.msg}`, param: path }
}
