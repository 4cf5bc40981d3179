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

const settingsIn = (yaml: string) => {
  const { config, problems } = readConfig(yaml, { env: () => undefined })
  return { ...config?.mcpSettings, problems: problems.map(formatProblem) }
}

test.each([
  ['{}', undefined],
  ['{tool_filter: {include_tags: [a, b]}}', { includeTags: ['a', 'b'], excludeTags: [] }],
  ['{tool_filter: {include_tags: [], exclude_tags: [c]}}', { includeTags: [], excludeTags: ['c'] }],
])('which tools there are: %s', (written, toolFilter) => {
  expect(settingsIn(`mcp_settings: ${written}`)).toMatchObject({ toolFilter, problems: [] })
})

test.each([
  ['{}', 'warn'],
  ['{tool_pinning: warn}', 'warn'],
  ['{tool_pinning: quarantine}', 'quarantine'],
  ['{tool_pinning: off}', 'off'],
  ['{tool_pinning: false}', 'off'],
])('what is done with tools that change: %s', (written, toolPinning) => {
  expect(settingsIn(`mcp_settings: ${written}`)).toMatchObject({ toolPinning, problems: [] })
})

test('a policy for tools that change which nobody knows is refused', () => {
  expect(settingsIn('mcp_settings: {tool_pinning: block}').problems[0]).toContain('expected off, warn or quarantine')
})

const models = 'model_list: [{model_name: e, litellm_params: {model: mock/e}}]'

test.each([
  ['{}', undefined],
  ['{enabled: false, top_k: 3}', undefined],
  ['{enabled: true}', { embeddingModel: 'text-embedding-3-small', topK: 10, threshold: 0.3 }],
  [
    '{enabled: true, embedding_model: e, top_k: 3, similarity_threshold: "0.5"}',
    { embeddingModel: 'e', topK: 3, threshold: 0.5 },
  ],
])('which tools models are offered: %s', (written, semanticFilter) => {
  for (const section of ['litellm_settings', 'tianji_settings'])
    expect(settingsIn(`${models}\n${section}: {mcp_semantic_tool_filter: ${written}}`)).toMatchObject({
      ...{ semanticFilter, problems: [] },
    })
})

test('what is wrong with filters is told with its place', () => {
  const written = '{enabled: true, embedding_model: f, top_n: 3}'
  expect(settingsIn(`${models}\nlitellm_settings: {mcp_semantic_tool_filter: ${written}}`).problems).toEqual([
    expect.stringContaining('mcp_semantic_tool_filter.embedding_model: no such model.'),
    expect.stringContaining('mcp_semantic_tool_filter.top_n: unknown key'),
  ])
  expect(settingsIn('mcp_settings: {tool_filter: {exclude_tag: [a]}}').problems[0]).toContain(
    'exclude_tag: unknown key',
  )
})
