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

/** Deepgram: transcripts of recordings, and the Aura voices. https://developers.deepgram.com/reference */
export const deepgram: ProviderPlugin<ApiOptions> = defineProvider({
  name: 'deepgram',
  title: 'Deepgram',
  docs: 'https://developers.deepgram.com/reference',
  env: ['DEEPGRAM_API_KEY'],
  options: v.object(apiOptions),
  create(options: ApiOptions, host: Host): Provider {
    const base = trimSlash(setting(options.apiBase, host, 'DEEPGRAM_API_BASE') ?? 'https://api.deepgram.com/v1')
    const authorization = `Token ${requiredKey('deepgram', options.apiKey, host, 'DEEPGRAM_API_KEY')}`
    return {
      transcription: {
        supports: ['language'],
        request: (input) => ({
          method: 'POST',
          url: `${base}/listen?${transcriptionQuery(input)}`,
          headers: { authorization, 'content-type': input.file.type },
          body: input.file.bytes,
        }),
        response: (reply, _call, input) => transcription(reply, input),
      },
      speech: {
        supports: ['response_format', 'speed', 'voice'],
        request: (input) => ({
          method: 'POST',
          url: `${base}/speak?${speechQuery(input)}`,
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ text: input.input }),
        }),
        response: (reply) => ({
          contentType: reply.headers.get('content-type') ?? 'audio/mpeg',
          body: reply.body,
        }),
      },
      fault,
    }
  },
})

function transcriptionQuery(input: TranscriptionRequest): URLSearchParams {
  return query({ model: input.model, language: input.language, ...vendorExtras('transcription', input, ['file']) })
}

/** OpenAI's formats as what Deepgram takes together: a parameter outside its combination is an error. */
const formats: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ['mp3', { encoding: 'mp3' }],
  ['wav', { encoding: 'linear16', container: 'wav' }],
  ['pcm', { encoding: 'linear16', container: 'none', sample_rate: 24000 }],
  ['opus', { encoding: 'opus', container: 'ogg' }],
  ['flac', { encoding: 'flac' }],
  ['aac', { encoding: 'aac' }],
])

function speechQuery(input: SpeechRequest): URLSearchParams {
  const extras = vendorExtras('speech', input, ['input'])
  const { response_format: format = 'mp3', speed } = input
  return query({
    model: voiceModel(input),
    ...(extras.encoding === undefined && (formats.get(format) ?? { encoding: format })),
    ...(speed !== 1 && { speed }),
    ...extras,
  })
}

/** The voice is part of the model id, so only a voice that is such an id counts; `alloy` and the like mean nothing here. */
function voiceModel({ model, voice }: SpeechRequest): string {
  return typeof voice === 'string' && voice.startsWith('aura-') ? voice : model
}

/** Lists by repeating the name. */
function query(fields: JsonObject): URLSearchParams {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((item) => [name, item] as const))
  return new URLSearchParams(
    pairs.flatMap(([name, item]) => (item === undefined || item === null ? [] : [[name, String(item)]])),
  )
}

/** Deepgram's transcript, as far as OpenAI's has a place for it. Times in seconds. */
interface Transcript {
  readonly metadata?: { readonly duration?: number }
  readonly results?: {
    readonly channels?: readonly {
      readonly detected_language?: string
      readonly alternatives?: readonly {
        readonly transcript?: string
        readonly words?: readonly { readonly word: string; readonly start: number; readonly end: number }[]
      }[]
    }[]
    /** Only when asked for with `utterances`. */
    readonly utterances?: readonly { readonly start: number; readonly end: number; readonly transcript: string }[]
  }
}

async function transcription(reply: UpstreamReply, input: TranscriptionRequest): Promise<Transcription> {
  const { metadata, results } = (await reply.json<Transcript | null>()) ?? {}
  const channel = results?.channels?.[0]
  const alternative = channel?.alternatives?.[0]
  if (typeof alternative?.transcript !== 'string')
    throw new GatewayError('upstream_invalid_response', 'deepgram: the answer has no transcript.', {
      provider: 'deepgram',
    })
  const language = channel?.detected_language ?? input.language
  return {
    task: 'transcribe',
    text: alternative.transcript,
    ...(language && { language }),
    ...(metadata?.duration !== undefined && { duration: metadata.duration }),
    ...(alternative.words && { words: alternative.words.map(({ word, start, end }) => ({ word, start, end })) }),
    ...(results?.utterances && {
      segments: results.utterances.map(({ start, end, transcript }, id) => ({ id, start, end, text: transcript })),
    }),
  }
}

/** `{category, message, details}` and `{err_code, err_msg}`; the third shape, plain text, needs no reading. */
function fault({ body }: FailedReply): Fault | undefined {
  if (!isJsonObject(body)) return undefined
  const message = [body.message, body.err_msg, body.details].find((text) => typeof text === 'string' && text !== '')
  return message === undefined ? undefined : { message: String(message) }
}
