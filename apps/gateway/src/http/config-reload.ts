import { formatProblem } from '@tianjillm/config'
import { GatewayError } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import { demandAdmin } from './access.ts'
import { type GatewayApp, refuseMethod } from './app.ts'

/** `POST /config/reload`, for the master key: reads the configuration again and puts it in force. */
export function configReloadRoute(app: GatewayApp, gateway: () => Gateway): void {
  app.all('/config/reload', async (context) => {
    const { method } = context.req
    if (method !== 'POST') return refuseMethod(method, 'POST')
    const { access, reload, engine } = gateway()
    await demandAdmin(access, context.env.incoming.headers)
    if (reload === undefined)
      throw new GatewayError('invalid_request', 'The gateway was started without a file that could be read again.')
    const { isInForce, generation, problems } = await reload('POST /config/reload')
    const lines = problems.map((problem) => engine.redact(formatProblem(problem)))
    if (isInForce) return context.json({ status: 'reloaded', generation, warnings: lines })
    throw new GatewayError(
      'invalid_request',
      'The configuration cannot be used; the one before stays in force. Mend what problems says.',
      { code: 'invalid_configuration', details: { generation, problems: lines } },
    )
  })
}
