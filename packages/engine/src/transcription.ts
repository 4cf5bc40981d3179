import { compact, type JsonObject, type Transcription } from '@tianjillm/core'
import type { Answer } from './answer.ts'

interface Cue {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Longest cue made of single words, in seconds. */
const LONGEST_CUE = 5

/** A transcription as `response_format` wants it: json (default), verbose_json, text, srt or vtt. */
export function renderTranscription(answer: Transcription, input: JsonObject): Answer {
  switch (input.response_format) {
    case 'text':
      return { type: 'text', contentType: 'text/plain; charset=utf-8', text: `${answer.text}\n` }
    case 'srt':
      return { type: 'text', contentType: 'text/plain; charset=utf-8', text: srt(cuesOf(answer)) }
    case 'vtt':
      return { type: 'text', contentType: 'text/vtt; charset=utf-8', text: vtt(cuesOf(answer)) }
    case 'verbose_json':
      return { type: 'json', value: verbose(answer, input) }
    default:
      return { type: 'json', value: compact({ text: answer.text, usage: answer.usage }) }
  }
}

function verbose(answer: Transcription, input: JsonObject): JsonObject {
  const granularities = Array.isArray(input.timestamp_granularities) ? input.timestamp_granularities : ['segment']
  return {
    ...answer,
    task: answer.task ?? 'transcribe',
    words: granularities.includes('word') ? (answer.words ?? []) : undefined,
    segments: granularities.includes('segment') ? (answer.segments ?? segmentsOf(answer)) : undefined,
  }
}

function segmentsOf(answer: Transcription): readonly JsonObject[] {
  return cuesOf(answer).map((cue, id) => ({ id, ...cue }))
}

function cuesOf(answer: Transcription): readonly Cue[] {
  if (answer.segments) return answer.segments
  if (!answer.words?.length) return [{ start: 0, end: answer.duration ?? 0, text: answer.text }]
  const cues: Cue[] = []
  for (const { word, start, end } of answer.words) {
    const last = cues.at(-1)
    if (last && end - last.start <= LONGEST_CUE) cues[cues.length - 1] = { ...last, end, text: `${last.text} ${word}` }
    else cues.push({ start, end, text: word })
  }
  return cues
}

function srt(cues: readonly Cue[]): string {
  return cues
    .map(
      ({ start, end, text }, index) => `${index + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${text.trim()}\n\n`,
    )
    .join('')
}

function vtt(cues: readonly Cue[]): string {
  const blocks = cues.map(({ start, end, text }) => `${clock(start, '.')} --> ${clock(end, '.')}\n${text.trim()}\n\n`)
  return `WEBVTT\n\n${blocks.join('')}`
}

/** `01:02:03,456` */
function clock(seconds: number, point: string): string {
  const milliseconds = Math.round(seconds * 1000)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const rest = String(milliseconds % 1000).padStart(3, '0')
  return `${two(milliseconds / 3_600_000)}:${two((milliseconds / 60_000) % 60)}:${two((milliseconds / 1000) % 60)}${point}${rest}`
}
