import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { FoundPrompt, Prompts as PromptTable } from '@tianjillm/tenancy'
import type { Gateway } from '../gateway.ts'
import { demandTenancy, type ManagementRequest, type ManagementRoute } from './management.ts'

/** Prompts that are kept in the database, and those of the configuration to look at. */
export const promptRoutes: readonly ManagementRoute[] = [
  { method: 'GET', path: '/prompts', audience: 'viewer', handle: list },
  { method: 'POST', path: '/prompts', audience: 'admin', handle: create },
  { method: 'POST', path: '/prompts/test', audience: 'viewer', handle: tryOut },
  { method: 'GET', path: '/prompts/:id', audience: 'viewer', handle: find },
  { method: 'PUT', path: '/prompts/:id', audience: 'admin', handle: revise },
  { method: 'PATCH', path: '/prompts/:id', audience: 'admin', handle: change },
  { method: 'DELETE', path: '/prompts/:id', audience: 'admin', handle: remove },
  { method: 'GET', path: '/prompts/:id/versions', audience: 'viewer', handle: versions },
]

/** A page of those of the database; those of the configuration come before the first. */
async function list({ gateway, query }: ManagementRequest): Promise<JsonObject> {
  const configured = [...(gateway.prompts.configured?.known ?? [])].map(([id, known]) => configuredFacts(id, known))
  if (gateway.tenancy === undefined)
    return { prompts: configured, total_count: configured.length, current_page: 1, total_pages: 1 }
  const { prompts, ...page } = await gateway.tenancy.prompts.list(query)
  // It made the list itself.
  const stored = (prompts as readonly JsonObject[]).map((facts) => ({ ...facts, source: 'database' }))
  return { prompts: page.current_page === 1 ? [...configured, ...stored] : stored, ...page }
}

async function create({ gateway, body, identity }: ManagementRequest): Promise<JsonObject> {
  const { readDraft } = await import('@tianjillm/prompts')
  const { name, prompt, ...draft } = readDraft(body)
  if (name === undefined) throw new GatewayError('invalid_request', '`name` is missing.', { param: 'name' })
  const content = JSON.stringify(prompt)
  const made = await changing(gateway, name).create(name, { ...draft, content }, makerOf(identity))
  return told(gateway, made)
}

async function revise({ gateway, params: { id = '' }, body, identity }: ManagementRequest): Promise<JsonObject> {
  const { readDraft } = await import('@tianjillm/prompts')
  const { name = id, prompt, ...draft } = readDraft(body)
  if (name !== id)
    throw new GatewayError('invalid_request', '`name` is not that of the path; a prompt keeps its name.', {
      param: 'name',
    })
  const content = JSON.stringify(prompt)
  const made = await changing(gateway, id).revise(id, { ...draft, content }, makerOf(identity))
  return told(gateway, made)
}

async function change({ gateway, params: { id = '' }, body }: ManagementRequest): Promise<JsonObject> {
  const { readChange } = await import('@tianjillm/prompts')
  return told(gateway, await changing(gateway, id).change(id, readChange(body)))
}

async function remove({ gateway, params: { id = '' } }: ManagementRequest): Promise<JsonObject> {
  const gone = await changing(gateway, id).delete(id)
  gateway.prompts.forget(id)
  return gone
}

async function find({ gateway, params: { id = '' }, query }: ManagementRequest): Promise<JsonObject> {
  const { LATEST, promptNotFound, readReference } = await import('@tianjillm/prompts')
  const { version, label, ...rest } = query
  demandNothing(rest)
  const { wanted } = readReference({ prompt_id: id, prompt_version: version, prompt_label: label })
  const { known } = gateway.prompts.configured ?? {}
  if (known?.has(id)) {
    const versions = known.get(id)
    if (versions === undefined) return configuredFacts(id, versions)
    const number = wanted.version ?? newestOf(versions)!
    const prompt = versions.get(number)
    if (prompt === undefined || (wanted.label ?? LATEST) !== LATEST) throw promptNotFound(id, wanted)
    return { ...configuredFacts(id, versions), version: number, ...prompt }
  }
  const found = await gateway.tenancy?.prompts.find(id, wanted)
  if (found === undefined) throw promptNotFound(id, wanted)
  return factsOf(found)
}

async function versions({ gateway, params: { id = '' }, query }: ManagementRequest): Promise<JsonObject> {
  const { promptNotFound } = await import('@tianjillm/prompts')
  const { known } = gateway.prompts.configured ?? {}
  if (known?.has(id)) {
    const all = [...(known.get(id)?.keys() ?? [])].toSorted((one, other) => other - one)
    return { versions: all.map((version) => ({ id, name: id, version, source: 'config' })), total_count: all.length }
  }
  if (gateway.tenancy === undefined) throw promptNotFound(id, {})
  return gateway.tenancy.prompts.versions(id, query)
}

async function tryOut({ body }: ManagementRequest): Promise<JsonObject> {
  const { readTrial, resolve } = await import('@tianjillm/prompts')
  const { prompt, variables } = readTrial(body)
  return { resolved: resolve(prompt, variables) }
}

/** The prompts of the database, to change this one. Throws GatewayError `invalid_request` for one of the configuration. */
function changing(gateway: Gateway, id: string): PromptTable {
  if (gateway.prompts.configured?.known.has(id)) {
    const message = `The prompt "${id.slice(0, 100)}" is in the configuration, and can only be changed there.`
    throw new GatewayError('invalid_request', message, { code: 'prompt_is_configured', param: 'name' })
  }
  return demandTenancy(gateway).prompts
}

/** What a changed prompt is now; calls see it from here on. */
function told({ prompts }: Gateway, made: FoundPrompt): JsonObject {
  const facts = factsOf(made)
  prompts.forget(String(facts.id))
  return facts
}

function factsOf({ facts, content }: FoundPrompt): JsonObject {
  // It was written from one.
  return { ...facts, source: 'database', ...(JSON.parse(content) as JsonObject) }
}

function configuredFacts(id: string, versions: ReadonlyMap<number, unknown> | undefined): JsonObject {
  return { id, name: id, version: newestOf(versions) ?? null, labels: [], metadata: {}, source: 'config' }
}

function newestOf(versions: ReadonlyMap<number, unknown> | undefined): number | undefined {
  return versions === undefined ? undefined : Math.max(...versions.keys())
}

function demandNothing(rest: JsonObject): void {
  const [param] = Object.keys(rest)
  if (param === undefined) return
  const message = `The parameter \`${param.slice(0, 100)}\` is not known. There are version and label.`
  throw new GatewayError('invalid_request', message, { param: param.slice(0, 100) })
}

function makerOf({ caller: { userId, keyAlias, keyHash } }: ManagementRequest['identity']): string | null {
  return userId ?? keyAlias ?? keyHash ?? null
}
