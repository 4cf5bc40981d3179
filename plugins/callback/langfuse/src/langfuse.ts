import {
  answerOf,
  type BatchOptions,
  batchCallback,
  batchOptions,
  callType,
  modelParameters,
  postJson,
  promptOf,
  type Refusal,
} from '@tianjillm/batch-callback'
import {
  type CallbackPlugin,
  type CallReport,
  compact,
  type Host,
  isJsonObject,
  type JsonObject,
  requiredSetting,
  setting,
  trimSlash,
  type Usage,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of the Langfuse callback. */
export interface LangfuseOptions extends BatchOptions {
  /** Default: LANGFUSE_PUBLIC_KEY. */
  readonly publicKey?: string | undefined
  /** Default: LANGFUSE_SECRET_KEY. */
  readonly secretKey?: string | undefined
  /** Default: LANGFUSE_HOST, else `https://cloud.langfuse.com`. */
  readonly apiBase?: string | undefined
  /** Release of your application, shown with each trace. Default: LANGFUSE_RELEASE. */
  readonly release?: string | undefined
}

interface IngestionEvent {
  readonly id: string
  readonly timestamp: string
  readonly type: 'trace-create' | 'generation-create'
  readonly body: JsonObject
}

/** Fields of a request's `metadata` that speak to this callback; all others are shown as metadata. */
const controls: ReadonlySet<string> = new Set([
  'debug_langfuse',
  'existing_trace_id',
  'generation_id',
  'generation_name',
  'mask_input',
  'mask_output',
  'parent_observation_id',
  'session_id',
  'tags',
  'trace_id',
  'trace_metadata',
  'trace_name',
  'trace_release',
  'trace_user_id',
  'trace_version',
  'update_trace_keys',
  'version',
])

const MASKED = 'redacted'

/** Langfuse traces every call: a trace and a generation each. https://api.reference.langfuse.com/#tag/ingestion */
export const langfuse: CallbackPlugin<LangfuseOptions> = batchCallback({
  name: 'langfuse',
  title: 'Langfuse',
  docs: 'https://langfuse.com/docs/api',
  options: v.object({
    ...batchOptions,
    publicKey: v.optional(v.string()),
    secretKey: v.optional(v.string()),
    apiBase: v.optional(v.string()),
    release: v.optional(v.string()),
  }),
  content: true,
  limits: { maxBytes: 3_500_000 },
  env: { flushInterval: 'LANGFUSE_FLUSH_INTERVAL' },
  connect: (options, host) => {
    const key = (title: string, option: string, given: string | undefined, variable: string) =>
      requiredSetting('langfuse', { title, option, section: 'callback_settings.langfuse' }, given, host, variable)
    const publicKey = key('public key', 'public_key', options.publicKey, 'LANGFUSE_PUBLIC_KEY')
    const secretKey = key('secret key', 'secret_key', options.secretKey, 'LANGFUSE_SECRET_KEY')
    const base = trimSlash(setting(options.apiBase, host, 'LANGFUSE_HOST') ?? 'https://cloud.langfuse.com')
    const release = setting(options.release, host, 'LANGFUSE_RELEASE')
    const headers = { authorization: `Basic ${btoa(`${publicKey}:${secretKey}`)}` }
    return {
      toEvents: (report) => eventsOf(report, release, host),
      request: (batch) => postJson(`${base}/api/public/ingestion`, { batch }, headers),
      refused,
    }
  },
})

/** A 207 tells of each event. */
function refused(answer: unknown, events: readonly IngestionEvent[]): readonly Refusal<IngestionEvent>[] {
  if (!isJsonObject(answer) || !Array.isArray(answer.errors)) return []
  const statuses = new Map(answer.errors.filter(isJsonObject).map(({ id, status }) => [id, Number(status)]))
  return events.flatMap((event) => {
    const status = statuses.get(event.id)
    return status === undefined ? [] : [{ event, status }]
  })
}

function eventsOf(report: CallReport, release: string | undefined, host: Host): readonly IngestionEvent[] {
  const event = (type: IngestionEvent['type'], time: number, body: JsonObject): IngestionEvent => ({
    id: host.uuid(),
    timestamp: timestamp(time),
    type,
    body: compact(body),
  })
  const content = contentOf(report)
  const trace = traceOf(report, content, release)
  return [
    ...(trace ? [event('trace-create', report.startTime, trace)] : []),
    event('generation-create', report.endTime, generationOf(report, content)),
  ]
}

interface Content {
  readonly input: unknown
  readonly output: unknown
}

function contentOf(report: CallReport): Content {
  const { metadata } = report
  const prompt = promptOf(report)
  const tools = report.input?.tools
  return {
    input: metadata.mask_input ? MASKED : tools ? { messages: prompt, tools } : prompt,
    output: metadata.mask_output ? MASKED : answerOf(report),
  }
}

/** The trace; of one that exists already only what the request wants to update, undefined when that is nothing. */
function traceOf(report: CallReport, content: Content, release: string | undefined): JsonObject | undefined {
  const { caller, metadata } = report
  const trace: JsonObject = {
    id: traceId(report),
    timestamp: timestamp(report.startTime),
    name: text(metadata.trace_name ?? defaultName(report)),
    userId: text(metadata.trace_user_id ?? caller.endUserId ?? caller.userId),
    ...content,
    sessionId: text(metadata.session_id),
    release: text(metadata.trace_release ?? release),
    version: text(metadata.trace_version ?? metadata.version),
    metadata: metadata.trace_metadata,
    tags: tagsOf(report),
  }
  if (text(metadata.existing_trace_id) === undefined) return trace
  const wanted = Array.isArray(metadata.update_trace_keys) ? metadata.update_trace_keys.map(String) : []
  const updates = wanted.map(traceField).filter((field) => field in trace)
  return updates.length > 0
    ? { id: trace.id, ...Object.fromEntries(updates.map((field) => [field, trace[field]])) }
    : undefined
}

function generationOf(report: CallReport, content: Content): JsonObject {
  const { cost, metadata, usage } = report
  return {
    id: text(metadata.generation_id ?? report.id),
    traceId: traceId(report),
    parentObservationId: text(metadata.parent_observation_id),
    name: text(metadata.generation_name ?? defaultName(report)),
    startTime: timestamp(report.startTime),
    endTime: timestamp(report.endTime),
    completionStartTime: report.firstTokenTime === undefined ? undefined : timestamp(report.firstTokenTime),
    model: report.model,
    modelParameters: parametersOf(report),
    ...content,
    usage: usage && {
      input: usage.prompt_tokens,
      output: usage.completion_tokens,
      total: usage.total_tokens,
      unit: 'TOKENS',
      ...(cost !== undefined && { totalCost: cost }),
    },
    usageDetails: usage && usageDetails(usage),
    costDetails: cost === undefined ? undefined : { total: cost },
    metadata: metadataOf(report),
    level: report.error ? 'ERROR' : 'DEFAULT',
    statusMessage: report.error?.message,
    version: text(metadata.version),
  }
}

/** Langfuse adds up all that is named input or output, so nothing may be counted twice. */
function usageDetails(usage: Usage): JsonObject {
  const cached = usage.prompt_tokens_details?.cached_tokens
  const reasoning = usage.completion_tokens_details?.reasoning_tokens
  return compact({
    input: usage.prompt_tokens - (cached ?? 0),
    input_cached_tokens: cached,
    output: usage.completion_tokens - (reasoning ?? 0),
    output_reasoning_tokens: reasoning,
    total: usage.total_tokens,
  })
}

/** Langfuse takes texts, numbers and booleans; anything else goes as JSON text. */
function parametersOf(report: CallReport): JsonObject {
  const { tools: _, ...parameters } = modelParameters(report)
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : value,
    ]),
  )
}

/** The request's own metadata, and who asked for what. */
function metadataOf(report: CallReport): JsonObject {
  const { caller, metadata } = report
  return compact({
    ...Object.fromEntries(Object.entries(metadata).filter(([name]) => !controls.has(name))),
    litellm_call_id: report.id,
    custom_llm_provider: report.provider,
    model_group: report.modelGroup,
    model_id: report.deploymentId,
    api_base: report.apiBase,
    cache_hit: report.cacheHit || undefined,
    user_api_key_hash: caller.keyHash,
    user_api_key_alias: caller.keyAlias,
    user_api_key_user_id: caller.userId,
    user_api_key_team_id: caller.teamId,
    user_api_key_team_alias: caller.teamAlias,
  })
}

function traceId({ metadata, traceId }: CallReport): string {
  return text(metadata.existing_trace_id ?? metadata.trace_id) ?? traceId
}

/** The trace's field that a name in `update_trace_keys` means: `trace_user_id` is `userId`. */
function traceField(name: string): string {
  return name.replace(/^trace_/, '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Metadata is the client's own, but Langfuse refuses ids and names that are not text. */
function text(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

function defaultName({ operation }: CallReport): string {
  return `litellm-${callType(operation)}`
}

function tagsOf({ metadata, tags }: CallReport): readonly string[] {
  const own = Array.isArray(metadata.tags) ? metadata.tags.filter((tag) => typeof tag === 'string') : []
  return [...new Set([...tags, ...own])]
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
