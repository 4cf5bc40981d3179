import { describe, expect, test } from 'vitest'
import { type Config, formatProblem, readConfig } from '../src/index.ts'

const read = (tools: string) =>
  readConfig(
    `model_list: [{model_name: small, litellm_params: {model: mock/m}}, {model_name: "lab/*", litellm_params: {model: mock/*}}]
search_tools: [{search_tool_name: web, litellm_params: {search_provider: brave}}]
router_settings: {model_group_alias: {tiny: small}}
mcp_tools:
${tools}`,
    { env: () => undefined },
  )

function configOf(tools: string): Config {
  const { config, problems } = read(tools)
  expect(problems.map(formatProblem)).toEqual([])
  return config!
}

describe('tools of the gateway', () => {
  test('ask a model with a prompt', () => {
    const { mcpTools, sections } = configOf(`
  - name: translate
    description: Translates.
    input_schema: {type: object, properties: {text: {type: string}}}
    tags: [words]
    model: small
    prompt: "Translate {{text}}"`)
    expect(mcpTools).toEqual([
      {
        name: 'translate',
        description: 'Translates.',
        inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
        tags: ['words'],
        task: { model: 'small', prompt: 'Translate {{text}}' },
        path: ['mcp_tools', 0],
      },
    ])
    expect(sections).not.toHaveProperty('mcp_tools')
  })

  test('search', () => {
    expect(configOf('  - {name: find, search_tool: web}').mcpTools).toMatchObject([
      { name: 'find', description: undefined, inputSchema: undefined, tags: [], task: { searchTool: 'web' } },
    ])
  })

  test.each(['tiny', 'lab/anything'])('may ask for an alias, and for what a wildcard serves: %s', (model) => {
    expect(configOf(`  - {name: a, model: ${model}, prompt: p}`).mcpTools).toHaveLength(1)
  })
})

describe('a tool that cannot work is left out', () => {
  test.each([
    ['{name: a, model: smal, prompt: p}', 'model', 'no such model. Did you mean small?'],
    ['{name: a, search_tool: wep}', 'search_tool', 'no such search tool. Did you mean web?'],
    ['{name: a}', 'name', 'it needs a model and a prompt, or a search_tool.'],
    ['{name: a, model: small}', 'name', 'it needs a model and a prompt, or a search_tool.'],
    ['{name: a, search_tool: web, model: small, prompt: p}', 'name', 'it can have a search_tool or a model, not both.'],
    ['{name: "a b", search_tool: web}', 'name', 'expected up to 64 letters, digits, "_" and "-".'],
    ['{name: taken, search_tool: web}', 'name', 'there is one of this name already.'],
  ])('%s', (tool, key, message) => {
    const { config, problems } = read(`  - {name: taken, search_tool: web}\n  - ${tool}`)
    const place = 5 + tool.indexOf(`${key}: `)
    expect(problems.map(formatProblem)).toEqual([
      `proxy_config.yaml:6:${place}: warning: mcp_tools[1].${key}: ${message} This tool is left out.`,
    ])
    expect(config?.mcpTools).toMatchObject([{ name: 'taken' }])
  })

  test('as is one that is Python code', () => {
    const { config, problems } = read('  - {name: now, input_schema: {type: object}, handler: tools.clock.now}')
    expect(problems).toMatchObject([{ severity: 'warning', topic: 'python', path: 'mcp_tools[0].handler' }])
    expect(config?.mcpTools).toEqual([])
  })
})

test.each([
  ['{description: nameless, search_tool: web}', 'mcp_tools[0].name: is missing'],
  ['{name: a, search_tool: web, input_schema: []}', 'mcp_tools[0].input_schema: expected a map, received a list'],
])('what has another shape is refused: %s', (tool, problem) => {
  const { config, problems } = read(`  - ${tool}`)
  expect(config).toBeUndefined()
  expect(problems.map(formatProblem)[0]).toContain(problem)
})

test('a filter that nobody keeps yet is warned of', () => {
  const { problems } = readConfig('mcp_settings: {tool_filter: {include_tags: [a]}, offer_search_tools: false}', {
    env: () => undefined,
  })
  expect(problems).toMatchObject([{ severity: 'warning', path: 'mcp_settings.tool_filter', topic: 'effect' }])
})
