import { formatProblem } from '@tianjillm/config'
import { GatewayError } from '@tianjillm/core'
import type { ManagementRoute } from './management.ts'

/** Reads the configuration again and puts it in force. */
export const configReloadRoutes: readonly ManagementRoute[] = [
  {
    method: 'POST',
    path: '/config/reload',
    audience: 'admin',
    async handle({ gateway: { reload, engine } }) {
      if (reload === undefined)
        throw new GatewayError('invalid_request', 'The gateway was started without a file that could be read again.')
      const { isInForce, generation, problems } = await reload('POST /config/reload')
      const lines = problems.map((problem) => engine.redact(formatProblem(problem)))
      if (isInForce) return { status: 'reloaded', generation, warnings: lines }
      throw new GatewayError(
        'invalid_request',
        'The configuration cannot be used; the one before stays in force. Mend what problems says.',
        { code: 'invalid_configuration', details: { generation, problems: lines } },
      )
    },
  },
]
