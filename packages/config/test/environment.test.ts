// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test.
import { describe, expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

const variables: Record<string, string> = {
  A: 'alpha',
  B: 'beta',
  A_1: 'one',
  lower: 'low',
  EMPTY: '',
  NESTED: '${A} os.environ/B $A',
}
const read = (text: string) => readConfig(text, { env: (name) => variables[name] })
const problemsOf = (text: string) =>
  read(text)
    .problems.filter(({ severity }) => severity !== 'note')
    .map(formatProblem)

/** What becomes of a string, wherever in a file it stands. */
function resolved(text: string): unknown {
  const { config } = read(`mcp_servers: [{a: ${JSON.stringify(text)}}]`)
  return (config?.sections.mcp_servers as [{ a?: unknown }] | undefined)?.[0].a
}

describe('a string', () => {
  test.each([
    ['os.environ/A', 'alpha'],
    ['os.environ/lower', 'low'],
    ['os.environ/A:os.environ/B', 'alpha:beta'],
    ['os.environ/NESTED', '${A} os.environ/B $A'],
    ['Bearer os.environ/A', 'Bearer alpha'],
    ['$A', 'alpha'],
    ['$A_1', 'one'],
    ['${A}', 'alpha'],
    ['Bearer ${A}', 'Bearer alpha'],
    ['${A}/${B}/x', 'alpha/beta/x'],
    ['${NONE:-fallback}', 'fallback'],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${NONE:-}', ''],
    ['${A:-fallback}', 'alpha'],
    ['https://${NONE:-localhost:80}/v1', 'https://localhost:80/v1'],
    ['$${A}', '${A}'],
    ['$${A} and ${A}', '${A} and alpha'],
  ])('%j becomes %j', (written, expected) => {
    expect(problemsOf(`mcp_servers: ${JSON.stringify(written)}`)).toEqual([])
    expect(resolved(written)).toBe(expected)
  })

  test.each([
    '$5.00',
    '$lower',
    '${lower}',
    '$A and more',
    '^\\$[0-9]+$',
    '(\\d+)$',
    'cost: $1',
    '${1}',
    '${X-HEADER}',
    '${}',
    '$',
    '$$',
    '{{A}}',
    'A',
    'http://os.environ.example',
  ])('%j stays as it is', (written) => {
    expect(resolved(written)).toBe(written)
  })

  test('that has os.environ in its middle is warned of', () => {
    expect(problemsOf('mcp_servers: {a: https://os.environ/HOST/v1}')).toEqual([
      'proxy_config.yaml:1:15: warning: mcp_servers.a: os.environ/NAME is only read when it is the whole value. Inside a text, write ${NAME}.',
    ])
    expect(resolved('https://os.environ/HOST/v1')).toBe('https://os.environ/HOST/v1')
  })
})

describe('an unset variable', () => {
  test('leaves its key out, with a warning', () => {
    const text = `model_list:
  - model_name: a
    litellm_params:
      model: groq/b
      api_key: os.environ/NONE
      api_base: http://\${HOST}:\${PORT}
      organization: os.environ/A:os.environ/EMPTY
`
    expect(problemsOf(text)).toEqual([
      'proxy_config.yaml:5:7: warning: model_list[0].litellm_params.api_key: NONE is not set. The key is left out.',
      'proxy_config.yaml:6:7: warning: model_list[0].litellm_params.api_base: HOST and PORT are not set. The key is left out.',
      'proxy_config.yaml:7:7: warning: model_list[0].litellm_params.organization: EMPTY is not set. The key is left out.',
    ])
    expect(read(text).config?.models[0]?.options).toEqual({})
  })

  test('leaves its item of a list out', () => {
    expect(read('plugins: [$A, $NONE, $B]').config?.plugins.map(({ specifier }) => specifier)).toEqual([
      'alpha',
      'beta',
    ])
  })

  test('for the master key is an error, because the gateway would stand open', () => {
    expect(read('general_settings:\n  master_key: os.environ/NONE').config).toBeUndefined()
    expect(problemsOf('general_settings:\n  master_key: os.environ/NONE')).toEqual([
      'proxy_config.yaml:2:3: error: general_settings.master_key: NONE is not set. Set it, or leave out the key.',
    ])
  })

  test('in a key is no business of ours', () => {
    expect(read('mcp_servers: {$NONE: {url: x}, "${NONE}": {url: y}}').config?.sections).toEqual({
      mcp_servers: { $NONE: { url: 'x' }, '${NONE}': { url: 'y' } },
    })
  })
})

describe('environment_variables', () => {
  test('are resolved from top to bottom and go before the environment', () => {
    const { config, problems } = read(`environment_variables:
  A: own-\${A}
  FIRST: os.environ/A
  PORT: 4000
  FLAG: true
  LEFT_EMPTY:
plugins: [$A, $FIRST, $PORT]
`)
    expect(problems).toEqual([])
    expect([...config!.environment]).toEqual([
      ['A', 'own-alpha'],
      ['FIRST', 'own-alpha'],
      ['PORT', '4000'],
      ['FLAG', 'true'],
    ])
    expect(config!.plugins.map(({ specifier }) => specifier)).toEqual(['own-alpha', 'own-alpha', '4000'])
  })

  test('that are unset are warned of once', () => {
    expect(problemsOf('environment_variables:\n  X: os.environ/NONE')).toEqual([
      'proxy_config.yaml:2:3: warning: environment_variables.X: NONE is not set. The key is left out.',
    ])
  })

  test('must hold values', () => {
    expect(problemsOf('environment_variables: {X: [a]}')).toEqual([
      'proxy_config.yaml:1:25: error: environment_variables.X: expected a string',
    ])
    expect(problemsOf('environment_variables: X')).toEqual([
      'proxy_config.yaml:1:1: error: environment_variables: expected a map',
    ])
  })
})

test('numbers and flags may come from the environment', () => {
  const env: Record<string, string> = { RPM: '100', TIMEOUT: ' 2.5 ', DROP: 'True', VERIFY: 'False' }
  const { config, problems } = readConfig(
    'model_list: [{model_name: a, litellm_params: {model: groq/b, rpm: $RPM, timeout: $TIMEOUT, drop_params: $DROP, ssl_verify: $VERIFY}}]',
    { env: (name) => env[name] },
  )
  expect(problems).toEqual([])
  expect(config?.models[0]).toMatchObject({ rpm: 100, timeout: 2.5, dropParams: true, sslVerify: false })
})
