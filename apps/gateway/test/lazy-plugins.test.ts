import { expect, it } from 'vitest'
import { folderWith, tianji } from './tianji.ts'

/** Runs inside the command: writes the URL of every plugin's module that is loaded to standard error. */
const watcher = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (/\\/plugins\\/[a-z]+\\//.test(url)) process.stderr.write('loaded ' + url + '\\n')
    return next(url, context)
  },
})
`

/** The plugins that a command loads until it listens, as `kind/name`. */
async function loadedBy(args: readonly string[], yaml?: string): Promise<readonly string[]> {
  const { url, errors } = tianji([...args, '--port', '0'], {
    folder: folderWith(yaml === undefined ? {} : { 'proxy_config.yaml': yaml }),
    nodeArguments: ['--import', `data:text/javascript,${encodeURIComponent(watcher)}`],
  })
  await url
  const found = [...errors().matchAll(/^loaded .*\/plugins\/([a-z]+\/[\w-]+)\//gm)].map(([, plugin]) => plugin!)
  return [...new Set(found)].sort()
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
