import { describe, expect, it } from 'vitest'
import { withoutBase64 } from '../src/index.ts'

const data = `${'QUJD'.repeat(20)}QQ==`

describe('withoutBase64', () => {
  it.each([
    ['a data URI', `data:image/png;base64,${data}`, '[base64 image/png, 61 bytes]'],
    ['one with parameters', `data:text/plain;charset=utf-8;base64,${data}`, '[base64 text/plain, 61 bytes]'],
    ['one without a type', `data:;base64,${data}`, '[base64 data, 61 bytes]'],
    ['one inside a text', `![x](data:image/gif;base64,${data}) end`, '![x]([base64 image/gif, 61 bytes]) end'],
    ['a short one', 'data:image/png;base64,QUJD', 'data:image/png;base64,QUJD'],
    ['a long text', 'word '.repeat(50), 'word '.repeat(50)],
    ['long base64 of no known field', data, data],
  ])('reads %s', (_, text, expected) => {
    expect(withoutBase64(text)).toBe(expected)
  })

  it('finds files without a data URI by their fields', () => {
    expect(
      withoutBase64({
        data: [{ b64_json: data }],
        parts: [{ input_audio: { data, format: 'wav' } }, { source: { media_type: 'image/png', data } }],
        plain: { data: 'a sentence, not base64, though it is more than sixty-four characters long' },
      }),
    ).toEqual({
      data: [{ b64_json: '[base64 data, 61 bytes]' }],
      parts: [
        { input_audio: { data: '[base64 wav, 61 bytes]', format: 'wav' } },
        { source: { media_type: 'image/png', data: '[base64 image/png, 61 bytes]' } },
      ],
      plain: { data: 'a sentence, not base64, though it is more than sixty-four characters long' },
    })
  })

  it('leaves other values alone', () => {
    expect(withoutBase64({ number: 1, none: null, list: [true, undefined] })).toEqual({
      number: 1,
      none: null,
      list: [true, undefined],
    })
  })
})
