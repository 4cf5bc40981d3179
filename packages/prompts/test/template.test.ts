import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTemplate, render } from '../src/index.ts'

const refused = (param: string, message: RegExp) =>
  expect.objectContaining({
    kind: 'invalid_request',
    message: expect.stringMatching(message),
    facts: expect.objectContaining({ param }),
  })

/** What a call throws. */
function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

describe('a template', () => {
  it.each([
    ['Hello {{name}}!', 'Hello Ada!'],
    ['{{ name }}{{name }}{{\tname}}', 'AdaAdaAda'],
    ['{{count}} {{ratio}} {{is}} {{nothing}}', '3 0.5 true null'],
    ['{{größe}} {{user.name}} {{x-1}} {{__proto__}} {{1}}', 'L Lovelace y kept one'],
    ['{{{name}}} {"a": {"b": 1}} {name} }}{{', '{Ada} {"a": {"b": 1}} {name} }}{{'],
    ['{{ }} {{#if name}} {{first name}} {{name|upper}}', '{{ }} {{#if name}} {{first name}} {{name|upper}}'],
    ['{{name\n}} {{na{{name}}', '{{name\n}} {{naAda'],
    ['', ''],
  ])('%j becomes %j', (template, text) => {
    const variables = JSON.parse(
      `{"name": "Ada", "count": 3, "ratio": 0.5, "is": true, "nothing": null, "größe": "L", "user.name": "Lovelace",
        "x-1": "y", "__proto__": "kept", "1": "one"}`,
    )
    expect(render(template, variables)).toBe(text)
  })

  it('never expands what was put in', () => {
    expect(render('{{a}}{{b}}', { a: '{{b}}', b: '{{a}}' })).toBe('{{b}}{{a}}')
    expect(render('{{a}}{{b}}', { a: '{', b: '{a}}' })).toBe('{{a}}')
    expect(render('{{a}}', { a: '$& $1 \\' })).toBe('$& $1 \\')
  })

  it('names what is missing, and what there is', () => {
    expect(errorOf(() => render('{{nmae}}', { name: 'Ada', tone: 'kind' }))).toEqual(
      refused('prompt_variables.nmae', /^The prompt's variable "nmae" is missing\. Given are name, tone\.$/),
    )
    expect(errorOf(() => render('{{name}}', {}))).toEqual(refused('prompt_variables.name', /No variables are given\.$/))
  })

  it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])('has no variable %s by itself', (name) => {
    expect(errorOf(() => render(`{{${name}}}`, {}))).toEqual(refused(`prompt_variables.${name}`, /is missing/))
  })

  it.each([
    [{ a: ['x'] }, 'not a list'],
    [{ a: { b: 1 } }, 'not an object'],
  ])('takes no %j', (variables, noun) => {
    expect(errorOf(() => render('{{a}}', variables))).toEqual(refused('prompt_variables.a', new RegExp(noun)))
  })

  it('stays bounded, however often it asks for a large value', () => {
    const error = errorOf(() => render('{{a}}'.repeat(10_000), { a: 'x'.repeat(100_000) }))
    expect(error).toEqual(refused('prompt_variables', /has more than 4194304 letters/))
  })

  it('lists no more names than somebody reads', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`n${index}`, 1]))
    expect(errorOf(() => render('{{x}}', many))).toEqual(refused('prompt_variables.x', /n19 and 480 more\.$/))
  })

  it.each(['{', '{{', '{{a', '{{ ', '{{a ', '{{a{{'])(
    'is cut in linear time when it is %j a million times',
    (piece) => {
      expect(parseTemplate(piece.repeat(1_000_000)).names).toEqual([])
    },
  )
})

describe('any template', () => {
  const name = fc.stringMatching(/^[a-z_]{1,5}$/)
  const text = fc.string({ unit: fc.constantFrom('{', '}', 'a', ' ', '{{a}}', '{{ b }}', '\n', '😀', '$') })

  it('is all there after it was cut', () => {
    fc.assert(
      fc.property(text, (template) => {
        const { texts, names } = parseTemplate(template)
        const squeezed = template.replaceAll('{{ b }}', '{{b}}').replaceAll(/\{\{ *(\w+) *\}\}/g, '{{$1}}')
        expect(texts.map((piece, index) => piece + (index < names.length ? `{{${names[index]}}}` : '')).join('')).toBe(
          squeezed,
        )
      }),
    )
  })

  it('is the values between its texts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.stringMatching(/^[^{}]*$/), name)),
        fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))),
        (pieces, given) => {
          const variables = { ...Object.fromEntries(pieces.map(([, known]) => [known, 'kept'])), ...given }
          const template = pieces.map(([before, known]) => `${before}{{${known}}}`).join('')
          expect(render(template, variables)).toBe(
            pieces.map(([before, known]) => before + String(variables[known])).join(''),
          )
        },
      ),
    )
  })

  it('gives back a value as it is, whatever is in it', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (value) => {
        expect(render('<{{v}}>', { v: value })).toBe(`<${value}>`)
      }),
    )
  })
})
