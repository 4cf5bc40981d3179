import { langfuse } from '@tianjillm/callback-langfuse'
import { prometheus } from '@tianjillm/callback-prometheus'
import type { CallbackPlugin, CallReport, Host } from '@tianjillm/core'
import { type ConfiguredCallback, createCallback } from '@tianjillm/engine'
import { createReporter } from '../../packages/engine/src/reporter.ts'
import { arrive, asked } from './calls.ts'
import type { Stage } from './measure.ts'
import { chatAnswer, chatUsage, deploymentOf, host } from './samples.ts'
import { memoryTransport } from './transport.ts'

const call = arrive()
Object.assign(call.record, { deployment: deploymentOf('gpt-5', memoryTransport), usage: chatUsage, attempts: 1 })
const output = JSON.parse(chatAnswer.toString())

/** A service that takes all it is sent, without a network. */
const serviceHost: Host = { ...host, fetch: async () => new Response('{"successes": [], "errors": []}') }

/** What the callbacks do is put off in the gateway; here it counts. */
export const stages: readonly Stage[] = [
  { name: 'write the report of a call', run: () => reportOf(false) },
  reporting('no callback', []),
  reporting('prometheus', [configured(prometheus, {}, host)]),
  reporting('langfuse', [configured(langfuse, { publicKey: 'pk', secretKey: 'sk' }, serviceHost)]),
]

function reporting(name: string, callbacks: readonly ConfiguredCallback[]): Stage {
  const reporter = createReporter(callbacks, host.log, host.now)
  return {
    name: `report a call, ${name}`,
    run: () => reporter.deliver(reportOf(reporter.wantsContent)),
    settle: () => reporter.flush(10_000),
  }
}

function reportOf(hasContent: boolean): CallReport {
  const content = hasContent ? { input: asked.input, output } : { input: undefined, output: undefined }
  return call.record.report(call.call, { ...content, cost: undefined, stream: false, error: undefined })
}

function configured(plugin: CallbackPlugin, options: object, surroundings: Host): ConfiguredCallback {
  return { name: plugin.name, callback: createCallback(plugin, options, surroundings), on: 'both' }
}
