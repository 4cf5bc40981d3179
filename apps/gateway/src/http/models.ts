import { didYouMean, GatewayError } from '@tianjillm/core'
import type { Engine } from '@tianjillm/engine'
import type { Identity } from '../admission/identity.ts'
import type { Gateway } from '../gateway.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { matcherOf } from './matcher.ts'

/** `GET /v1/models` and one of them, in OpenAI's shape. https://platform.openai.com/docs/api-reference/models */
export function modelRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const prefix of ['', '/v1']) {
    app.get(`${prefix}/models`, async (context) =>
      context.json({ object: 'list', data: (await namesIn(context, gateway())).map(modelObject) }),
    )
    app.get(`${prefix}/models/:id{.+}`, async (context) => {
      const known = await namesIn(context, gateway())
      const id = context.req.param('id')
      if (!known.includes(id))
        throw new GatewayError(
          'model_not_found',
          `The model "${id.slice(0, 100)}" is not configured.${didYouMean(id, known)}`,
          { param: 'model' },
        )
      return context.json(modelObject(id))
    })
    app.all(`${prefix}/models`, (context) => refuseMethod(context.req.method, 'GET'))
  }
}

/** Names that somebody may ask for: of groups, auto-routers, other names of them, and its own that a group with a `*` serves. */
export function namesFor(identity: Identity, engine: Engine): readonly string[] {
  const groups = [
    ...engine.deployments.map(({ group }) => group),
    ...(engine.autoRouters?.keys() ?? []),
    ...engine.router.rules.listedAliases,
  ]
  return [...new Set([...groups.filter(identity.mayUse), ...identity.models.filter(matcherOf(groups))])]
}

async function namesIn(context: GatewayContext, { access, engine }: Gateway): Promise<readonly string[]> {
  return namesFor(await access.authenticate(context.env.incoming), engine)
}

function modelObject(id: string) {
  return { id, object: 'model', created: 1_677_610_602, owned_by: 'openai' }
}
