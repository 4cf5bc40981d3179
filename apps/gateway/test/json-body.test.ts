import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonBody } from '../src/http/json-body.ts'

const spliced = (text: string, model: string) => {
  const bytes = new JsonBody(Buffer.from(text), Object.hasOwn(JSON.parse(text), 'model')).withModel(model)
  return bytes && Buffer.from(bytes).toString()
}

describe('putting another model into a JSON body', () => {
  it('changes those bytes and no others', () => {
    const text = '{ "messages": [{"role":"user","content":"\\u00e9 é"}],\n "model" : "small", "x": 1.0 }'
    expect(spliced(text, 'gpt-4o')).toBe(text.replace('"small"', '"gpt-4o"'))
  })

  it('is not misled by a model further in', () => {
    const text = '{"tools":[{"model":"inner","a":{"model":1}}],"note":"\\"model\\":\\"x\\"","model":"outer"}'
    expect(spliced(text, 'new')).toBe(text.replace('"outer"', '"new"'))
  })

  it('is not misled by the word as a value', () => {
    expect(spliced('{"user":"model","model":"a"}', 'b')).toBe('{"user":"model","model":"b"}')
    expect(spliced('{"a":["model","model"],"model":"a"}', 'b')).toBe('{"a":["model","model"],"model":"b"}')
  })

  it('hands the very bytes on when the model stays', () => {
    const bytes = Buffer.from('{"model":"same"}')
    expect(new JsonBody(bytes, true).withModel('same')).toBe(bytes)
  })

  it('leaves bodies alone that it cannot be sure of', () => {
    expect(spliced('{"messages":[]}', 'b')).toBeUndefined()
    expect(spliced('{"a":{"model":"x"}}', 'b')).toBeUndefined()
    expect(spliced('{"model":"a","model":"c"}', 'b')).toBeUndefined()
    expect(spliced('{"mod\\u0065l":"a"}', 'b')).toBeUndefined()
    expect(spliced('{"model":"a","mod\\u0065l":"c"}', 'b')).toBeUndefined()
    expect(spliced('{"model":5}', 'b')).toBeUndefined()
  })

  it('says the same as parsing, changing and writing, for any request', () => {
    const request = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('model', 'messages', 'mode', '"model"')),
      fc.oneof(fc.jsonValue(), fc.constantFrom('model', '"model":"x"')),
    )
    fc.assert(
      fc.property(
        request,
        fc.string({ minLength: 1 }),
        fc.string(),
        fc.constantFrom(0, 1, 2),
        (rest, model, wanted, indent) => {
          const text = JSON.stringify({ ...rest, model }, null, indent)
          const result = spliced(text, wanted)
          // Undefined is allowed: the engine then writes the body anew.
          if (result !== undefined) expect(JSON.parse(result)).toEqual({ ...JSON.parse(text), model: wanted })
        },
      ),
      { numRuns: 500 },
    )
  })

  it('finds the model of any request that was written without escapes in its keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.jsonValue()), fc.string(), (rest, wanted) => {
        expect(spliced(JSON.stringify({ ...rest, model: 'm' }), wanted)).toBeDefined()
      }),
    )
  })
})
