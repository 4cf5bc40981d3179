import { expect, it } from 'vitest'
import { folderWith, tianji } from './tianji.ts'

/** Runs inside the command: writes the URL of every module that is loaded to standard error. */
const watcher = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    process.stderr.write('loaded ' + url + '\\n')
    return next(url, context)
  },
})
`

/** The URLs of all modules that a command loads until it listens. */
async function modulesOf(args: readonly string[], yaml?: string): Promise<readonly string[]> {
  const { url, errors } = tianji([...args, '--port', '0'], {
    folder: folderWith(yaml === undefined ? {} : { 'proxy_config.yaml': yaml }),
    nodeArguments: ['--import', `data:text/javascript,${encodeURIComponent(watcher)}`],
  })
  await url
  return [...errors().matchAll(/^loaded (.+)$/gm)].map(([, module]) => module!)
}

/** The plugins that a command loads until it listens, as `kind/name`. */
async function loadedBy(args: readonly string[], yaml?: string): Promise<readonly string[]> {
  const found = (await modulesOf(args, yaml)).map((module) => /\/plugins\/([a-z]+\/[\w-]+)\//.exec(module)?.[1])
  return [...new Set(found.filter((plugin) => plugin !== undefined))].sort()
}

it('a start loads the plugins that its configuration names, and no other', async () => {
  const plugins = await loadedBy(
    ['start'],
    `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_key: any}}
  - {model_name: mini, litellm_params: {model: openai/gpt-4o-mini, api_key: any}}
guardrails:
  - {guardrail_name: filter, litellm_params: {guardrail: litellm_content_filter, mode: pre_call}}
litellm_settings: {callbacks: [prometheus]}
`,
  )
  expect(plugins).toEqual(['callback/prometheus', 'guardrail/litellm-content-filter', 'provider/openai'])
})

it('a start without models loads no plugin at all', async () => {
  expect(await loadedBy(['start'], 'model_list: []')).toEqual([])
})

it('a start without a file looks at all plugins without loading them', async () => {
  expect(await loadedBy(['start'])).toEqual(['provider/mock'])
})

it('a start loads the auto-router when its configuration has one, and else nothing of it', async () => {
  const able = '{model_name: able, litellm_params: {model: openai/gpt-4o, api_key: any}}'
  const auto = `{model_name: auto, litellm_params: {model: auto_router/complexity_router, complexity_router_default_model: able}}`
  const ofAutoRouter = (modules: readonly string[]) => modules.filter((module) => module.includes('/auto-router/'))
  expect(ofAutoRouter(await modulesOf(['start'], `model_list: [${able}]`))).toEqual([])
  expect(ofAutoRouter(await modulesOf(['start'], `model_list: [${able}, ${auto}]`))).not.toEqual([])
})

it('a start loads nothing that counts tokens, though somebody wants to know what calls cost', async () => {
  const able = '{model_name: able, litellm_params: {model: openai/gpt-4o, api_key: any}}'
  const modules = await modulesOf(['start'], `{model_list: [${able}], litellm_settings: {callbacks: [prometheus]}}`)
  expect(modules.filter((module) => /\/gpt-tokenizer\/|\/packages\/tokens\//.test(module))).toEqual([])
})

it('a start loads of its libraries what it needs: pools without fetch, metrics without those of the process', async () => {
  const modules = await modulesOf(['start'], '{model_list: [], litellm_settings: {callbacks: [prometheus]}}')
  const libraries = modules.filter((module) =>
    /\/(undici|prom-client|@opentelemetry\/api)\/(?!.*node_modules)/.test(module),
  )
  expect(libraries.some((module) => module.endsWith('/undici/lib/dispatcher/pool.js'))).toBe(true)
  expect(libraries.some((module) => module.endsWith('/prom-client/lib/registry.js'))).toBe(true)
  expect(libraries.filter((module) => /\/web\/|\/mock\/|\/metrics\/|opentelemetry/.test(module))).toEqual([])
})

it('a start loads nothing of the agent, though its provider is there and its tools are', async () => {
  const modules = await modulesOf(
    ['start'],
    `
environment_variables: {OPENAI_API_KEY: any}
mcp_servers: {a: {url: "http://127.0.0.1:1/mcp"}}
agent: {providers: [openai]}
`,
  )
  expect(modules.some((module) => module.includes('/provider/openai/'))).toBe(true)
  expect(modules.filter((module) => /\/packages\/(agent|mcp)\/|\/agent\/(open|serve|ask)\.ts/.test(module))).toEqual([])
})

it('a start loads nothing that speaks MCP, though there are servers and searches for its clients', async () => {
  const modules = await modulesOf(
    ['start'],
    `
mcp_servers: {a: {url: "http://127.0.0.1:1/mcp"}}
search_tools: [{search_tool_name: web, litellm_params: {search_provider: brave, api_key: any}}]
`,
  )
  expect(modules.some((module) => module.includes('/search/brave/'))).toBe(true)
  expect(
    modules.filter((module) => /\/packages\/mcp\/|modelcontextprotocol|\/packages\/prompts\//.test(module)),
  ).toEqual([])
})
