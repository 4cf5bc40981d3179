// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readConfig } from '../src/index.ts'

const env = (name: string) => (name.length % 2 === 0 ? `value of ${name}` : undefined)

function expectGoodReport(text: string): void {
  const { config, problems } = readConfig(text, { env, include: (path) => ({ file: path, text }) })
  for (const { line, column, message, path, file } of problems) {
    expect(line).toBeGreaterThanOrEqual(1)
    expect(column).toBeGreaterThanOrEqual(1)
    expect(message).not.toBe('')
    expect(typeof path).toBe('string')
    expect(file).not.toBe('')
  }
  expect(config === undefined).toBe(problems.some(({ severity }) => severity === 'error'))
}

const keys = fc.constantFrom(
  ...'model_list model_name litellm_params tianji_params model rpm guardrails guardrail mode fail_open callbacks'.split(
    ' ',
  ),
  ...'litellm_settings tianji_settings general_settings router_settings fallbacks model_group_alias plugins'.split(' '),
  ...'search_tools environment_variables credential_list include callback_settings organization'.split(' '),
  ...'__proto__ constructor toString <<'.split(' '),
)
const scalars = fc.oneof(
  fc.string(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('os.environ/AB', 'os.environ/A:os.environ/B', '$AB', '${A:-x}', 'a.b', 'openai/x', '*', '../x.yaml'),
)
const { value: document } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 6 }, scalars, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
}))

test('any document of our words is read without a throw', () => {
  fc.assert(
    fc.property(document!, (value) => expectGoodReport(stringify(value))),
    { numRuns: 600000 },
  )
})

test('any garbage is read without a throw', () => {
  const snippets = fc.constantFrom(
    ...[
      '- ',
      ': ',
      '? ',
      '\n',
      '\n  ',
      '\t',
      '&a ',
      '*a ',
      '<<: ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|\n',
      '>-\n',
      '!!str ',
    ],
    ...[
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '# x\n',
      ', ',
      'model_list',
      '${',
      'A}',
      '\r',
      '\uFEFF',
      '\u0000',
      '@',
      '`',
      '!',
    ],
  )
  const garbage = fc.array(fc.oneof(snippets, fc.string({ maxLength: 5, unit: 'binary' })), { maxLength: 40 })
  fc.assert(
    fc.property(garbage, (pieces) => expectGoodReport(pieces.join(''))),
    { numRuns: 60000 },
  )
})

test.each(['[', '{', '- ', '? ', '[a: ', 'a: &a [*a, '])(
  '%j thousands of times over is read without a throw',
  (piece) => {
    expectGoodReport(piece.repeat(20_000))
  },
)

test('a staircase of thousands of steps is read without a throw', () => {
  expectGoodReport(Array.from({ length: 3000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'))
})
