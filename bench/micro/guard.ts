import { type Answer, type ConfiguredGuardrail, createGuardrail } from '@tianjillm/engine'
import { litellmContentFilter } from '@tianjillm/guardrail-litellm-content-filter'
import { createRouter } from '@tianjillm/router'
import { parseRequest, readRequest } from '../../apps/gateway/src/http/requests.ts'
import { chooseGuards, guardAnswer, guardBeside, guardRequest } from '../../packages/engine/src/guard.ts'
import { arrive, asked } from './calls.ts'
import type { Stage } from './measure.ts'
import { chatAnswer, chatRequest, deploymentOf, host } from './samples.ts'
import { memoryTransport } from './transport.ts'

const plan = createRouter([deploymentOf('gpt-5', memoryTransport)]).plan({ model: 'gpt-5', tags: [] })
const answer: Answer = { type: 'bytes', contentType: 'application/json', bytes: chatAnswer }
const answered = Promise.resolve(answer)
const idle = arrive()
const filter = filterOf({
  patterns: [{ pattern_type: 'prebuilt', pattern_name: 'email', action: 'MASK' }],
  blockedWords: [{ keyword: 'falcon', action: 'BLOCK' }],
})
const long = readRequest({ operation: 'chat' }, parseRequest('chat', chatRequest(8 * 1024), 'application/json'))

/** What guardrails cost, beside asking a judge. */
export const stages: readonly Stage[] = [
  {
    name: 'guardrails, none configured',
    run() {
      const { call, record } = idle
      const guards = chooseGuards([], plan, asked, call, record)
      const allowed = guardRequest(guards, asked, call, record)
      // Not awaited: only what the stages themselves cost is to be seen.
      const pending = guardBeside(guards, asked, call, record, () => answered)
      guardAnswer(guards, answer, asked, call, record)
      return [allowed, pending].length
    },
  },
  { name: 'a content filter, 300 B', run: () => judge(asked) },
  { name: 'a content filter, 8 KiB', run: () => judge(long) },
]

function judge(request: typeof asked): unknown {
  const { call, record } = arrive()
  return guardRequest(chooseGuards([filter], plan, request, call, record), request, call, record)
}

function filterOf(options: object): ConfiguredGuardrail {
  return {
    ...{ name: 'filter', plugin: litellmContentFilter.name, hooks: ['pre_call'] },
    guardrail: createGuardrail(litellmContentFilter, options, host),
    ...{ isDefault: true, failMode: 'closed', timeout: 10_000 },
  }
}
