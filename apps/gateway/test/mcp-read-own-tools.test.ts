import { formatProblem, readConfig } from '@tianjillm/config'
import { describe, expect, test } from 'vitest'
import { readOwnTools } from '../src/mcp/read-own-tools.ts'

async function ownTools(yaml: string) {
  const { config } = readConfig(`model_list: [{model_name: m, litellm_params: {model: mock/m}}]\n${yaml}`, {
    env: () => undefined,
  })
  const { tools, problems } = await readOwnTools(config!)
  return { tools, problems: problems.map(formatProblem) }
}

const searchTool = (name: string) => `  - {search_tool_name: ${name}, litellm_params: {search_provider: brave}}\n`
const namesOf = async (yaml: string) => (await ownTools(yaml)).tools.map(({ wire }) => wire.name)

describe('a prompt', () => {
  test('has an argument for each name in it, when nothing else is said', async () => {
    const { tools } = await ownTools('mcp_tools: [{name: a, model: m, prompt: "{{x}} {{ y }} {{x}} {z}"}]')
    expect(tools).toEqual([
      {
        wire: {
          name: 'a',
          inputSchema: {
            type: 'object',
            properties: { x: { type: 'string' }, y: { type: 'string' } },
            required: ['x', 'y'],
            additionalProperties: false,
          },
        },
        tags: [],
        task: { model: 'm', prompt: '{{x}} {{ y }} {{x}} {z}' },
      },
    ])
  })

  test('has the arguments that are written', async () => {
    const { tools, problems } = await ownTools(
      'mcp_tools: [{name: a, model: m, prompt: "{{x}}", input_schema: {properties: {x: {}}}}]',
    )
    expect(tools[0]!.wire.inputSchema).toEqual({ type: 'object', properties: { x: {} } })
    expect(problems).toEqual([])
  })
})

test.each([
  [
    '{name: a, model: m, prompt: "{{txt}}", input_schema: {properties: {text: {}}}}',
    'prompt: input_schema has no "txt" for {{txt}}. Did you mean text?',
  ],
  [
    '{name: a, model: m, prompt: p, input_schema: {type: array}}',
    'input_schema: expected the JSON Schema of an object.',
  ],
  [
    '{name: a, model: m, prompt: p, input_schema: {properties: []}}',
    'input_schema: expected the JSON Schema of an object.',
  ],
  [
    '{name: a, search_tool: s, input_schema: {properties: {q: {}}}}',
    'input_schema: a search needs a query among its properties.',
  ],
])('what cannot work is left out with a warning: %s', async (tool, problem) => {
  const { tools, problems } = await ownTools(
    `search_tools:\n${searchTool('s')}mcp_settings: {offer_search_tools: false}\nmcp_tools:\n  - ${tool}`,
  )
  expect(tools).toEqual([])
  const column = 5 + tool.indexOf(`${problem.split(':')[0]}: `)
  expect(problems).toEqual([`proxy_config.yaml:6:${column}: warning: mcp_tools[0].${problem} This tool is left out.`])
})

describe('search tools', () => {
  test('are tools under names that clients take, each once', async () => {
    const yaml = `search_tools:\n${['web', 'web', '"all of it!"', '"all_of_it_"'].map(searchTool).join('')}`
    expect(await namesOf(yaml)).toEqual(['web', 'all_of_it_'])
  })

  test('give way to a tool of the same name', async () => {
    const { tools } = await ownTools(
      `search_tools:\n${searchTool('web')}mcp_tools: [{name: web, search_tool: web, description: Ours., tags: [a]}]`,
    )
    expect(tools).toMatchObject([
      { wire: { name: 'web', description: 'Ours.' }, tags: ['a'], task: { searchTool: 'web' } },
    ])
  })

  test.each(['false', '"off"'])('are not offered where they shall not be: %s', async (flag) => {
    expect(await namesOf(`search_tools:\n${searchTool('web')}mcp_settings: {offer_search_tools: ${flag}}`)).toEqual([])
  })
})
