import { createEngine, run, send } from '@tianjillm/engine'
import { createRouter } from '@tianjillm/router'
import { arrive, asked } from './calls.ts'
import type { Stage } from './measure.ts'
import { deploymentOf, host } from './samples.ts'
import { memoryTransport as transport } from './transport.ts'

const deployments = [deploymentOf('gpt-5', transport), deploymentOf('gpt-5', transport)]
const wildcard = [deploymentOf('openai/*', transport, { model: '*' }), deploymentOf('azure/*', transport)]
const router = createRouter([...deployments, ...wildcard])
const route = { deployment: deployments[0]!, model: 'gpt-5-2026' }
const engine = createEngine({ host, transport, deployments })
const { call } = arrive()

/** From the parsed request to the answer, of a vendor who answers at once and whose bytes are passed through. */
export const stages: readonly Stage[] = [
  { name: 'plan, two deployments', run: () => router.plan({ model: 'gpt-5', tags: [] }) },
  { name: 'plan, a wildcard', run: () => router.plan({ model: 'openai/gpt-5', tags: [] }) },
  { name: 'ask a vendor and take the answer', run: () => send(route, asked, call, transport) },
  {
    name: 'the whole engine',
    run() {
      const arrived = arrive()
      return run(engine, arrived.call, asked, arrived.record)
    },
  },
]
