import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type Access, createLogs } from '../../apps/gateway/src/log.ts'
import { createRedactor } from '../../apps/gateway/src/redact.ts'
import { arrive } from './calls.ts'
import type { Stage } from './measure.ts'
import { chatUsage, deploymentOf } from './samples.ts'
import { memoryTransport } from './transport.ts'

const access = accessOf()
const redact = createRedactor(Array.from({ length: 20 }, (_, index) => `sk-bench-${index}-of-the-vendor`))
const message =
  'openai: Incorrect API key provided: sk-bench-19-of-the-vendor. Find yours in the settings of your account.'

/** After the answer; standard output is /dev/null here. */
export const stages: readonly Stage[] = [
  line('a line of the access log', 'info'),
  line('no access log', 'warn'),
  { name: 'take secrets out of an error', run: () => redact(message) },
]

function line(name: string, level: string): Stage {
  const logs = createLogs(level, createRedactor(['sk-bench-secret']))
  return { name, run: () => logs.access(access), settle: () => logs.flush() }
}

function accessOf(): Access {
  const incoming = new IncomingMessage(new Socket())
  incoming.method = 'POST'
  const { record } = arrive()
  record.deployment = deploymentOf('gpt-5', memoryTransport)
  record.usage = chatUsage
  return {
    ...{ id: '0190b2b4-0000-4000-8000-000000000000', path: '/v1/chat/completions', incoming, record },
    ...{ outgoing: new ServerResponse(incoming), failure: undefined, duration: 412.3456 },
  }
}
