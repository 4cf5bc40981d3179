import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDotprompt } from '../src/index.ts'

describe('a .prompt file', () => {
  it('has parameters, variables and turns', () => {
    const text = `---
model: gpt-4o
temperature: 0.4
config: { max_tokens: 20 }
input:
  schema: { name: "string, of a person", tone?: string, items: array }
  default: { tone: kind }
output: { format: text }
---
System: Be {{tone}}.
  Always.
user: Greet {{ name }},
and {{items}}.
`
    expect(parseDotprompt(text)).toEqual({
      model: 'gpt-4o',
      parameters: { max_tokens: 20, temperature: 0.4 },
      variables: {
        name: { type: 'string', description: 'of a person' },
        'tone?': { type: 'string', default: 'kind' },
        items: { type: 'any' },
      },
      messages: [
        { role: 'system', content: 'Be {{tone}}.\n  Always.' },
        { role: 'user', content: 'Greet {{ name }},\nand {{items}}.' },
      ],
    })
  })

  it.each([
    ['Hi {{name}}\n', { template: 'Hi {{name}}' }],
    ['---\n---\nHi', { template: 'Hi' }],
    ['\uFEFF---\r\nmodel: a\r\n---\r\nHi\r\n', { template: 'Hi', model: 'a' }],
    ['---\nmodel: a\n---', { template: '', model: 'a' }],
    [
      'First.\nAssistant: Yes?',
      {
        messages: [
          { role: 'user', content: 'First.' },
          { role: 'assistant', content: 'Yes?' },
        ],
      },
    ],
  ])('may be as short as %j', (text, prompt) => expect(parseDotprompt(text)).toEqual(prompt))

  it.each([
    ['---\nmodel: a\nHi', 'its front matter has no end'],
    ['---\n- a\n---\nHi', 'its front matter is not a map'],
    ['---\na: [\n---\nHi', 'its front matter is not YAML'],
    ['---\nstream: true\n---\nHi', '`parameters.stream` is not for a prompt to set'],
    ['{% if a %}Hi{% endif %}', 'it has "{%"; only {{name}} is understood'],
    ['Hi {# note #}', 'it has "{#"'],
    ['{{#if a}}Hi{{/if}}', 'it has "{{#if a}}"'],
    ['{{role "system"}}Hi', 'it has "{{role "system"}}"'],
    ['{{ name | upper }}', 'it has "{{ name | upper }}"'],
    ['x'.repeat(300_000), 'it has more than 262144 letters'],
    [
      '---\na: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b]\n---\nHi',
      'its front matter',
    ],
  ])('is refused in its case %#, and says why', (text, words) => {
    expect(() => parseDotprompt(text)).toThrow(
      expect.objectContaining({ kind: 'misconfigured', message: expect.stringContaining(words) }),
    )
  })

  it('is read or refused, whatever is in it', () => {
    const piece = fc.constantFrom(
      '---',
      '\n',
      'System:',
      'User: ',
      '{{a}}',
      '{{',
      '}}',
      '{%',
      'a: b',
      ': ',
      '\t',
      '&a',
      '*a',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        try {
          parseDotprompt(pieces.join(''))
        } catch (error) {
          expect(error).toMatchObject({ kind: 'misconfigured' })
        }
      }),
    )
  })
})
