import { describe, expect, it } from 'vitest'
import { isJsonObject, parseJson } from '../src/index.ts'

describe('isJsonObject', () => {
  it.each([[{}], [{ a: 1 }], [JSON.parse('{"__proto__":1}')]])('knows %j', (value) => {
    expect(isJsonObject(value)).toBe(true)
  })

  it.each([null, undefined, [[]], 'a', 1, true])('does not know %j', (value) => {
    expect(isJsonObject(value)).toBe(false)
  })
})

describe('parseJson', () => {
  it('parses', () => {
    expect(parseJson('{"a":[1,null]}')).toEqual({ a: [1, null] })
  })

  it.each(['', '{', 'undefined', '<html>'])('gives undefined for %j', (text) => {
    expect(parseJson(text)).toBeUndefined()
  })
})
