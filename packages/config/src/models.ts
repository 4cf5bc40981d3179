import type { JsonObject } from '@tianjillm/core'
import { isProviderAlias, pluginName } from './aliases.ts'
import { toBudget } from './budgets.ts'
import { mapValues, toFlag, toMap, toMaps, toNumber, toText, toTexts, valueAt, withoutNulls } from './coerce.ts'
import type { ModelConfig } from './config.ts'
import type { WithCredential } from './credentials.ts'
import { modelFieldKeys, modelGatewayKeys, priceKey } from './known-keys.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'
import { camelCased, respelled } from './spelling.ts'

/** The deployments of `model_list`; one with several organizations is several. */
export function readModels(file: JsonObject, withCredential: WithCredential, source: Source): readonly ModelConfig[] {
  const defaults = withoutNulls(toMap(valueAt(file, ['router_settings', 'default_litellm_params'])))
  return toMaps(file.model_list).flatMap((entry, index) => {
    const path = ['model_list', index]
    const own = withCredential(toMap(entry.litellm_params), [...path, 'litellm_params'])
    const { organization, ...params } = { ...defaults, ...own }
    const organizations = toTexts(organization)
    const id = idOf(entry)
    if (organizations.length === 0) return [readModel(entry, params, id, path, source)]
    return organizations.map((name, number) => {
      const ownId = Array.isArray(organization) ? id && `${id}-${number + 1}` : id
      return readModel(entry, { ...params, organization: name }, ownId, path, source)
    })
  })
}

function idOf(entry: JsonObject): string | undefined {
  const { id } = toMap(entry.model_info)
  return id === undefined || id === null ? undefined : String(id)
}

function readModel(
  entry: JsonObject,
  params: JsonObject,
  id: string | undefined,
  path: Path,
  source: Source,
): ModelConfig {
  const { provider, model } = splitModel(toText(params.model) ?? '', toText(params.custom_llm_provider))
  if (model === '') source.error([...path, 'litellm_params', 'model'], 'names no model')
  const toProvider = pick(params, (key) => !modelFieldKeys.has(key) && !isForGateway(key))
  return {
    name: toText(entry.model_name) ?? '',
    provider,
    model,
    options: camelCased(toProvider),
    params: toProvider,
    gatewayParams: pick(params, isForGateway),
    dropParams: toFlag(params.drop_params),
    extraHeaders: headersOf({ ...toMap(params.headers), ...toMap(params.extra_headers) }),
    extraBody: toMap(params.extra_body),
    timeout: toNumber(params.timeout),
    streamTimeout: toNumber(params.stream_timeout),
    sslVerify: toFlag(params.ssl_verify) ?? toText(params.ssl_verify),
    numRetries: toNumber(params.num_retries ?? params.max_retries),
    weight: toNumber(params.weight),
    rpm: toNumber(params.rpm),
    tpm: toNumber(params.tpm),
    order: toNumber(params.order),
    maxParallelRequests: toNumber(params.max_parallel_requests),
    budget: toBudget(params),
    cooldownTime: toNumber(params.cooldown_time),
    tags: toTexts(params.tags),
    mockResponse: params.mock_response,
    guardrails: toTexts(params.guardrails),
    id,
    info: toMap(entry.model_info),
    position: source.positionOf(path),
    positionOf: (key) => source.positionOf([...path, 'litellm_params', respelled(key)]),
  }
}

/**
 * The provider and its model id in a `model` as written: `groq/llama-3` is `groq` and `llama-3`. The provider given
 * beside it wins; without one, and without a prefix that looks like a provider's name, it is `openai`.
 */
export function splitModel(written: string, given?: string): { readonly provider: string; readonly model: string } {
  const slash = written.indexOf('/')
  const prefix = written.slice(0, Math.max(slash, 0))
  const rest = written.slice(slash + 1)
  if (given) {
    const provider = pluginName('provider', given)
    return { provider, model: prefix !== '' && pluginName('provider', prefix) === provider ? rest : written }
  }
  if (isProviderAlias(prefix) || /^[a-z0-9_]+$/.test(prefix))
    return { provider: pluginName('provider', prefix), model: rest }
  return { provider: written === '*' ? '*' : 'openai', model: written }
}

function isForGateway(key: string): boolean {
  return modelGatewayKeys.has(key) || priceKey.test(key)
}

function pick(map: JsonObject, isWanted: (key: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(map).filter(([key]) => isWanted(key)))
}

function headersOf(map: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    mapValues(map, (value) => (value === null || typeof value === 'object' ? undefined : String(value))),
  )
}
