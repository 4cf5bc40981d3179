import type { JsonObject } from '@tianjillm/core'
import type { Spend, SpendKind } from '@tianjillm/tenancy'
import type { Gateway } from '../gateway.ts'
import { demandAdmin } from './access.ts'
import { type GatewayApp, refuseMethod } from './app.ts'
import { demandTenancy, numbered } from './keys.ts'

const kinds: readonly SpendKind[] = ['keys', 'users', 'teams', 'tags', 'models']

const questions: Readonly<Record<string, (spend: Spend, query: JsonObject) => Promise<JsonObject>>> = {
  '/spend/logs': (spend, query) => spend.logs(query),
  '/global/spend/report': (spend, query) => spend.days(query),
  ...Object.fromEntries(
    kinds.map((kind) => [`/spend/${kind}`, (spend: Spend, query: JsonObject) => spend.sums(kind, query)]),
  ),
}

/** What was spent, for the master key. https://docs.litellm.ai/docs/proxy/cost_tracking */
export function spendRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const [path, ask] of Object.entries(questions))
    app.all(path, async (context) => {
      if (context.req.method !== 'GET') return refuseMethod(context.req.method, 'GET')
      await demandAdmin(gateway().access, context.env.incoming.headers)
      return context.json(await ask(demandTenancy(gateway()).spend, numbered(context.req.query())))
    })
}
