import { describe, expect, it } from 'vitest'
import { renderTranscription } from '../src/transcription.ts'

const answer = {
  text: 'good morning all',
  language: 'en',
  duration: 3661.5,
  words: [
    { word: 'good', start: 0, end: 0.5 },
    { word: 'morning', start: 0.5, end: 1.25 },
    { word: 'all', start: 3661.001, end: 3661.5 },
  ],
}
const render = (response_format: string, more = {}) => renderTranscription(answer, { response_format, ...more })

describe('a transcription', () => {
  it('is bare text in JSON by default', () => {
    expect(renderTranscription(answer, {})).toEqual({ type: 'json', value: { text: 'good morning all' } })
  })

  it('is text', () => {
    expect(render('text')).toMatchObject({ type: 'text', text: 'good morning all\n' })
  })

  it('makes subtitles of its words', () => {
    expect(render('srt')).toMatchObject({
      text: '1\n00:00:00,000 --> 00:00:01,250\ngood morning\n\n2\n01:01:01,001 --> 01:01:01,500\nall\n\n',
    })
    expect(render('vtt')).toMatchObject({
      contentType: 'text/vtt; charset=utf-8',
      text: 'WEBVTT\n\n00:00:00.000 --> 00:00:01.250\ngood morning\n\n01:01:01.001 --> 01:01:01.500\nall\n\n',
    })
  })

  it('tells words and segments as they are asked for', () => {
    const { value } = render('verbose_json', { timestamp_granularities: ['word'] }) as { value: object }
    expect(value).toMatchObject({
      task: 'transcribe',
      language: 'en',
      duration: 3661.5,
      words: answer.words,
      segments: undefined,
    })
    expect(render('verbose_json')).toMatchObject({
      value: { segments: [{ id: 0, text: 'good morning' }, { id: 1 }], words: undefined },
    })
  })
})
