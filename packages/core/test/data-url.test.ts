import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDataUrl } from '../src/index.ts'

describe('parseDataUrl', () => {
  it.each([
    ['data:image/png;base64,iVBORw==', { mediaType: 'image/png', data: 'iVBORw==' }],
    ['data:text/plain;charset=utf-8;base64,aGk=', { mediaType: 'text/plain', data: 'aGk=' }],
    ['data:;base64,aGk=', { mediaType: 'text/plain', data: 'aGk=' }],
    ['data:image/png;base64,', { mediaType: 'image/png', data: '' }],
    ['data:a/b;base64,aGk,aGk', { mediaType: 'a/b', data: 'aGk,aGk' }],
  ])('takes %s apart', (url, parts) => {
    expect(parseDataUrl(url)).toEqual(parts)
  })

  it.each([
    '',
    'https://example.test/a.png',
    'data:image/png,raw',
    'data:image/png;base64',
    'data:image/png;base64!',
    'data:image/svg+xml;utf8,<svg/>',
    'data:',
    ' data:image/png;base64,iVBORw==',
  ])('leaves %j alone', (url) => {
    expect(parseDataUrl(url)).toBeUndefined()
  })

  it('gives back any bytes', () =>
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom('image/png', 'application/pdf', 'audio/mpeg'),
        (bytes, mediaType) => {
          const data = Buffer.from(bytes).toString('base64')
          expect(parseDataUrl(`data:${mediaType};base64,${data}`)).toEqual({ mediaType, data })
        },
      ),
    ))
})
