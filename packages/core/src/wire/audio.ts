import type { Upload } from '../http.ts'
import type { JsonObject } from '../json.ts'

/** OpenAI's text to speech. https://platform.openai.com/docs/api-reference/audio/createSpeech */
export interface SpeechRequest extends JsonObject {
  readonly model: string
  readonly input: string
  /** A name, or an object with `id`. Some vendors have none. */
  readonly voice?: string | JsonObject
  readonly instructions?: string
  /** mp3 (default), opus, aac, flac, wav, pcm, or a vendor's own name. */
  readonly response_format?: string
  readonly speed?: number
  readonly stream_format?: 'sse' | 'audio'
}

/** OpenAI's speech to text, and its translation to English. https://platform.openai.com/docs/api-reference/audio */
export interface TranscriptionRequest extends JsonObject {
  readonly model: string
  readonly file: Upload
  readonly language?: string
  readonly prompt?: string
  /** json (default), text, srt, verbose_json, vtt. A mapped provider ignores it: the engine renders. */
  readonly response_format?: string
  readonly temperature?: number
  readonly timestamp_granularities?: readonly string[]
}

/** A transcription with all that is known; times in seconds. */
export interface Transcription extends JsonObject {
  readonly text: string
  readonly task?: 'transcribe' | 'translate'
  readonly language?: string
  readonly duration?: number
  readonly words?: readonly { readonly word: string; readonly start: number; readonly end: number }[]
  readonly segments?: readonly {
    readonly id: number
    readonly start: number
    readonly end: number
    readonly text: string
    readonly [key: string]: unknown
  }[]
}
