import type { PluginNames } from './names.ts'
import { readme, type Template } from './template.ts'

/** A callback that queues, batches and posts. */
export function batchCallback(names: PluginNames): Template {
  const { name, identifier, typeName, title, docs, baseURL, variable, packageName } = names
  return {
    dependencies: ['@tianjillm/batch-callback', 'valibot'],
    readme: readme(names, {
      does: 'is told of every call, with its usage and cost.',
      yaml: `litellm_settings: { callbacks: [${name}] }
environment_variables: { ${variable}_API_KEY: os.environ/${variable}_API_KEY }`,
      typescript: `import { createCallback, createHost } from '@tianjillm/engine'
import { ${identifier} } from '${packageName}'
const callback = createCallback(${identifier}, { apiKey: '…' }, createHost())`,
    }),
    source: `import { type BatchOptions, batchCallback, batchOptions, callType, postJson } from '@tianjillm/batch-callback'
import {
  type ApiOptions,
  apiOptions,
  type CallbackPlugin,
  type CallReport,
  compact,
  type JsonObject,
  requiredKey,
  setting,
  trimSlash,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of ${title}. */
export interface ${typeName}Options extends ApiOptions, BatchOptions {}

/** ${title} is told of every call. ${docs} */
export const ${identifier}: CallbackPlugin<${typeName}Options> = batchCallback({
  name: '${name}',
  title: '${title}',
  docs: '${docs}',
  options: v.object({ ...apiOptions, ...batchOptions }),
  connect(options, host) {
    const base = trimSlash(setting(options.apiBase, host, '${variable}_API_BASE') ?? '${baseURL}')
    const headers = { authorization: \`Bearer \${requiredKey('${name}', options.apiKey, host, '${variable}_API_KEY')}\` }
    return {
      toEvents: (report) => [eventOf(report)],
      request: (events) => postJson(\`\${base}/events\`, { events }, headers),
    }
  },
})

function eventOf(report: CallReport): JsonObject {
  const { id, operation, status, model, usage, cost, error, startTime, endTime } = report
  return compact({
    id,
    type: callType(operation),
    status,
    model,
    tokens: usage?.total_tokens,
    cost,
    error: error?.message,
    startedAt: new Date(startTime).toISOString(),
    milliseconds: endTime - startTime,
  })
}
`,
    test: `import { callbackContract, failedReport, sampleReport } from '@tianjillm/testing'
import { ${identifier} } from '../src/${names.folder}.ts'

const url = '${baseURL}/events'
const headers = { authorization: 'Bearer test-key' }
const event = { id: 'call-1', type: 'acompletion', model: 'gpt-4o-mini', startedAt: '2026-01-02T10:00:00.000Z' }

callbackContract(${identifier}, {
  options: { apiKey: 'test-key' },
  keyEnv: '${variable}_API_KEY',
  wrongOptions: { options: { batchSize: 0 }, path: 'batchSize' },
  cases: [
    {
      title: 'tells of a success and of a failure in one request',
      reports: [sampleReport(), failedReport()],
      sent: [
        {
          url,
          headers,
          json: {
            events: [
              { ...event, status: 'success', tokens: 30, cost: 0.00012, milliseconds: 1300 },
              { ...event, status: 'failure', error: 'openai: slow down', milliseconds: 1300 },
            ],
          },
        },
      ],
    },
  ],
})
`,
  }
}
