import { didYouMean, GatewayError } from '@tianjillm/core'
import type { Identity } from '../admission/identity.ts'
import type { Catalog, Entry } from '../discovery/catalog.ts'
import { documentOf } from '../discovery/document.ts'
import type { Gateway } from '../gateway.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { sendDocument } from './document.ts'
import { namesFor } from './models.ts'

/** What there is to be asked for, and what is known of it, as LiteLLM tells it. */
export function discoveryRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const [path, tell] of Object.entries(keyed))
    get(app, path, async (context) => {
      const asked = await inquiryOf(context, gateway())
      return sendDocument(context, documentOf(tell(asked, context)), false)
    })

  get(app, '/public/providers', (context) => sendDocument(context, documentOf(gateway().discovery.providers()), true))

  get(app, '/public/model_hub', async (context) => {
    const { discovery } = gateway()
    const catalog = await discovery.catalog()
    const groups = discovery.publicGroups.flatMap((name) => catalog.find(name)?.group ?? [])
    return sendDocument(context, documentOf(groups), true)
  })

  for (const path of ['/public/litellm_model_cost_map', '/public/tianji_model_cost_map'])
    get(app, path, async (context) => sendDocument(context, await gateway().discovery.costMap(), true))
}

/** Who asks, of what one configuration has. */
interface Inquiry {
  readonly identity: Identity
  readonly catalog: Catalog
  /** Names that may be listed. */
  readonly names: readonly string[]
}

type Tell = (inquiry: Inquiry, context: GatewayContext) => unknown

const groupInfo: Tell = (inquiry, context) => {
  const name = context.req.query('model_group')
  const entries = name ? [demand(inquiry, name, 'model_group')] : listed(inquiry)
  return { data: entries.map(({ group }) => group) }
}

const modelInfo: Tell = (inquiry, context) => {
  const id = context.req.query('litellm_model_id')
  const models = listed(inquiry).flatMap((entry) => entry.models)
  if (!id) return { data: models }
  const model = models.find(({ model_info }) => model_info.id === id)
  if (model === undefined) throw unknown('deployment', id, 'litellm_model_id', [])
  return { data: [model] }
}

const supportedParams: Tell = (inquiry, context) => {
  const name = context.req.query('model')
  if (!name) throw new GatewayError('invalid_request', 'Which model? Add ?model=<name>.', { param: 'model' })
  return { supported_openai_params: demand(inquiry, name, 'model').group.supported_openai_params }
}

/** Routes that tell each key of what it may use. */
const keyed: Readonly<Record<string, Tell>> = {
  '/model_group/info': groupInfo,
  '/model/info': modelInfo,
  '/v1/model/info': modelInfo,
  '/utils/supported_openai_params': supportedParams,
}

/** Takes all from one gateway, so that no answer mixes two configurations. */
async function inquiryOf(context: GatewayContext, { access, discovery, engine }: Gateway): Promise<Inquiry> {
  const identity = await access.authenticate(context.env.incoming)
  return { identity, catalog: await discovery.catalog(), names: namesFor(identity, engine) }
}

function listed({ catalog, names }: Inquiry): readonly Entry[] {
  return names.flatMap((name) => catalog.find(name) ?? [])
}

function demand({ identity, catalog, names }: Inquiry, name: string, param: string): Entry {
  const entry = identity.mayUse(name) ? catalog.find(name) : undefined
  if (entry === undefined) throw unknown('model', name, param, names)
  return entry
}

function unknown(what: string, name: string, param: string, names: readonly string[]): GatewayError {
  const message = `The ${what} "${name.slice(0, 100)}" is not configured.${didYouMean(name, names)}`
  return new GatewayError('model_not_found', message, { param })
}

function get(app: GatewayApp, path: string, answer: (context: GatewayContext) => Promise<Response>): void {
  app.get(path, answer)
  app.all(path, (context) => refuseMethod(context.req.method, 'GET'))
}
