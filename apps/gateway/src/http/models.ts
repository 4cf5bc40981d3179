import { didYouMean, GatewayError } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import { type GatewayApp, refuseMethod } from './app.ts'

/** `GET /v1/models` and one of them, in OpenAI's shape. https://platform.openai.com/docs/api-reference/models */
export function modelRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const prefix of ['', '/v1']) {
    app.get(`${prefix}/models`, (context) => {
      gateway().access.authenticate(context.env.incoming.headers)
      return context.json({ object: 'list', data: names(gateway()).map(modelObject) })
    })
    app.get(`${prefix}/models/:id{.+}`, (context) => {
      gateway().access.authenticate(context.env.incoming.headers)
      const id = context.req.param('id')
      const known = names(gateway())
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

function names({ engine }: Gateway): readonly string[] {
  return [...new Set(engine.deployments.map(({ group }) => group))]
}

function modelObject(id: string) {
  return { id, object: 'model', created: 1_677_610_602, owned_by: 'openai' }
}
